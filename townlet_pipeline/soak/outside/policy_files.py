"""The sensor that makes partitions of new declarations, and reports edited ones and new versions of their files."""

from dagster import DefaultSensorStatus, SensorEvaluationContext, SensorResult, sensor

from townlet_pipeline.artefacts.partitions import known_policies, outside_policies
from townlet_pipeline.soak.outside.declarations import declared_names, present_policies


@sensor(
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Makes a partition of each new file in configs/policies that is valid, names those that are not, and "
    "reports each edit and each new version of a policy's files. It runs none of their code. Nothing is deleted.",
)
def policy_files(context: SensorEvaluationContext) -> SensorResult:
    """Make a partition of each new valid declaration, and report each that says something new or has other files.

    The partition of a removed or broken declaration keeps its artefacts and its history. Each evaluation names the
    files that cannot be declarations, with their first fault, and partitions without a file.
    """
    known = known_policies(context.instance)
    names, unusable = declared_names()
    valid, found, faults = present_policies(context.instance, names)
    gone = [f"{name}: its declaration is gone; nothing is deleted" for name in known if name not in names]
    for line in (*unusable, *faults, *gone):
        context.log.warning(line)
    new = [name for name in valid if name not in known]
    said = [*(f"new: {name}" for name in new), *(f"reported: {each.key}" for each in found), *unusable, *faults, *gone]
    return SensorResult(
        dynamic_partitions_requests=[outside_policies.build_add_request(new)] if new else [],
        asset_events=[event for each in found for event in each.events()],
        skip_reason="; ".join(said) or "every declared policy has its partition",
    )
