"""What a run does when something is in its way: a lock, a disk, a worker that is gone; and what people are told."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
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
from support.services import wait_until

from townlet.errors import InputError
from townlet_pipeline import certificate
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
    """A process that holds a folder for the run ``theirs``."""
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


def test_a_folder_that_another_run_writes_is_refused_with_its_name_and_free_once_that_is_killed(
    instance: DagsterInstance, store: Path
) -> None:
    folder = store / SCENARIO / "trained_policy"
    with holder(folder) as process:
        refused = run_column(instance, store, selection=TRAINED, mode="rollout")
        told = reasons(refused)["train_policy"]
        assert f"{folder}: found run theirs (process {process.pid} on " in told
        assert "expected a folder that no other run writes to" in told
        assert not folder.exists()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert run_column(instance, store, selection=TRAINED, mode="rollout").success
    assert not folder.with_name(".trained_policy.holder").exists()


def test_a_lock_is_given_back_whatever_happened_under_it(tmp_path: Path) -> None:
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


def troubled(instance: DagsterInstance, store: Path, *troubles: OSError) -> tuple[ExecuteInProcessResult, int]:
    """A run of an asset that has trouble with its disk at first, and how often it was tried."""
    waiting, tries = list(troubles), []

    @asset(partitions_def=scenarios)
    @guarded
    def weak(context: AssetExecutionContext, store: StoreResource) -> None:
        tries.append(context.retry_number)
        if waiting:
            raise waiting.pop(0)

    register_scenarios(instance)
    resources = {"store": StoreResource(root=str(store))}
    silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = materialize(
        [weak],
        instance=instance,
        partition_key=SCENARIO,
        resources=resources,
        raise_on_error=False,
        run_config=silent,
    )
    return result, len(tries)


def hiccup() -> OSError:
    return OSError(errno.EIO, os.strerror(errno.EIO), "/store/weights")


def test_a_disk_that_hiccups_is_tried_again_a_few_times(
    instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "RETRY_SECONDS", 0.0)
    result, tries = troubled(instance, tmp_path, hiccup(), TimeoutError("no answer"))
    assert (result.success, tries) == (True, 3)
    result, tries = troubled(instance, tmp_path, *(hiccup() for _ in range(9)))
    assert (result.success, tries) == (False, 1 + failures.RETRIES)
    assert reasons(result)["weak"] == "/store/weights: Input/output error"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ENOENT])
def test_what_waiting_does_not_mend_is_not_tried_again(instance: DagsterInstance, tmp_path: Path, number: int) -> None:
    result, tries = troubled(instance, tmp_path, OSError(number, os.strerror(number), "/store/weights"))
    assert (result.success, tries) == (False, 1)
    assert reasons(result)["weak"] == f"/store/weights: {os.strerror(number)}"


def test_a_training_shows_where_it_is_while_it_runs(instance: DagsterInstance, store: Path) -> None:
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
    assert began < shown[-1]["expected_end"] <= ended, "after the last epoch none is expected"
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
    # As if it had been ended just before it published its policy.
    assert run_column(instance, store, selection=TRAINED, **{**options, "seed": 6}).success
    (store / SCENARIO / "trained_policy" / "policy.json").unlink()
    result = run_column(instance, store, selection=TRAINED, **options)
    assert materialized(result)["trained_policy"].metadata["attempt"].value == 1
    assert materialized(result)["trained_policy"].tags == materialized(whole)["trained_policy"].tags
    logged = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert any("training begins anew" in line and "training.seed: found 6" in line for line in logged)


def test_every_job_ends_by_itself_if_it_hangs_and_says_who_works_on_it() -> None:
    jobs = {job.name: job for job in defs.get_repository_def().get_all_jobs() if not job.name.startswith("__")}
    assert {"train_scenario", "certify"} <= jobs.keys()
    for name, job in jobs.items():
        assert 0 < int(job.tags["dagster/max_runtime"]) <= 48 * 3600, name
        assert job.executor_def.name == "townlet", name


def test_the_instance_watches_over_its_runs() -> None:
    kept = yaml.safe_load(settings("local"))
    assert kept["run_monitoring"]["enabled"]
    assert min(kept["run_monitoring"].values()) > 0
    assert kept["concurrency"]["pools"]["default_limit"] >= 1
    assert kept["concurrency"]["pools"]["granularity"] == "run", "a step that waits would spend its run's time"
    graph = defs.resolve_asset_graph()
    assert graph.get(AssetKey("trained_policy")).pools == {"training"}
    assert graph.get(AssetKey("rollout_capture")).pools == {"simulation"}


@pytest.mark.parametrize("code", [0, 3])
def test_the_certificate_runs_the_script_and_names_the_command_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: DagsterInstance, code: int
) -> None:
    (tmp_path / "configs" / "scenarios").mkdir(parents=True)
    (tmp_path / "scripts").mkdir()
    script = f"set -euo pipefail\nset -x\npython -c 'print(6 * 7)'\npython -c 'exit({code})'\npython -c 'print(1)'\n"
    (tmp_path / "scripts" / "certify.sh").write_text(script)
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    silent = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    job = defs.resolve_job_def("certify")
    result = job.execute_in_process(instance=instance, raise_on_error=False, run_config=silent)
    logged = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "42" in logged
    assert [path.name for path in (tmp_path / "scripts").iterdir()] == ["certify.sh"], "nothing is left in the checkout"
    if code:
        assert reasons(result)["run_certificate"].startswith("exit code 3: python -c 'exit(3)'")
        return
    output = next(event for event in result.all_events if event.is_successful_output)
    table = output.step_output_data.metadata["commands"]
    assert [row.data["command"] for row in table.records] == [
        "python -c 'print(6 * 7)'",
        "python -c 'exit(0)'",
        "python -c 'print(1)'",
    ]


def test_terminating_the_certificate_ends_the_command_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "configs" / "scenarios").mkdir(parents=True)
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    script = tmp_path / "certify.sh"
    script.write_text("python -c 'import os, time; print(os.getpid(), flush=True); time.sleep(600)'\necho over\n")
    started: list[int] = []

    def terminate(line: str) -> None:
        started.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        certificate.run_script(script, terminate)
    wait_until(lambda: not Path(f"/proc/{started[0]}").exists(), "the command to end")


def test_two_certificates_do_not_write_one_folder(tmp_path: Path) -> None:
    for folder in ("scripts", "tmp/ci_phase4"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "certify.sh", tmp_path / "scripts")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    with filelock.FileLock(tmp_path / "tmp" / ".ci_phase4.lock"):
        done = subprocess.run(
            ["bash", str(tmp_path / "scripts" / "certify.sh")], capture_output=True, text=True, env=environment
        )
    assert done.returncode == 2
    assert done.stderr == (
        "error: tmp/ci_phase4: found another certificate writing here, expected none: wait for it, or end it\n"
    )
    assert (tmp_path / "tmp" / "ci_phase4").is_dir()
