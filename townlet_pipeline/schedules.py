"""What happens by itself, when, and by when it must have happened for its asset not to show red."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dagster import (
    AssetsDefinition,
    AssetSpec,
    DagsterInstance,
    DefaultScheduleStatus,
    FreshnessPolicy,
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
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from townlet_pipeline.environment import timezone
from townlet_pipeline.partitions import known_scenarios
from townlet_pipeline.project import project_root

_DIMENSION = "scenario"


@dataclass(frozen=True)
class Plan:
    """When a job runs, by when its assets must be there, and how long before that they may have been made."""

    starts: str
    deadline: str
    within: timedelta
    assets: tuple[str, ...]
    told: str


#: By job. The hours are not among those that daylight saving skips or repeats in most of the world.
PLANS = {
    "nightly_soak": Plan(
        "0 4 * * *",
        "0 8 * * *",
        timedelta(hours=4, minutes=30),
        ("soak_run", "soak_drift", "acceptance_report"),
        "Every night at 4: a soak of each scenario that has a promoted baseline, and its acceptance report; by 8.",
    ),
    "weekly_endurance": Plan(
        "0 5 * * 6",
        "0 8 * * 1",
        timedelta(days=2, hours=4),
        ("endurance_run", "endurance_report"),
        "Saturdays at 5: an endurance run of each scenario that has a promoted baseline; by Monday at 8.",
    ),
    "refresh_baselines": Plan(
        "0 5 * * 0",
        "0 8 * * 1",
        timedelta(days=1, hours=4),
        ("conflict_baselines",),
        "Sundays at 5: the baselines measured anew, to be compared with the promoted ones; by Monday at 8. It promotes "
        "nothing.",
    ),
    "document_baselines": Plan(
        "30 5 * * 0",
        "0 8 * * 1",
        timedelta(days=1, hours=4),
        ("baseline_document",),
        "Sundays at 5:30: the page of the promoted baselines, measured anew once for all of them; by Monday at 8.",
    ),
}


def schedules_of(jobs: Iterable[JobDefinition | UnresolvedAssetJobDefinition]) -> list[ScheduleDefinition]:
    """A schedule, on from the start, for each of the jobs that has a plan."""
    return [_schedule(job, PLANS[job.name]) for job in jobs if job.name in PLANS]


def with_deadlines(assets: Sequence[AssetsDefinition]) -> list[AssetsDefinition]:
    """The assets, those of a plan with the deadline after which they show red."""
    deadlines = {
        name: FreshnessPolicy.cron(plan.deadline, plan.within, timezone())
        for plan in PLANS.values()
        for name in plan.assets
    }

    def dated(spec: AssetSpec) -> AssetSpec:
        policy = deadlines.get(spec.key.to_user_string())
        return spec if policy is None else spec.replace_attributes(freshness_policy=policy)

    return [asset.map_asset_specs(dated) for asset in assets]


def watched_scenarios(instance: DagsterInstance) -> list[str]:
    """The scenarios that have a promoted baseline, and a partition."""
    from townlet.baselines.promotion import BASELINES_FOLDER, promoted_scenarios

    known = set(known_scenarios(instance))
    return [name for name in promoted_scenarios(project_root() / BASELINES_FOLDER) if name in known]


def partition_at(partitions: PartitionsDefinition[Any], moment: datetime, scenario: str) -> str:
    """The key of a scenario: its name, or that together with the last day or week there is at the moment."""
    if not isinstance(partitions, MultiPartitionsDefinition):
        return scenario
    times = partitions.time_window_dimension
    return MultiPartitionKey(
        {times.name: times.partitions_def.get_partition_keys(current_time=moment)[-1], _DIMENSION: scenario}
    )


def _schedule(job: JobDefinition | UnresolvedAssetJobDefinition, plan: Plan) -> ScheduleDefinition:
    @schedule(
        name=job.name,
        job=job,
        cron_schedule=plan.starts,
        execution_timezone=timezone(),
        default_status=DefaultScheduleStatus.RUNNING,
        description=plan.told,
    )
    def requests(context: ScheduleEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        partitions = context.repository_def.get_job(job.name).partitions_def
        moment, watched = context.scheduled_execution_time, watched_scenarios(context.instance)
        if not watched:
            yield SkipReason("no scenario has a promoted baseline: townlet baselines build, then promote")
        elif partitions is None:
            yield RunRequest(run_key=moment.isoformat())
        else:
            for name in watched:
                key = partition_at(partitions, moment, name)
                yield RunRequest(run_key=f"{moment.isoformat()} {name}", partition_key=key)

    return requests
