"""Partitions keep up with the scenario files, and an experiment's name means one configuration for ever."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import (
    AssetKey,
    AssetSelection,
    DagsterInstance,
    ExecuteInProcessResult,
    SensorResult,
    build_sensor_context,
)
from support.pipeline_runs import materialized, new_instance, reasons, run_column, versions
from support.services import object_store

from townlet.config import load_scenario
from townlet.errors import InputError
from townlet_pipeline.artefacts.partitions import known_scenarios, register_scenarios
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.experiments import register
from townlet_pipeline.column.sensors import scenario_files
from townlet_pipeline.definitions import defs
from townlet_pipeline.instance.project import scenario_file

SCENARIO = "observation_baseline"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scenario folder of a project with one scenario."""
    place = tmp_path / "project" / "configs" / "scenarios"
    place.mkdir(parents=True)
    shutil.copy(scenario_file(SCENARIO), place)
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path / "project"))
    return place


def write_scenario(folder: Path, name: str) -> Path:
    """Another valid scenario in the folder."""
    file = folder / f"{name}.yaml"
    file.write_text((folder / f"{SCENARIO}.yaml").read_text().replace(f"name: {SCENARIO}", f"name: {name}"))
    return file


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with new_instance(tmp_path) as made:
        yield made


def evaluate(instance: DagsterInstance, cursor: str | None) -> SensorResult:
    """One evaluation of the sensor, its requests carried out as the daemon does."""
    result = scenario_files(build_sensor_context(instance=instance, cursor=cursor), store=StoreResource())
    assert isinstance(result, SensorResult)
    for request in result.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    return result


def reported(result: SensorResult) -> dict[str | None, str]:
    return {event.partition: str(event.metadata["change"].value) for event in result.asset_events}


def test_a_new_file_becomes_a_partition_and_a_removed_one_is_reported_and_kept(
    folder: Path, instance: DagsterInstance
) -> None:
    first = evaluate(instance, None)
    assert known_scenarios(instance) == [SCENARIO]
    assert reported(first) == {}
    write_scenario(folder, "another")
    second = evaluate(instance, first.cursor)
    assert known_scenarios(instance) == [SCENARIO, "another"]
    (folder / "another.yaml").unlink()
    third = evaluate(instance, second.cursor)
    assert reported(third).keys() == {"another"}
    assert "nothing" in reported(third)["another"]
    assert known_scenarios(instance) == [SCENARIO, "another"]
    fourth = evaluate(instance, third.cursor)
    assert reported(fourth) == {}, "told once, then only in the reason"
    assert "another" in str(fourth.skip_reason.skip_message if fourth.skip_reason else "")


def test_an_edited_file_is_reported_once(folder: Path, instance: DagsterInstance) -> None:
    first = evaluate(instance, None)
    file = folder / f"{SCENARIO}.yaml"
    file.write_text(file.read_text().replace("seed: 17", "seed: 18"))
    second = evaluate(instance, first.cursor)
    assert "out of date" in reported(second)[SCENARIO]
    assert reported(evaluate(instance, second.cursor)) == {}


def test_a_file_that_cannot_be_read_keeps_no_other_from_becoming_a_partition(
    folder: Path, instance: DagsterInstance
) -> None:
    """As when it is removed between being listed and being read."""
    (folder / "another.yaml").symlink_to(folder / "nowhere.yaml")
    first = evaluate(instance, None)
    assert known_scenarios(instance) == [SCENARIO]
    assert "another.yaml: found no such file" in str(first.skip_reason.skip_message if first.skip_reason else "")


def test_a_removed_file_that_is_named_like_an_experiment_is_reported_as_removed(
    folder: Path, instance: DagsterInstance
) -> None:
    file = write_scenario(folder, f"{SCENARIO}__bold")
    first = evaluate(instance, None)
    file.unlink()
    assert reported(evaluate(instance, first.cursor)).keys() == {file.stem}
    assert source_of(StoreResource(), file.stem) == file


def told_by(result: SensorResult) -> str:
    return str(result.skip_reason.skip_message if result.skip_reason else "")


def litter(folder: Path) -> list[str]:
    """Files that are no scenarios and lie where scenarios do; those that are to be named, as they are told."""
    text = (folder / f"{SCENARIO}.yaml").read_text()
    (folder / f".#{SCENARIO}.yaml").symlink_to("somebody@host.1")
    (folder / f"._{SCENARIO}.yaml").write_bytes(b"\0\5\26\7")
    (folder / f".{SCENARIO}.yaml.swp").write_text(text)
    (folder / f"{SCENARIO}.yaml~").write_text(text)
    (folder / "README.md").write_text("notes")
    names = [f"{SCENARIO} (copy)", "v1.5", "b|c", "a...b", "a\tb", "Upper", "1st", "é", "a" * 129, "a\n"]
    for name in names:
        (folder / f"{name}.yaml").write_text(text)
    (folder / "foo.yml").write_text(text)
    (folder / "foo.YAML").write_text(text)
    (folder / "dir.yaml").mkdir()
    os.mkfifo(folder / "pipe.yaml")
    return [*(f"{name}.yaml" for name in names), "foo.yml", "foo.YAML", "dir.yaml", "pipe.yaml"]


def test_what_can_be_no_scenario_becomes_no_partition_and_is_named_unless_it_is_hidden(
    folder: Path, instance: DagsterInstance
) -> None:
    named = litter(folder)
    result = evaluate(instance, None)
    assert known_scenarios(instance) == [SCENARIO]
    for name in named:
        assert ascii(name) in told_by(result)
    assert "#" not in told_by(result) and "._" not in told_by(result) and "README" not in told_by(result)
    lines: list[str] = []
    assert register_scenarios(instance, lines.append) == []
    assert len(lines) == len(named)


def test_a_broken_file_is_named_with_its_first_fault_and_becomes_a_partition_once_it_is_valid(
    folder: Path, instance: DagsterInstance
) -> None:
    file = write_scenario(folder, "another")
    valid = file.read_text()
    file.write_text(valid.replace("ticks:", "tikcs:"))
    first = evaluate(instance, None)
    assert known_scenarios(instance) == [SCENARIO]
    assert f"{file}: ticks: found nothing" in told_by(first)
    file.write_text(valid)
    second = evaluate(instance, first.cursor)
    assert known_scenarios(instance) == [SCENARIO, "another"]
    assert reported(second) == {}
    file.write_text("name: [")
    third = evaluate(instance, second.cursor)
    assert known_scenarios(instance) == [SCENARIO, "another"], "what was made of it stays"
    assert reported(third).keys() == {"another"}


@pytest.mark.parametrize("key", ["../up", "/abs", "a/b", "..", ".", "b|c", "2026-11-30|../up", "A", "a\n"])
def test_a_key_that_no_scenario_can_have_is_refused_before_anything_is_written(
    folder: Path, instance: DagsterInstance, tmp_path: Path, key: str
) -> None:
    (tmp_path / "project" / "configs" / "up.yaml").write_text((folder / f"{SCENARIO}.yaml").read_text())
    instance.add_dynamic_partitions("scenarios", [key])
    before = sorted(tmp_path.rglob("*.yaml"))
    result = run_column(instance, tmp_path / "store", scenario=key, selection=AssetSelection.assets("scenario"))
    assert "lower-case letters, digits and _" in reasons(result)["scenario"]
    assert sorted(tmp_path.rglob("*.yaml")) == before
    assert not (tmp_path / "store").exists()
    told = told_by(evaluate(instance, None))
    assert f"partition {key!r}" in told and "retire" in told


def test_the_sensor_runs_by_itself_and_often_enough() -> None:
    sensor = defs.resolve_sensor_def("scenario_files")
    assert sensor.default_status.value == "RUNNING"
    assert (sensor.minimum_interval_seconds or 0) <= 60


def test_all_files_can_be_registered_at_once_and_again(folder: Path, instance: DagsterInstance) -> None:
    assert register_scenarios(instance) == [SCENARIO]
    assert register_scenarios(instance) == []
    assert known_scenarios(instance) == [SCENARIO]


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
    changes = {"training": {"ppo": {"learning_rate": 0.01}}, "simulator": {"ticks": 12, "seed": 4}}
    assert launch(instance, store, **changes).success
    assert known_scenarios(instance) == [key]
    only = AssetSelection.assets("scenario", "rollout_capture")
    result = run_column(instance, store, scenario=key, selection=only)
    assert result.success, reasons(result)
    made = load_scenario(store / key / "scenario" / f"{key}.yaml")
    assert (made.training.ppo.learning_rate, made.ticks, made.seed) == (0.01, 12, 4)
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
    told = reasons(refused)["freeze_and_register"]
    assert f"{frozen}: training.cycles: found 4, expected 3, as the experiment" in told
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
    assert reported(evaluated) == {}, "an experiment has no file in the folder, and misses none"


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
    ("changes", "told"),
    [
        ({"scenario": "observation_baselin"}, "did you mean 'observation_baseline'?"),
        ({"experiment": "Bold!"}, "expected a name of lower-case letters"),
        ({"training": {"ppo": {"learning_rate": 7.0}}}, "learning_rate: found 7.0, expected less than or equal to 1"),
        ({"training": {"cycels": 2}}, "training.cycels"),
        ({"simulator": {"worlds": 0}}, "--worlds: found 0, expected"),
        ({"rules": {"lifecycle": {"eviction_debt": 5.0}}}, "rules.lifecycle.eviction_debt: found 5, expected 0"),
        ({"rules": {"perturbations": {"price_spike": {"per_day": 1.0}}}}, "price_spike"),
        ({"experiment": "b" * 250}, "experiment: found 250 letters, expected at most 78"),
    ],
)
def test_a_faulty_experiment_is_refused_and_leaves_nothing(
    folder: Path, instance: DagsterInstance, tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    result = launch(instance, tmp_path / "store", **changes)
    assert told in reasons(result)["freeze_and_register"]
    assert known_scenarios(instance) == []
    assert list((tmp_path / "store").rglob("*.yaml")) == []


def test_a_name_whose_frozen_file_cannot_be_read_is_free_until_something_was_made_of_it(
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


def test_the_partitions_of_all_assets_are_these(instance: DagsterInstance) -> None:
    definition = defs.resolve_asset_graph().get(AssetKey("summary_report")).partitions_def
    assert definition is not None
    register_scenarios(instance)
    assert definition.get_partition_keys(dynamic_partitions_store=instance) == known_scenarios(instance)
