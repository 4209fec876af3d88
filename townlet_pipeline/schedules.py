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

from townlet_pipeline.artefacts.partitions import register_soaked_scenarios
from townlet_pipeline.instance.environment import timezone
from townlet_pipeline.instance.switches import switch_of
from townlet_pipeline.instance.timetable import SCHEDULES, Plan, plans, schedules_on, variable_of
from townlet_pipeline.soak.outside.night import nightly_policies
from townlet_pipeline.soak.scheduled import scheduled_scenarios

if TYPE_CHECKING:
    from townlet_pipeline.instance.dagster_internals import UnresolvedAssetJobDefinition

#: Why a schedule requests nothing, by what its runs are about.
_NOBODY = {
    "scenario": "no scenario has a promoted baseline: townlet baselines build, then promote",
    "policy": "no declared policy says nightly: true",
}


def schedules_of(jobs: "Iterable[JobDefinition | UnresolvedAssetJobDefinition]") -> list[ScheduleDefinition]:
    """Return a schedule for each job that has a plan; the environment decides whether it is on by default.

    Raises InputError for unusable hours, and for an unusable switch.
    """
    planned = plans()
    return [_schedule(job, planned[job.name]) for job in jobs if job.name in planned]


def upcoming(instance: DagsterInstance, moment: datetime) -> list[str]:
    """Return a line for each schedule that is on, with its next start after a moment, and one for all that are off."""
    planned, scenarios = plans(), len(scheduled_scenarios(instance))
    off = [job for job in planned if not switch_of(instance, job).on]
    lines = [_next(job, plan, moment, scenarios) for job, plan in planned.items() if job not in off]
    if off:
        lines.append(f"off: {', '.join(off)}; switch them on in the UI, under Automation, or start with {SCHEDULES}=on")
    return lines


def _next(job: str, plan: Plan, moment: datetime, scenarios: int) -> str:
    """Return when a job starts next, for how many scenarios, and how long that takes at most."""
    words = [f"{job}: next at {plan.next_start(moment):%Y-%m-%d %H:%M} {timezone()}"]
    if plan.each:
        words.append("1 scenario" if scenarios == 1 else f"{scenarios} scenarios")
        minutes = round(plan.each.total_seconds() / 60) * scenarios
        words.append(f"at most {minutes} minutes" if minutes < 120 else f"at most {minutes / 60:.0f} hours")
    return ", ".join(words)


def partition_at(partitions: PartitionsDefinition[Any], moment: datetime, name: str) -> str:
    """Return the partition key of a scenario or policy at a moment: its name, with the current day or week if any."""
    if not isinstance(partitions, MultiPartitionsDefinition):
        return name
    times = partitions.time_window_dimension
    return MultiPartitionKey(
        {times.name: times.partitions_def.get_partition_keys(current_time=moment)[-1], _subject(partitions): name}
    )


def _subject(partitions: PartitionsDefinition[Any] | None) -> str:
    """What runs with such partitions are about: a scenario or a policy."""
    dimensions = partitions.partitions_defs if isinstance(partitions, MultiPartitionsDefinition) else ()
    return "policy" if "policy" in [dimension.name for dimension in dimensions] else "scenario"


def _names(instance: DagsterInstance, partitions: PartitionsDefinition[Any] | None) -> list[str]:
    """The scenarios or policies that a schedule requests."""
    return nightly_policies(instance) if _subject(partitions) == "policy" else scheduled_scenarios(instance)


def _schedule(job: "JobDefinition | UnresolvedAssetJobDefinition", plan: Plan) -> ScheduleDefinition:
    default = DefaultScheduleStatus.RUNNING if schedules_on() else DefaultScheduleStatus.STOPPED

    @schedule(
        name=job.name,
        job=job,
        cron_schedule=plan.starts,
        execution_timezone=timezone(),
        default_status=default,
        description=f"{plan.description} Another time: ${variable_of(job.name)}.",
    )
    def requests(context: ScheduleEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        partitions = context.repository_def.get_job(job.name).partitions_def
        # A night whose key is unknown would fail after all its work; the sensor may not have seen the latest promotion.
        register_soaked_scenarios(context.instance)
        moment, names = context.scheduled_execution_time, _names(context.instance, partitions)
        if not names:
            yield SkipReason(_NOBODY[_subject(partitions)])
        elif partitions is None:
            yield RunRequest(run_key=moment.isoformat())
        else:
            for name in names:
                key = partition_at(partitions, moment, name)
                yield RunRequest(run_key=f"{moment.isoformat()} {name}", partition_key=key)

    return requests
