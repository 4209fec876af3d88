"""Experiments: a name means one configuration for good, on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetSelection, DagsterInstance, ExecuteInProcessResult
from support.pipeline_runs import materialized, new_instance, reasons, run_column, versions
from support.scenario_sensor import SCENARIO, evaluate, project_with_one_scenario, reported
from support.services import object_store

from townlet.config import load_scenario
from townlet.errors import InputError
from townlet_pipeline.artefacts.partitions import known_scenarios
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.experiments import register
from townlet_pipeline.definitions import defs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scenario folder of a project with one scenario."""
    return project_with_one_scenario(tmp_path / "project", monkeypatch)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with new_instance(tmp_path) as made:
        yield made


def launch(instance: DagsterInstance, store: Path, **config: object) -> ExecuteInProcessResult:
    return defs.resolve_job_def("register_experiment").execute_in_process(
        instance=instance,
        run_config={
            "ops": {"freeze_and_register": {"config": {"scenario": SCENARIO, "experiment": "bold", **config}}},
            "resources": {"store": {"config": {"root": str(store)}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        raise_on_error=False,
    )


def test_an_experiment_is_a_partition_whose_scenario_has_the_changes(
    folder: Path, instance: DagsterInstance, tmp_path: Path
) -> None:
    store, key = tmp_path / "store", f"{SCENARIO}__bold"
    changes = {
        "training": {"ppo": {"learning_rate": 0.01}},
        "simulator": {"ticks": 12, "seed": 4},
        "settings": ["ppo.target_kl=1e-2", "network.hidden=[8, 4]"],
    }
    assert launch(instance, store, **changes).success
    assert known_scenarios(instance) == [key]
    only = AssetSelection.assets("scenario", "rollout_capture")
    result = run_column(instance, store, scenario=key, selection=only)
    assert result.success, reasons(result)
    made = load_scenario(store / key / "scenario" / f"{key}.yaml")
    assert (made.training.ppo.learning_rate, made.ticks, made.seed) == (0.01, 12, 4)
    assert (made.training.ppo.target_kl, made.training.network.hidden) == (0.01, (8, 4))
    base = load_scenario(folder / f"{SCENARIO}.yaml")
    assert made.training.ppo.gamma == base.training.ppo.gamma
    assert made.town_digest == base.town_digest
    assert versions(result)["scenario"] == made.digest
    assert materialized(result)["rollout_capture"].metadata["agent_steps"].value == 12


def test_the_same_experiment_again_is_nothing_new_and_a_changed_one_is_refused(
    folder: Path, instance: DagsterInstance, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    frozen = store / f"{SCENARIO}__bold" / "experiment" / f"{SCENARIO}__bold.yaml"
    assert launch(instance, store, training={"cycles": 3}).success
    before = frozen.read_bytes()
    assert launch(instance, store, training={"cycles": 3}).success
    refused = launch(instance, store, training={"cycles": 4})
    reason = reasons(refused)["freeze_and_register"]
    assert f"{frozen}: training.cycles: found 4, expected 3, as the experiment" in reason
    assert frozen.read_bytes() == before
    assert known_scenarios(instance) == [f"{SCENARIO}__bold"]


def test_an_experiment_stays_what_it_is_when_its_scenario_is_edited(
    folder: Path, instance: DagsterInstance, tmp_path: Path
) -> None:
    store = StoreResource()
    register(instance, store, SCENARIO, "bold")
    file = folder / f"{SCENARIO}.yaml"
    file.write_text(file.read_text().replace("seed: 17", "seed: 18"))
    with pytest.raises(InputError, match=r"seed: found 18, expected 17"):
        register(instance, store, SCENARIO, "bold")
    evaluated = evaluate(instance, None)
    assert reported(evaluated) == {}, "an experiment has no file in the folder, and is not reported as missing one"


def test_an_experiment_is_the_same_on_every_machine_of_an_object_store(
    folder: Path, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with object_store() as variables:
        team = {"TOWNLET_ENV": "shared", "TOWNLET_POSTGRES_URL": "postgresql+psycopg2://ada@127.0.0.1/townlet"}
        for name, value in {**team, **variables}.items():
            monkeypatch.setenv(name, value)
        here, there = (StoreResource(root=str(tmp_path / name)) for name in ("here", "there"))
        made = register(instance, here, SCENARIO, "bold", changes={"training": {"cycles": 3}})
        assert source_of(there, made.key).read_bytes() == made.file.read_bytes()
        with pytest.raises(InputError, match=r"training.cycles: found 4, expected 3"):
            register(instance, there, SCENARIO, "bold", changes={"training": {"cycles": 4}})
        assert not register(instance, there, SCENARIO, "bold", changes={"training": {"cycles": 3}}).new


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scenario": "observation_baselin"}, "did you mean 'observation_baseline'?"),
        ({"experiment": "Bold!"}, "expected a name of lower-case letters"),
        ({"training": {"ppo": {"learning_rate": 7.0}}}, "learning_rate: found 7.0, expected less than or equal to 1"),
        ({"training": {"cycels": 2}}, "training.cycels"),
        ({"simulator": {"worlds": 0}}, "--worlds: found 0, expected"),
        ({"rules": {"lifecycle": {"eviction_debt": 5.0}}}, "rules.lifecycle.eviction_debt: found 5, expected 0"),
        ({"rules": {"perturbations": {"price_spike": {"per_day": 1.0}}}}, "price_spike"),
        ({"settings": ["ppo.gama=1"]}, "experiment: ppo.gama: found unknown key 'gama', expected one of"),
        (
            {"settings": ["cycles=2"], "training": {"cycles": 3}},
            "settings: found training.cycles, which another",
        ),
        ({"experiment": "b" * 250}, "experiment: found 250 letters, expected at most 78"),
    ],
)
def test_a_faulty_experiment_is_refused_and_leaves_nothing(
    folder: Path, instance: DagsterInstance, tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    result = launch(instance, tmp_path / "store", **changes)
    assert reason in reasons(result)["freeze_and_register"]
    assert known_scenarios(instance) == []
    assert list((tmp_path / "store").rglob("*.yaml")) == []


def test_a_name_whose_file_cannot_be_read_is_free_until_something_was_made_of_it(
    folder: Path, instance: DagsterInstance
) -> None:
    store = StoreResource()
    made = register(instance, store, SCENARIO, "bold", changes={"training": {"cycles": 3}})
    made.file.write_text(made.file.read_text().replace("ticks:", "tikcs:"))
    again = register(instance, store, SCENARIO, "bold", changes={"training": {"cycles": 4}})
    assert again.new and load_scenario(again.file).training.cycles == 4
    assert run_column(instance, store, scenario=again.key, selection=AssetSelection.assets("scenario")).success
    broken = again.file.read_text().replace("ticks:", "tikcs:")
    again.file.write_text(broken)
    with pytest.raises(InputError, match=rf"retire {again.key} --delete-files"):
        register(instance, store, SCENARIO, "bold", changes={"training": {"cycles": 4}})
    assert again.file.read_text() == broken
