"""Definitions of a scenario's column: assets, checks, the sensor of scenario files, and jobs over partitions."""

from dagster import Definitions

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
from townlet_pipeline.column.retire import retire_partition
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

defs = Definitions(
    assets=ASSETS, asset_checks=CHECKS, jobs=[register_experiment, retire_partition], sensors=[scenario_files]
)
