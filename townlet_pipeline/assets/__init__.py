"""The assets of one scenario's column, one file per stage."""

from townlet_pipeline.assets.replay_manifest import replay_manifest
from townlet_pipeline.assets.rollout_capture import rollout_capture
from townlet_pipeline.assets.scenario import scenario
from townlet_pipeline.assets.summary_report import summary_report
from townlet_pipeline.assets.telemetry_alerts import telemetry_alerts
from townlet_pipeline.assets.trained_policy import train_policy
from townlet_pipeline.assets.validated_telemetry import validated_telemetry

#: In the order in which they are made.
ALL = [
    scenario,
    rollout_capture,
    replay_manifest,
    train_policy,
    validated_telemetry,
    telemetry_alerts,
    summary_report,
]

__all__ = ["ALL"]
