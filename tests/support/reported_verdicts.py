"""Verdicts, runs and switches of schedules in an instance, and ticks of the sensor that tells of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from dagster import AssetMaterialization, DagsterInstance, DagsterRun, DagsterRunStatus, build_sensor_context
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData

from townlet.soak.next_steps import Decision, NextStep
from townlet.soak.verdict import SoakVerdict
from townlet_pipeline.definitions import defs
from townlet_pipeline.instance.project import project_root
from townlet_pipeline.soak.verdict_record import verdict_metadata
from townlet_pipeline.soak.verdict_sensor import Memory, post_alarms, verdicts

SCENARIO = "drill"
REPOSITORY = RemoteRepositoryOrigin(GrpcServerCodeLocationOrigin("localhost", 1, None, "townlet"), "__repository__")


def project_with_baselines(root: Path, *scenarios: str) -> Path:
    """Make a project whose scenarios have promoted baselines, as far as schedules look."""
    (root / "configs" / "scenarios").mkdir(parents=True)
    for name in scenarios:
        (root / "baselines" / name).mkdir(parents=True)
        (root / "baselines" / name / "promoted.json").write_text("{}")
    return root


@contextmanager
def emptied(instance: DagsterInstance) -> Iterator[DagsterInstance]:
    """Yield an instance that later tests find empty again. A new one takes seconds."""
    yield instance
    instance.wipe()
    instance.wipe_all_schedules()


def report(
    instance: DagsterInstance,
    verdict: Decision,
    when: str = "2026-12-01",
    scenario: str = SCENARIO,
    *,
    weekend: bool = False,
) -> None:
    """Report a verdict, with the metadata with which an asset does."""
    step = NextStep("Find what changed.", "night-town-changed")
    found = SoakVerdict(verdict, "Conflict intensity is 10 % above the baseline.", step, "All of it.", ("All of it.",))
    asset, key = "acceptance_report", f"{when}|{scenario}"
    folder = project_root() / "runs" / "store" / scenario / "nights" / when / asset
    if weekend:
        asset, key = "endurance_report", f"{scenario}|{when}"
    metadata = {**verdict_metadata(found), "path": str(folder / "acceptance.html")}
    instance.report_runless_asset_event(AssetMaterialization(asset, partition=key, metadata=metadata))


def a_run(instance: DagsterInstance, day: str, status: DagsterRunStatus, scenario: str = SCENARIO) -> DagsterRun:
    """Create a run of a night, as far as the instance knows: by its partition. A run of a small job takes less time."""
    begun = DagsterRunStatus.STARTED if status is DagsterRunStatus.FAILURE else status
    job = defs.resolve_job_def("certify")
    tags, origin = {"dagster/partition": f"{day}|{scenario}"}, RemoteJobOrigin(REPOSITORY, job.name)
    run = instance.create_run_for_job(job, tags=tags, status=begun, remote_job_origin=origin)
    if status is DagsterRunStatus.FAILURE:
        instance.report_run_failed(run, "The disk is full")
    return run


def switch(instance: DagsterInstance, status: InstigatorStatus, since: datetime | None) -> None:
    """Switch the nightly schedule as the UI or the daemon does."""
    origin = REPOSITORY.get_instigator_origin("nightly_soak")
    data = ScheduleInstigatorData("0 4 * * *", since.timestamp() if since else None)
    instance.add_instigator_state(InstigatorState(origin, InstigatorType.SCHEDULE, status, data))


def tick(instance: DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    """Evaluate the sensor once."""
    context = build_sensor_context(instance, cursor=cursor, repository_def=defs.get_repository_def())
    return verdicts.evaluate_tick(context)


def look(instance: DagsterInstance, memory: Memory, *moments: datetime) -> Memory:
    """What the sensor does at each of the moments."""
    for moment in moments:
        post_alarms(instance, memory, moment, logging.getLogger("test"))
    return memory
