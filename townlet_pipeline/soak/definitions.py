"""Definitions of baselines and soaks: assets, checks and sensors."""

from datetime import timedelta

from dagster import Definitions

from townlet_pipeline.artefacts.automation import (
    AGAIN_WHEN_CHANGED,
    WHEN_NEW_OR_CHANGED,
    automated,
    automation_sensor,
)
from townlet_pipeline.artefacts.deadlines import with_deadlines
from townlet_pipeline.soak import advisories, gates
from townlet_pipeline.soak.assets.acceptance_report import acceptance_report
from townlet_pipeline.soak.assets.baseline_document import baseline_document
from townlet_pipeline.soak.assets.conflict_baselines import conflict_baselines
from townlet_pipeline.soak.assets.endurance_report import endurance_report
from townlet_pipeline.soak.assets.endurance_run import endurance_run
from townlet_pipeline.soak.assets.morning_overview import morning_overview
from townlet_pipeline.soak.assets.soak_drift import soak_drift
from townlet_pipeline.soak.assets.soak_run import soak_run
from townlet_pipeline.soak.external_assets import pinned_capture, promoted_baseline
from townlet_pipeline.soak.morning import last_night_is_accepted, morning_page, morning_page_after_incident
from townlet_pipeline.soak.promotions import promotions
from townlet_pipeline.soak.verdict_sensor import verdicts

#: All assets of baselines and soaks, in the order in which they are made.
ASSETS = [
    conflict_baselines,
    baseline_document,
    soak_run,
    soak_drift,
    acceptance_report,
    endurance_run,
    endurance_report,
    morning_overview,
]
CHECKS = [*gates.ALL, *advisories.ALL, last_night_is_accepted]

#: Made again by themselves if the sensor `stale_soaks` is switched on. Endurance runs and the document of all baselines
#: are made by their schedules alone.
_AGAIN = ("soak_run", "soak_drift", "acceptance_report", "endurance_report")
_MEASURED = ("conflict_baselines",)

stale_soaks = automation_sensor(
    "stale_soaks",
    [*_MEASURED, *_AGAIN],
    "Soaks the last night again when another baseline was promoted or another capture pinned, makes drift and report "
    "again after a soak that was made again, and measures the baseline of an edited scenario. Each soak takes as long "
    "as a night's. Off until somebody switches it on.",
    max_runtime=timedelta(hours=4),
)

_conditioned = automated(automated(ASSETS, AGAIN_WHEN_CHANGED, _AGAIN), WHEN_NEW_OR_CHANGED, _MEASURED)

defs = Definitions(
    assets=[promoted_baseline, pinned_capture, *with_deadlines(_conditioned)],
    asset_checks=CHECKS,
    sensors=[promotions, stale_soaks, verdicts, morning_page, morning_page_after_incident],
)
