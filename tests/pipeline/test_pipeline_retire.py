"""Retirement of partitions: it names obstacles and what stays, and touches nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from support.pipeline_commands import ended
from support.pipeline_runs import SCENARIO, new_instance, reasons

from townlet.errors import InputError
from townlet_pipeline.artefacts.partitions import known_scenarios, soaked_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.experiments import register
from townlet_pipeline.column.retire import main, retire
from townlet_pipeline.definitions import defs
from townlet_pipeline.soak.partitions import nights

JUNK = [".#x", "a...b", "b|c", "../up", "tab\t", "c"]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with new_instance(tmp_path) as made:
        yield made


@pytest.fixture
def store(tmp_path: Path) -> StoreResource:
    return StoreResource(root=str(tmp_path / "store"))


def test_an_experiment_is_retired_with_its_nights_and_what_was_made_of_it_stays(
    instance: DagsterInstance, store: StoreResource
) -> None:
    made = register(instance, store, SCENARIO, "bold")
    night = f"2026-11-02|{made.key}"
    assert night not in nights.get_partition_keys(dynamic_partitions_store=instance)
    instance.add_dynamic_partitions(str(soaked_scenarios.name), [made.key])
    assert night in nights.get_partition_keys(dynamic_partitions_store=instance)
    soak = store.folder(night, "soak_run")
    assert soak == store.place() / made.key / "nights" / "2026-11-02" / "soak_run"
    soak.mkdir(parents=True)
    (done,) = retire(instance, store, [made.key])
    assert known_scenarios(instance) == []
    assert night not in nights.get_partition_keys(dynamic_partitions_store=instance)
    assert made.file.exists() and soak.exists() and done.folders == (store.place() / made.key,)
    assert "stays in" in str(done)
    register(instance, store, SCENARIO, "bold")
    (done,) = retire(instance, store, [made.key], delete_files=True)
    assert "deleted" in str(done) and list(store.place().iterdir()) == []
    assert register(instance, store, SCENARIO, "bold", changes={"training": {"cycles": 3}}).new


def test_keys_that_never_were_a_scenario_go_and_take_nothing_of_others_with_them(
    instance: DagsterInstance, store: StoreResource
) -> None:
    others = [store.place().parent / "up", store.place() / "c", store.place() / "xc"]
    for folder in others:
        folder.mkdir(parents=True)
    instance.add_dynamic_partitions("scenarios", JUNK)
    done = retire(instance, store, [key for key in JUNK if key != "c"], delete_files=True)
    assert known_scenarios(instance) == ["c"]
    assert all("nothing was made of it" in str(each) for each in done)
    assert all(folder.exists() for folder in others)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (SCENARIO, "a name without a file: remove configs/scenarios/observation_baseline.yaml first"),
        ("bald", "did you mean 'bold'"),
        ("running", "nobody works on"),
        ("at_night", "nobody works on"),
    ],
)
def test_what_is_in_the_way_is_named_and_nothing_is_retired(
    instance: DagsterInstance, store: StoreResource, key: str, reason: str
) -> None:
    keys = [SCENARIO, "bold", "running", "at_night"]
    instance.add_dynamic_partitions("scenarios", keys)
    tags = {"running": {"dagster/partition": "running"}, "at_night": {"dagster/partition/scenario": "at_night"}}
    for each in tags.values():
        instance.create_run_for_job(
            defs.resolve_job_def("train_scenario"), status=DagsterRunStatus.STARTED, tags=each, run_config={}
        )
    with pytest.raises(InputError, match="retire: NAME: found") as refused:
        retire(instance, store, ["bold", key])
    assert reason in str(refused.value)
    assert set(known_scenarios(instance)) == set(keys)


def test_the_job_retires_and_its_refusal_is_readable(instance: DagsterInstance, store: StoreResource) -> None:
    instance.add_dynamic_partitions("scenarios", ["b|c"])
    for expected in ("", "found 'b|c', expected nothing: no name is defined here"):
        result = defs.resolve_job_def("retire_partition").execute_in_process(
            instance=instance,
            run_config={
                "ops": {"remove_partitions": {"config": {"names": ["b|c"]}}},
                "resources": {"store": {"config": {"root": store.root}}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            raise_on_error=False,
        )
        assert known_scenarios(instance) == []
        assert expected in reasons(result).get("remove_partitions", "")
        assert result.success == (not expected)


def test_the_command_retires_and_ends_with_2_for_what_it_does_not_know(tmp_path: Path) -> None:
    words = ["--home", str(tmp_path), "--store", str(tmp_path / "s"), ".#x"]
    refused = ended(main, *words)
    assert refused.returncode == 2 and refused.stderr.startswith("error: retire: NAME: found '.#x'")
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.add_dynamic_partitions("scenarios", [".#x"])
    done = ended(main, *words)
    assert (done.returncode, done.stdout) == (0, "'.#x' is no longer a partition; nothing was made of it\n")
