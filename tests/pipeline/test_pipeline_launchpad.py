"""Launchpads: a job offers only options that have an effect, and a column's shows the values of its scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInvariantViolationError, build_input_context, build_output_context
from support.scenario_sensor import SCENARIO, project_with_one_scenario

from townlet.config import load_scenario
from townlet.config.options import with_options
from townlet.errors import InputError
from townlet_pipeline.definitions import defs
from townlet_pipeline.resources import NoValues, SimulatorResource, TrainerResource

#: The resources with options that a job offers, if not only the store.
OFFERED = {
    "train_scenario": {"store", "simulator", "trainer"},
    "train_seeds": {"store", "trainer"},
    "certify": set(),
}
JOBS = [job.name for job in defs.get_repository_def().get_all_jobs() if not job.name.startswith("__")]


def offered(job: str) -> dict[str, Any]:
    """The options of a job's resources, by resource, that its launchpad offers."""
    fields = defs.resolve_job_def(job).run_config_schema.run_config_schema_type.fields["resources"].config_type.fields
    options = {name: field.config_type.fields["config"].config_type.fields for name, field in fields.items()}
    return {name: each for name, each in options.items() if each}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_offers_the_options_of_the_resources_that_it_uses_and_no_others(job: str) -> None:
    assert OFFERED.keys() <= set(JOBS)
    assert offered(job).keys() == OFFERED.get(job, {"store"})


def shown(key: str) -> dict[str, Any]:
    """The options of simulator and trainer that the launchpad shows once a partition is chosen."""
    config = defs.resolve_job_def("train_scenario").partitioned_config
    assert config is not None
    resources = config.get_run_config_for_partition_key(key).get("resources", {})
    return {name: options["config"] for name, options in resources.items()}


def test_the_launchpad_of_a_column_shows_the_scenarios_values_and_they_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project_with_one_scenario(tmp_path / "project", monkeypatch)
    file = folder / f"{SCENARIO}.yaml"
    scenario, options = load_scenario(file), shown(SCENARIO)
    assert options["trainer"]["learning_rate"] == scenario.training.ppo.learning_rate
    assert options["trainer"]["cycles"] == scenario.training.cycles
    assert TrainerResource(**options["trainer"]).configured(scenario) == scenario
    assert options["simulator"] == SimulatorResource(**options["simulator"]).options()
    assert with_options(scenario, **options["simulator"]) == scenario
    file.write_text(file.read_text().replace("ticks:", "tikcs:"))
    assert shown(SCENARIO) == shown("gone") == {}, "the run itself reports what is wrong with it"


def test_a_setting_replaces_a_value_that_the_launchpad_filled_in_and_contradicts_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load_scenario(project_with_one_scenario(tmp_path / "project", monkeypatch) / f"{SCENARIO}.yaml")
    options = shown(SCENARIO)
    trainer = options["trainer"] | {"settings": ["ppo.learning_rate=2e-4", "cycles=7", "network.hidden=[8]"]}
    training = TrainerResource(**trainer).configured(scenario).training
    assert (training.ppo.learning_rate, training.cycles, training.network.hidden) == (2e-4, 7, (8,))
    with pytest.raises(InputError, match=r"^trainer options: cycles: found 9 beside training.cycles=7 in settings"):
        TrainerResource(**(trainer | {"cycles": 9})).configured(scenario)
    simulator = SimulatorResource(**(options["simulator"] | {"settings": ["ticks=11"]}))
    assert simulator.options_beside(scenario).keys() == {"worlds", "seed"}
    assert simulator.configured(scenario).ticks == 11


def test_a_value_that_a_step_hands_on_is_refused_rather_than_pickled() -> None:
    with pytest.raises(DagsterInvariantViolationError, match="hand on no values"):
        NoValues().handle_output(build_output_context(step_key="a"), 1)
    with pytest.raises(DagsterInvariantViolationError, match="load no values"):
        NoValues().load_input(build_input_context(name="a"))
