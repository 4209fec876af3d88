"""The sensor that reports promotions and pinned captures, and the same report without a sensor."""

from collections.abc import Callable

from dagster import DagsterInstance, DefaultSensorStatus, SensorEvaluationContext, SensorResult, sensor

from townlet_pipeline.artefacts.external import report
from townlet_pipeline.artefacts.partitions import (
    known_soaked_scenarios,
    new_soaked_scenarios,
    register_scenarios,
    register_soaked_scenarios,
    soaked_scenarios,
)
from townlet_pipeline.column.scenario_file import report_scenario_files
from townlet_pipeline.soak.external_assets import present_files
from townlet_pipeline.soak.outside.declarations import register_policies


@sensor(
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description="Makes nights and weekends of each scenario with a promoted baseline, and reports each promotion and "
    "each newly pinned capture, once, as a new version of promoted_baseline or pinned_capture.",
)
def promotions(context: SensorEvaluationContext) -> SensorResult:
    """Make nights and weekends of each scenario with a promoted baseline, and report what was promoted or pinned.

    It finds what `townlet baselines promote` did, or a `git pull`. Nothing is deleted. Each evaluation names the files
    that are damaged.
    """
    new = new_soaked_scenarios(context.instance)
    found, faults = present_files(context.instance, [*known_soaked_scenarios(context.instance), *new])
    for fault in faults:
        context.log.warning(fault)
    said = [f"{each.key}: {each.metadata['headline']}" for each in found]
    return SensorResult(
        dynamic_partitions_requests=[soaked_scenarios.build_add_request(new)] if new else [],
        asset_events=[event for each in found for event in each.events()],
        skip_reason="; ".join([*said, *faults]) or "everything promoted and pinned is reported",
    )


def report_project(instance: DagsterInstance, say: Callable[[str], None]) -> None:
    """Do at once what the sensors `scenario_files`, `policy_files` and `promotions` do: a new UI shows everything.

    ``say`` gets a line for each file that is no scenario, no policy's declaration, and for each damaged baseline or
    capture.
    """
    register_scenarios(instance, say=lambda fault: say(f"no partition: {fault}"))
    report_scenario_files(instance)
    register_policies(instance, say=say)
    for fault in report_promotions(instance):
        say(fault)


def report_promotions(instance: DagsterInstance) -> list[str]:
    """Do at once what the sensor `promotions` does; return the faults that it finds."""
    register_soaked_scenarios(instance)
    found, faults = present_files(instance, known_soaked_scenarios(instance))
    report(instance, found)
    return faults
