"""Automation and check of the morning page."""

from dagster import (
    AssetSelection,
    AutomationConditionSensorDefinition,
    DefaultSensorStatus,
    RunRequest,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.check import Finding, advisory
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.runs.incidents import incidents_folder

#: On by default: a page takes seconds.
morning_page = AutomationConditionSensorDefinition(
    "morning_page",
    target=AssetSelection.assets("morning_overview"),
    description="Makes the morning page again after each acceptance report.",
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    run_tags={"dagster/max_runtime": "1800", "dagster/priority": "1"},
)


@sensor(
    name="morning_page_after_incident",
    target=AssetSelection.assets("morning_overview"),
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Makes the morning page again once there is an incident of another night's run.",
)
def morning_page_after_incident(context: SensorEvaluationContext) -> SensorResult:
    """Request the page if the incidents of nights are not those of the last request; at first, only remember them.

    A failed night has no report, so the condition of the page does not see it.
    """
    from townlet.files.storage import canonical_json, sha256
    from townlet.morning.read import read_incidents

    nights, _ = read_incidents(incidents_folder())
    seen = sha256(canonical_json(sorted(incident.file.name for incident in nights.values())).encode())
    if context.cursor in (None, "", seen):
        return SensorResult(cursor=seen, skip_reason="no incident of another night")
    return SensorResult(cursor=seen, run_requests=[RunRequest(run_key=seen, tags={"dagster/priority": "1"})])


@advisory("morning_overview", partitions=None)
def last_night_is_accepted(store: StoreResource, key: str) -> Finding:
    """Every night that was expected is accepted. A rejected, failed or damaged one is an error, others are warnings."""
    from townlet.files.storage import read_json
    from townlet.morning.night import ERRORS

    found = read_json(files.main_file(store, key, "morning_overview").with_suffix(".json"), "a morning overview")
    counts = found["counts"]
    return Finding(found["accepted"], found["headline"], counts, warns=not ERRORS & counts.keys())
