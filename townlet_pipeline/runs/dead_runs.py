"""Runs whose process is gone: closed, explained, and their slots in the pools given back.

Dagster learns of a run's end from its process. Where that was killed, the run would stay as it was until its
``dagster/max_runtime`` is over. ``python -m townlet_pipeline.runs.dead_runs`` does by hand what the sensor does.
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

from townlet_pipeline.instance.commands import say, start
from townlet_pipeline.runs.worker import Worker, whereabouts, worker_of
from townlet_pipeline.runs.worker_lock import forget, is_absent

#: How long whoever started a worker has to say first that it is gone.
GRACE_SECONDS = 2.0

_UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


@dataclass(frozen=True)
class Reaped:
    """A run that was closed, and why."""

    run_id: str
    reason: str


def reap(instance: DagsterInstance) -> list[Reaped]:
    """Close every run of this machine whose worker is gone; return them.

    One that was being canceled is canceled, any other has failed. Runs without a worker's tag, and those of other
    machines, are left to run monitoring.
    """
    lost = {
        run.run_id: worker
        for run in instance.get_runs(RunsFilter(statuses=_UNFINISHED))
        if (worker := worker_of(run)) is not None and _is_gone(instance, run, worker)
    }
    if not lost:
        return []
    # A worker records how its run ended before it ends itself; a server that started it may be about to say so.
    time.sleep(GRACE_SECONDS)
    runs = (instance.get_run_by_id(run_id) for run_id in lost)
    return [
        _close(instance, run, lost[run.run_id])
        for run in runs
        # A worker that has just begun may have made its lock, and not held it yet.
        if run is not None and not run.is_finished and _is_gone(instance, run, lost[run.run_id])
    ]


def _is_gone(instance: DagsterInstance, run: DagsterRun, worker: Worker) -> bool:
    return whereabouts(worker, unheld=is_absent(instance, run.run_id)) == "gone"


def _close(instance: DagsterInstance, run: DagsterRun, worker: Worker) -> Reaped:
    reason = (
        f"The run's worker, {worker}, is gone: it was killed, or its machine went down. What its finished steps made "
        "is kept. Re-execute the run from failure: a training goes on from its last checkpoint, and ends with the "
        "bytes of one that nothing ended."
    )
    instance.report_engine_event(reason, run)
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, reason)
    else:
        instance.report_run_failed(run, reason)
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    forget(instance, run.run_id)
    return Reaped(run.run_id, reason)


@sensor(
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Closes runs whose process was killed or whose machine went down, and says so in each.",
)
def zombie_runs(context: SensorEvaluationContext) -> SkipReason:
    """See :func:`reap`."""
    closed = reap(context.instance)
    for run in closed:
        context.log.warning(f"{run.run_id}: {run.reason}")
    told = ", ".join(run.run_id for run in closed)
    return SkipReason(f"closed: {told}" if told else "every unfinished run has its process")


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    home: Annotated[
        Path | None, typer.Option(help="Dagster's folder; by default $DAGSTER_HOME, else .dagster here.")
    ] = None,
) -> None:
    """Close runs whose process is gone."""
    from townlet_pipeline.instance.instance import open_instance

    with open_instance(home) as instance:
        closed = reap(instance)
    for run in closed:
        say(f"{run.run_id}: {run.reason}")
    say(f"{len(closed)} closed")


if __name__ == "__main__":
    start(app)
