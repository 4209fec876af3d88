"""Several seeds in the pipeline: a small study, its page and checks, resumption, and a launchpad that is filled."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, ExecuteInProcessResult, TableMetadataValue, materialize, validate_run_config
from support.pipeline_runs import failed_checks, materialized, new_instance, reasons

from townlet.cli import main
from townlet.files.storage import sha256
from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.assets.scenario import scenario
from townlet_pipeline.column.launchpad import training_values
from townlet_pipeline.definitions import defs
from townlet_pipeline.resources import Mode, TrainerResource
from townlet_pipeline.studies import seeds_checks
from townlet_pipeline.studies.several_seeds import several_seeds

SMALL = {"cycles": 1, "epochs": 1, "worlds": 2, "rollout_ticks": 20}


def made(instance: DagsterInstance, store: Path, *, seeds: int = 2, **training: Any) -> ExecuteInProcessResult:
    register_scenarios(instance)
    return materialize(
        [scenario, several_seeds, *seeds_checks.ALL],
        instance=instance,
        partition_key="queue_conflict",
        resources={
            "store": StoreResource(root=str(store)),
            "trainer": TrainerResource(mode=Mode.rollout, **{**SMALL, **training}),
        },
        run_config={
            "ops": {"several_seeds": {"config": {"seeds": seeds, "worlds": 2}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        raise_on_error=False,
    )


def test_a_study_has_its_table_and_plots_on_its_page_and_goes_on(tmp_path: Path) -> None:
    store = tmp_path / "store"
    folder = store / "queue_conflict" / "several_seeds"
    with new_instance(tmp_path / "home") as instance:
        first = made(instance, store, seed=4)
        assert first.success, reasons(first)
        assert set(failed_checks(first)) <= {"seeds_beat_chance"}
        event = materialized(first)["several_seeds"]
        assert (event.tags or {})["dagster/data_version"] == sha256((folder / "seeds.json").read_bytes())
        scores = event.metadata["scores"]
        assert isinstance(scores, TableMetadataValue)
        who = [row.data["who"] for row in scores.records]
        assert who == ["seed 4", "seed 5", "IQM", "95 %, low", "95 %, high", "scripted", "heuristic", "random"]
        assert str(event.metadata["plots"].value).startswith("![Mean reward in training")
        policy = folder / "seed-4" / "policy.json"
        stamp = policy.stat().st_mtime_ns

        # One more seed: the others are kept. Other options: all begin anew.
        assert made(instance, store, seed=4, seeds=3).success
        assert policy.stat().st_mtime_ns == stamp
        last = made(instance, store, seed=4, epochs=2)
        assert last.success and policy.stat().st_mtime_ns != stamp

    # The command on the page makes the same.
    command = shlex.split(str(materialized(last)["several_seeds"].metadata["command"].value))
    output = command.index("--output") + 1
    assert main([*command[1:output], str(tmp_path / "again"), *command[output + 1 :], "--jobs", "1"]) == 0
    again = json.loads((tmp_path / "again" / "seeds.json").read_text())
    assert again == json.loads((folder / "seeds.json").read_text())


def test_a_policy_that_is_not_the_one_that_was_scored_fails_the_gate(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with new_instance(tmp_path / "home") as instance:
        assert made(instance, store).success
    folder = store / "queue_conflict" / "several_seeds"
    for name in ("policy.json", "policy.safetensors"):
        (folder / "seed-0" / name).write_bytes((folder / "seed-1" / name).read_bytes())
    found = seeds_checks.examine(StoreResource(root=str(store)), "queue_conflict")
    assert (found.passed, found.sentence) == (False, "the policies of seeds [0] are not those that were scored")


def test_the_launchpad_of_the_job_is_filled_and_valid() -> None:
    filled = training_values("queue_conflict")
    assert filled["resources"]["trainer"]["config"]["cycles"] == 150
    assert training_values("no_such_scenario") == {}
    ops = {"ops": {"several_seeds": {"config": {"seeds": 5}}}}
    validate_run_config(defs.resolve_job_def("train_seeds"), {**filled, **ops})
