"""Definitions of baselines and soaks: assets, checks, and the sensors of verdicts and of the morning page."""

from dagster import Definitions

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
from townlet_pipeline.soak.morning import last_night_is_accepted, morning_page, morning_page_after_incident
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

defs = Definitions(
    assets=with_deadlines(ASSETS),
    asset_checks=CHECKS,
    sensors=[verdicts, morning_page, morning_page_after_incident],
)
