"""Schedule of the nights of policies made elsewhere; it is off until somebody switches it on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dagster import (
    DefaultScheduleStatus,
    MultiPartitionKey,
    RunRequest,
    ScheduleDefinition,
    ScheduleEvaluationContext,
    SkipReason,
    schedule,
)

from townlet.errors import InputError
from townlet_pipeline.artefacts.partitions import known_policies
from townlet_pipeline.instance.environment import timezone
from townlet_pipeline.soak.outside.declarations import declared_names, declared_policy
from townlet_pipeline.soak.partitions import days

if TYPE_CHECKING:
    from townlet_pipeline.instance.dagster_internals import UnresolvedAssetJobDefinition

#: After the scenarios' nights, whose morning page is due at eight.
STARTS = "0 6 * * *"


def nightly_schedule(job: "UnresolvedAssetJobDefinition") -> ScheduleDefinition:
    """The schedule of a job: a soak of each policy whose declaration says `nightly: true`."""

    @schedule(
        name=job.name,
        job=job,
        cron_schedule=STARTS,
        execution_timezone=timezone(),
        default_status=DefaultScheduleStatus.STOPPED,
        description="A soak of each policy made elsewhere whose declaration says `nightly: true`. Off until somebody "
        "switches it on.",
    )
    def requests(context: ScheduleEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        moment = context.scheduled_execution_time
        day, known = days.get_partition_keys(current_time=moment)[-1], set(known_policies(context.instance))
        names = [name for name in declared_names()[0] if name in known and _is_nightly(name)]
        if not names:
            yield SkipReason("no declared policy says nightly: true")
        for name in names:
            key = MultiPartitionKey({"day": day, "policy": name})
            yield RunRequest(run_key=f"{moment.isoformat()} {name}", partition_key=key)

    return requests


def _is_nightly(name: str) -> bool:
    try:
        return declared_policy(name).declared.nightly
    except InputError:
        # The sensor `policy_files` names the fault.
        return False
