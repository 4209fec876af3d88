"""Runs that an instance takes for unfinished, with a worker of a test's choice."""

from __future__ import annotations

import uuid
from dataclasses import replace

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.remote_origin import RemoteJobOrigin

from townlet_pipeline.definitions import defs
from townlet_pipeline.runs import worker


def unfinished_run(
    instance: DagsterInstance,
    tag: str,
    status: DagsterRunStatus = DagsterRunStatus.STARTED,
    remote_job_origin: RemoteJobOrigin | None = None,
) -> DagsterRun:
    """Create a run that is in progress as far as the instance knows; ``{id}`` in the worker's tag is the run's ID."""
    run_id = str(uuid.uuid4())
    tags = {worker.TAG: tag.format(id=run_id)}
    job = defs.resolve_job_def("certify")
    return instance.create_run_for_job(
        job, run_id=run_id, tags=tags, status=status, remote_job_origin=remote_job_origin
    )


def this_process() -> worker.Worker:
    """Return this process as a worker."""
    me = worker.this_worker()
    assert me is not None
    return me


def tag_for(named: worker.Worker) -> str:
    """Return a worker's tag for a run that :func:`unfinished_run` creates."""
    return worker.tag_of("{id}", named)


def dead_worker() -> str:
    """Return the tag of a worker that had this process's PID earlier."""
    return tag_for(replace(this_process(), started=this_process().started + 1))
