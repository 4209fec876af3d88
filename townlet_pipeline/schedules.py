"""What happens by itself, when, and by when it must have happened for its asset not to show red."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

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

from townlet_pipeline.environment import timezone
from townlet_pipeline.partitions import known_scenarios
from townlet_pipeline.project import project_root
from townlet_pipeline.timetable import Plan, plans, variable_of

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

_DIMENSION = "scenario"


def schedules_of(jobs: "Iterable[JobDefinition | UnresolvedAssetJobDefinition]") -> list[ScheduleDefinition]:
    """A schedule, on from the start, for each of the jobs that has a plan. Raises InputError for unusable hours."""
    planned = plans()
    return [_schedule(job, planned[job.name]) for job in jobs if job.name in planned]


def with_deadlines(assets: Sequence[AssetsDefinition]) -> list[AssetsDefinition]:
    """The assets, those of a plan with the deadline after which they show red. Raises InputError for unusable hours."""
    deadlines = {
        name: FreshnessPolicy.cron(plan.deadline, plan.within, timezone())
        for plan in plans().values()
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


def _schedule(job: "JobDefinition | UnresolvedAssetJobDefinition", plan: Plan) -> ScheduleDefinition:
    @schedule(
        name=job.name,
        job=job,
        cron_schedule=plan.starts,
        execution_timezone=timezone(),
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"{plan.told} Another time: ${variable_of(job.name)}.",
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
