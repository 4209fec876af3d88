"""Partitions, which the sensor keeps in step with the scenario files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import AssetKey, AssetSelection, DagsterInstance
from support.pipeline_runs import new_instance, reasons, run_column
from support.scenario_sensor import SCENARIO, evaluate, project_with_one_scenario, reason_of, reported

from townlet_pipeline.artefacts.partitions import known_scenarios, register_scenarios
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.definitions import defs


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The scenario folder of a project with one scenario."""
    return project_with_one_scenario(tmp_path / "project", monkeypatch)


def write_scenario(folder: Path, name: str) -> Path:
    """Another valid scenario in the folder."""
    file = folder / f"{name}.yaml"
    file.write_text((folder / f"{SCENARIO}.yaml").read_text().replace(f"name: {SCENARIO}", f"name: {name}"))
    return file


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with new_instance(tmp_path) as made:
        yield made


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
    assert reported(fourth) == {}, "reported once, then only in the reason"
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
    """This happens when a file is removed between being listed and being read."""
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


def litter(folder: Path) -> list[str]:
    """Write files that are no scenarios into the scenario folder; return those to be named, as they are named."""
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
        assert ascii(name) in reason_of(result)
    assert "#" not in reason_of(result) and "._" not in reason_of(result) and "README" not in reason_of(result)
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
    assert f"{file}: ticks: found nothing" in reason_of(first)
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
    reason = reason_of(evaluate(instance, None))
    assert f"partition {key!r}" in reason and "retire" in reason


def test_the_sensor_runs_by_itself_and_often_enough() -> None:
    sensor = defs.resolve_sensor_def("scenario_files")
    assert sensor.default_status.value == "RUNNING"
    assert (sensor.minimum_interval_seconds or 0) <= 60


def test_all_files_can_be_registered_at_once_and_again(folder: Path, instance: DagsterInstance) -> None:
    assert register_scenarios(instance) == [SCENARIO]
    assert register_scenarios(instance) == []
    assert known_scenarios(instance) == [SCENARIO]


ADDING = """
import sys
from dagster import DagsterInstance
from townlet_pipeline.artefacts.partitions import add_scenarios
with DagsterInstance.from_config(sys.argv[1]) as instance:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(100):
        add_scenarios(instance, [f"town_{number}", f"town_{number + 1}"])
"""


def test_keys_that_two_processes_add_at_once_are_there_once(instance: DagsterInstance) -> None:
    command = [sys.executable, "-c", ADDING, instance.root_directory]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait() for process in both] == [0, 0]
    assert sorted(known_scenarios(instance)) == sorted(f"town_{number}" for number in range(101))


def test_the_partitions_of_all_assets_are_these(instance: DagsterInstance) -> None:
    definition = defs.resolve_asset_graph().get(AssetKey("summary_report")).partitions_def
    assert definition is not None
    register_scenarios(instance)
    assert definition.get_partition_keys(dynamic_partitions_store=instance) == known_scenarios(instance)
