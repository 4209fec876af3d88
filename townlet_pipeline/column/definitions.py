"""Definitions of a scenario's column: assets, checks, sensors, and jobs over partitions."""

from datetime import timedelta

from dagster import AssetSelection, Definitions

from townlet_pipeline.artefacts.automation import WHEN_NEW_OR_CHANGED, automated, automation_sensor
from townlet_pipeline.column import advisories, gates
from townlet_pipeline.column.assets.policy_evaluation import policy_evaluation
from townlet_pipeline.column.assets.replay_manifest import replay_manifest
from townlet_pipeline.column.assets.rollout_capture import rollout_capture
from townlet_pipeline.column.assets.rollout_playback import rollout_playback
from townlet_pipeline.column.assets.scenario import scenario
from townlet_pipeline.column.assets.summary_report import summary_report
from townlet_pipeline.column.assets.telemetry_alerts import telemetry_alerts
from townlet_pipeline.column.assets.trained_policy import train_policy
from townlet_pipeline.column.assets.validated_telemetry import validated_telemetry
from townlet_pipeline.column.experiments import register_experiment
from townlet_pipeline.column.generalist import generalist_policy
from townlet_pipeline.column.retire import retire_partition
from townlet_pipeline.column.scenario_file import scenario_file_asset
from townlet_pipeline.column.sensors import scenario_files

#: All assets of a column, in the order in which they are made.
ASSETS = [
    scenario,
    rollout_capture,
    rollout_playback,
    replay_manifest,
    train_policy,
    validated_telemetry,
    telemetry_alerts,
    summary_report,
    policy_evaluation,
]
CHECKS = [*gates.ALL, *advisories.ALL]

stale_columns = automation_sensor(
    "stale_columns",
    AssetSelection.assets(*ASSETS),
    "Makes the column of a scenario again when its file was edited, and that of a new file. Each takes as long as "
    "`train_scenario`. Off until somebody switches it on.",
    max_runtime=timedelta(hours=24),
)

defs = Definitions(
    assets=[scenario_file_asset, generalist_policy, *automated(ASSETS, WHEN_NEW_OR_CHANGED)],
    asset_checks=CHECKS,
    jobs=[register_experiment, retire_partition],
    sensors=[scenario_files, stale_columns],
)
