"""Processes killed during a training: none of them lives on, the run is closed, and the next run ends with the bytes
of an uninterrupted training."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dagster import AssetSelection, DagsterEventType, DagsterRunStatus
from support.killed_runs import EPOCHS, FAST, SCENARIO, TRAINED, Project, project, training_process
from support.pipeline_runs import materialized, new_instance, run_column, versions
from support.services import wait_until

from townlet.training.checkpoint import CHECKPOINT_NAME
from townlet_pipeline.runs.dead_runs import close_dead_runs
from townlet_pipeline.runs.incidents import report_incident


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The data versions of the same training without an interruption."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    with new_instance(folder) as instance:
        everything = AssetSelection.assets("scenario") | TRAINED
        result = run_column(instance, folder / "store", scenario=SCENARIO, selection=everything, **FAST)
        return versions(result)


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as one:
        yield one


def kill_all(process: int, _writer: int) -> None:
    os.killpg(process, signal.SIGKILL)


def kill_worker(process: int, _writer: int) -> None:
    os.kill(process, signal.SIGKILL)


def kill_step(_process: int, writer: int) -> None:
    os.kill(writer, signal.SIGKILL)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def finish(killed: Project, uninterrupted: dict[str, str]) -> None:
    """Check that a new run resumes from the checkpoint and makes what an uninterrupted one makes."""
    result = killed.train()
    assert result.success
    made = materialized(result)["trained_policy"].metadata
    assert made["attempt"].value == 2
    assert 0 < made["resumed_after_epoch"].value < EPOCHS
    assert {name: versions(result)[name] for name in ("trained_policy", "ppo_telemetry")} == {
        name: uninterrupted[name] for name in ("trained_policy", "ppo_telemetry")
    }


@pytest.mark.parametrize(("executor", "kill"), [("in_process", kill_all), ("multiprocess", kill_worker)])
def test_a_run_whose_worker_was_killed_is_closed_and_the_next_one_resumes(
    killed: Project, uninterrupted: dict[str, str], executor: str, kill: Callable[[int, int], None]
) -> None:
    with training_process(killed, executor) as process:
        wait_until(lambda: killed.lines() >= 5, "five lines of the log", 300, every=0.005)
        writer = killed.writer()
        assert (writer == process.pid) == (executor == "in_process")
        assert close_dead_runs(killed.instance) == [], "the worker still runs"
        kill(process.pid, writer)
        process.wait()
        # A step process is the worker's child: when both are dead, init reaps it.
        wait_until(lambda: is_gone(writer), "the writer to end", 300)
    run = killed.latest()
    assert run.status is DagsterRunStatus.STARTED, "nobody was left to record anything"
    assert (killed.policy / CHECKPOINT_NAME).exists()
    assert killed.lines() < EPOCHS, "no process went on"
    assert [closed.run_id for closed in close_dead_runs(killed.instance)] == [run.run_id]
    assert killed.latest().status is DagsterRunStatus.FAILURE
    last = killed.instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)[-1]
    message = last.get_dagster_event().message
    assert message is not None
    assert f"process {process.pid} on" in message
    assert "Re-execute the run from failure" in message
    assert close_dead_runs(killed.instance) == [], "a run is closed once"
    page, _ = report_incident(killed.instance, killed.latest(), killed.home / "incidents") or (None, "")
    assert page is not None
    assert page.read_text().splitlines()[2].startswith(f"The run's worker, process {process.pid} on")
    finish(killed, uninterrupted)


def test_a_run_whose_step_was_killed_fails_by_itself_and_the_next_one_resumes(
    killed: Project, uninterrupted: dict[str, str]
) -> None:
    with training_process(killed, "multiprocess") as process:
        wait_until(lambda: killed.lines() >= 5, "five lines of the log", 300, every=0.005)
        kill_step(process.pid, killed.writer())
        assert process.wait() != 0
    assert killed.latest().status is DagsterRunStatus.FAILURE
    assert close_dead_runs(killed.instance) == []
    finish(killed, uninterrupted)
