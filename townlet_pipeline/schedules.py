"""Schedules of the jobs in the timetable."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dagster import (
    DagsterInstance,
    DefaultScheduleStatus,
    JobDefinition,
    MultiPartitionKey,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from townlet_pipeline.artefacts.partitions import known_scenarios, register_soaked_scenarios
from townlet_pipeline.instance.environment import timezone
from townlet_pipeline.instance.project import project_root
from townlet_pipeline.instance.timetable import Plan, plans, variable_of

if TYPE_CHECKING:
    from townlet_pipeline.instance.dagster_internals import UnresolvedAssetJobDefinition

_DIMENSION = "scenario"


def schedules_of(jobs: "Iterable[JobDefinition | UnresolvedAssetJobDefinition]") -> list[ScheduleDefinition]:
    """Return a schedule, on by default, for each job that has a plan. Raises InputError for unusable hours."""
    planned = plans()
    return [_schedule(job, planned[job.name]) for job in jobs if job.name in planned]


def scheduled_scenarios(instance: DagsterInstance) -> list[str]:
    """Return the scenarios that have a partition and a promoted baseline."""
    from townlet.baselines.promotion import BASELINES_FOLDER, promoted_scenarios

    # A night whose key is unknown would fail after all its work; the sensor may not have seen the latest promotion yet.
    register_soaked_scenarios(instance)
    known = set(known_scenarios(instance))
    return [name for name in promoted_scenarios(project_root() / BASELINES_FOLDER) if name in known]


def partition_at(partitions: PartitionsDefinition[Any], moment: datetime, scenario: str) -> str:
    """Return a scenario's partition key at a moment: its name, with the current day or week if assets have one."""
    if not isinstance(partitions, MultiPartitionsDefinition):
        return scenario
    times = partitions.time_window_dimension
    return MultiPartitionKey(
        {times.name: times.partitions_def.get_partition_keys(current_time=moment)[-1], _DIMENSION: scenario}
    )


def _schedule(job: "JobDefinition | UnresolvedAssetJobDefinition", plan: Plan) -> ScheduleDefinition:
    @schedule(
        name=job.name,
        job=job,
        cron_schedule=plan.starts,
        execution_timezone=timezone(),
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"{plan.description} Another time: ${variable_of(job.name)}.",
    )
    def requests(context: ScheduleEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        partitions = context.repository_def.get_job(job.name).partitions_def
        moment, promoted = context.scheduled_execution_time, scheduled_scenarios(context.instance)
        if not promoted:
            yield SkipReason("no scenario has a promoted baseline: townlet baselines build, then promote")
        elif partitions is None:
            yield RunRequest(run_key=moment.isoformat())
        else:
            for name in promoted:
                key = partition_at(partitions, moment, name)
                yield RunRequest(run_key=f"{moment.isoformat()} {name}", partition_key=key)

    return requests
