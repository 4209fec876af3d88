"""Dead runs: unfinished runs whose worker is dead. They are closed, with the reason in their log.

Dagster learns from the worker itself how a run ended. If the worker is dead, the run would stay unfinished until its
``dagster/max_runtime`` is over. The sensor ``zombie_runs`` closes it earlier, and Dagster restarts it. Without the
daemon, ``python -m townlet_pipeline.runs.dead_runs`` closes it.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunsFilter,
    SensorEvaluationContext,
    SkipReason,
    sensor,
)

from townlet_pipeline.instance.commands import print_line, run_command
from townlet_pipeline.runs.worker import Worker, worker_of, worker_status
from townlet_pipeline.runs.worker_lock import is_lock_free, remove_lock

#: Seconds in which the process that started a worker may record its end first.
GRACE_SECONDS = 2.0

_UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


@dataclass(frozen=True)
class ClosedRun:
    """A run that was closed, and why."""

    run_id: str
    reason: str


def close_dead_runs(instance: DagsterInstance) -> list[ClosedRun]:
    """Close every run of this machine whose worker is dead, and return these runs.

    A run that was being canceled becomes canceled, and any other one failed. Its slots in the pools are freed. Runs
    without a worker's tag, and those of other machines, are left to Dagster's run monitoring.
    """
    dead = {
        run.run_id: worker
        for run in instance.get_runs(RunsFilter(statuses=_UNFINISHED))
        if (worker := worker_of(run)) is not None and _is_dead(instance, run, worker)
    }
    if not dead:
        return []
    # A worker records its run's end before it exits, and a server that started it may be about to record it.
    time.sleep(GRACE_SECONDS)
    runs = (instance.get_run_by_id(run_id) for run_id in dead)
    return [
        _close(instance, run, dead[run.run_id])
        for run in runs
        # Check again: a worker that has just begun may have created its lock without holding it yet.
        if run is not None and not run.is_finished and _is_dead(instance, run, dead[run.run_id])
    ]


def _is_dead(instance: DagsterInstance, run: DagsterRun, worker: Worker) -> bool:
    return worker_status(worker, lock_free=is_lock_free(instance, run.run_id)) == "dead"


def _close(instance: DagsterInstance, run: DagsterRun, worker: Worker) -> ClosedRun:
    reason = (
        f"The run's worker, {worker}, is dead: it was killed, or its machine went down. The results of finished steps "
        "are kept. Re-execute the run from failure: a training resumes from its last checkpoint, and ends with the "
        "same bytes as an uninterrupted one."
    )
    instance.report_engine_event(reason, run)
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, reason)
    else:
        instance.report_run_failed(run, reason)
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    remove_lock(instance, run.run_id)
    return ClosedRun(run.run_id, reason)


@sensor(
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Closes runs whose worker was killed or whose machine went down, and says so in each run's log.",
)
def zombie_runs(context: SensorEvaluationContext) -> SkipReason:
    """Close dead runs: see :func:`close_dead_runs`."""
    closed = close_dead_runs(context.instance)
    for run in closed:
        context.log.warning(f"{run.run_id}: {run.reason}")
    run_ids = ", ".join(run.run_id for run in closed)
    return SkipReason(f"closed: {run_ids}" if run_ids else "every unfinished run has its worker")


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    home: Annotated[
        Path | None, typer.Option(help="Dagster's folder; by default $DAGSTER_HOME, else .dagster here.")
    ] = None,
) -> None:
    """Close runs whose worker is dead."""
    from townlet_pipeline.instance.opening import open_instance

    with open_instance(home) as instance:
        closed = close_dead_runs(instance)
    for run in closed:
        print_line(f"{run.run_id}: {run.reason}")
    print_line(f"{len(closed)} closed")


if __name__ == "__main__":
    run_command(app)
