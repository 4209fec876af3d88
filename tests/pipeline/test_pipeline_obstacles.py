"""Runs that meet an obstacle, such as a lock or a failing disk, and what they report about their progress."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSelection,
    DagsterEventType,
    DagsterInstance,
    ExecuteInProcessResult,
    asset,
    materialize,
)
from support.pipeline_runs import SCENARIO, materialized, new_instance, reasons, run_column
from support.places import ROOT

from townlet.errors import InputError
from townlet_pipeline.artefacts.guard import guarded
from townlet_pipeline.artefacts.locks import locked
from townlet_pipeline.artefacts.partitions import register_scenarios, scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.column.progress import curve
from townlet_pipeline.definitions import defs
from townlet_pipeline.instance.home import settings
from townlet_pipeline.runs import failures

TRAINED = AssetSelection.assets("trained_policy", "ppo_telemetry")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    with new_instance(tmp_path_factory.mktemp("home")) as instance:
        yield instance


@pytest.fixture(scope="module")
def store(instance: DagsterInstance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a scenario to train on."""
    store = tmp_path_factory.mktemp("store")
    assert run_column(instance, store, selection=AssetSelection.assets("scenario")).success
    return store


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process that holds a folder for the run ``theirs``."""
    code = (
        "import sys, time; from pathlib import Path; from townlet_pipeline.artefacts.locks import locked\n"
        "with locked(Path(sys.argv[1]), 'theirs'): print('held', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_folder_that_another_run_holds_is_refused_and_free_once_that_run_is_killed(
    instance: DagsterInstance, store: Path
) -> None:
    folder = store / SCENARIO / "trained_policy"
    with holder(folder) as process:
        refused = run_column(instance, store, selection=TRAINED, mode="rollout")
        reason = reasons(refused)["train_policy"]
        assert f"{folder}: found run theirs (process {process.pid} on " in reason
        assert "expected a folder that no other run writes to" in reason
        assert not folder.exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert run_column(instance, store, selection=TRAINED, mode="rollout").success
    assert not folder.with_name(".trained_policy.holder").exists()


def test_a_lock_is_released_whatever_happens_under_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a", "one"):
        raise ZeroDivisionError
    with (
        locked(tmp_path / "a", "two"),
        locked(tmp_path / "b", "two"),
        pytest.raises(InputError, match="found run two"),
        locked(tmp_path / "a", "three"),
    ):
        pass
    with locked(tmp_path / "a", "four"):
        pass


def run_with_errors(instance: DagsterInstance, store: Path, *errors: OSError) -> tuple[ExecuteInProcessResult, int]:
    """Run an asset that raises each error in turn before it succeeds; return the result and the number of tries."""
    waiting, tries = list(errors), []

    @asset(partitions_def=scenarios)
    @guarded
    def unreliable(context: AssetExecutionContext, store: StoreResource) -> None:
        tries.append(context.retry_number)
        if waiting:
            raise waiting.pop(0)

    register_scenarios(instance)
    resources = {"store": StoreResource(root=str(store))}
    silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = materialize(
        [unreliable],
        instance=instance,
        partition_key=SCENARIO,
        resources=resources,
        raise_on_error=False,
        run_config=silent,
    )
    return result, len(tries)


def transient_error() -> OSError:
    return OSError(errno.EIO, os.strerror(errno.EIO), "/store/weights")


def test_a_transient_error_is_retried_a_few_times(
    instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "RETRY_SECONDS", 0.0)
    result, tries = run_with_errors(instance, tmp_path, transient_error(), TimeoutError("no answer"))
    assert (result.success, tries) == (True, 3)
    result, tries = run_with_errors(instance, tmp_path, *(transient_error() for _ in range(9)))
    assert (result.success, tries) == (False, 1 + failures.RETRIES)
    assert reasons(result)["unreliable"] == "/store/weights: Input/output error"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ENOENT])
def test_an_error_that_waiting_does_not_cure_is_not_retried(
    instance: DagsterInstance, tmp_path: Path, number: int
) -> None:
    result, tries = run_with_errors(instance, tmp_path, OSError(number, os.strerror(number), "/store/weights"))
    assert (result.success, tries) == (False, 1)
    assert reasons(result)["unreliable"] == f"/store/weights: {os.strerror(number)}"


def test_a_training_shows_its_progress_while_it_runs(instance: DagsterInstance, store: Path) -> None:
    result = run_column(instance, store, selection=TRAINED, mode="rollout", cycles=3, epochs=2)
    observed = [event.asset_observation_data.asset_observation for event in result.get_asset_observation_events()]
    shown = [{name: value.value for name, value in one.metadata.items()} for one in observed]
    assert [one["epoch"] for one in shown] == [1, 2, 3, 4, 5, 6]
    assert {one["epochs_planned"] for one in shown} == {6}
    assert all(one["agent_steps_per_second"] > 0 for one in shown)
    times = {
        entry.get_dagster_event().event_type: entry.timestamp
        for entry in instance.all_logs(result.run_id)
        if entry.step_key == "train_policy" and entry.is_dagster_event
    }
    began, ended = times[DagsterEventType.STEP_START], times[DagsterEventType.STEP_SUCCESS]
    assert began < shown[0]["expected_end"]
    assert began < shown[-1]["expected_end"] <= ended, "after the last epoch nothing is left to wait for"
    assert [len(str(one["reward_curve"]).split()[1]) for one in shown] == [1, 2, 3, 4, 5, 6]
    logged = [entry.user_message for entry in instance.all_logs(result.run_id) if entry.dagster_event is None]
    assert sum(line.startswith("training epoch=") and "seconds_left=" in line for line in logged) == 6
    run = instance.get_run_by_id(result.run_id)
    assert run is not None
    tags = {name: value for name, value in run.tags.items() if name.startswith("townlet/")}
    assert tags == {"townlet/scenario": SCENARIO, "townlet/seed": "0", "townlet/mode": "rollout"}
    assert materialized(result)["trained_policy"].metadata["attempt"].value == 1


def test_progress_is_shown_no_more_often_than_asked(instance: DagsterInstance, store: Path) -> None:
    result = run_column(instance, store, selection=TRAINED, mode="rollout", progress_seconds=3600.0)
    assert result.success
    assert result.get_asset_observation_events() == []


def test_a_curve_is_a_line_of_bars_between_its_ends() -> None:
    assert curve([0.0]) == "0 ▁ 0"
    assert curve([0.0, 3.5, 7.0]) == "0 ▁▅█ 7"
    assert curve([float(value) for value in range(400)]).split()[1].startswith("▁▁▁▂")
    assert len(curve([0.0] * 1000).split()[1]) == 40


def test_an_unfinished_training_of_another_configuration_is_begun_anew(
    instance: DagsterInstance, store: Path, tmp_path: Path
) -> None:
    options = {"mode": "rollout", "cycles": 2, "seed": 5}
    whole = run_column(instance, tmp_path / "whole", selection=AssetSelection.assets("scenario") | TRAINED, **options)
    # As if the training had been killed just before it published its policy.
    assert run_column(instance, store, selection=TRAINED, **{**options, "seed": 6}).success
    (store / SCENARIO / "trained_policy" / "policy.json").unlink()
    result = run_column(instance, store, selection=TRAINED, **options)
    assert materialized(result)["trained_policy"].metadata["attempt"].value == 1
    assert materialized(result)["trained_policy"].tags == materialized(whole)["trained_policy"].tags
    logged = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert any("training begins anew" in line and "training.seed: found 6" in line for line in logged)


def test_every_job_has_a_maximum_runtime_and_the_executor_that_records_its_worker() -> None:
    jobs = {job.name: job for job in defs.get_repository_def().get_all_jobs() if not job.name.startswith("__")}
    assert {"train_scenario", "certify"} <= jobs.keys()
    for name, job in jobs.items():
        assert 0 < int(job.tags["dagster/max_runtime"]) <= 48 * 3600, name
        assert job.executor_def.name == "townlet", name


def test_the_instance_monitors_its_runs_and_limits_its_pools() -> None:
    kept = yaml.safe_load(settings("local"))
    assert kept["run_monitoring"]["enabled"]
    assert min(kept["run_monitoring"].values()) > 0
    assert kept["concurrency"]["pools"]["default_limit"] >= 1
    assert kept["concurrency"]["pools"]["granularity"] == "run", "a step that waited would use up its run's time"
    graph = defs.resolve_asset_graph()
    assert graph.get(AssetKey("trained_policy")).pools == {"training"}
    assert graph.get(AssetKey("rollout_capture")).pools == {"simulation"}
