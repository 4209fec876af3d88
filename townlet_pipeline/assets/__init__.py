"""The assets, one file per stage: those of a scenario's column, and those around baselines and soaks."""

from townlet_pipeline.assets.acceptance_report import acceptance_report
from townlet_pipeline.assets.baseline_document import baseline_document
from townlet_pipeline.assets.conflict_baselines import conflict_baselines
from townlet_pipeline.assets.endurance_report import endurance_report
from townlet_pipeline.assets.endurance_run import endurance_run
from townlet_pipeline.assets.policy_evaluation import policy_evaluation
from townlet_pipeline.assets.replay_manifest import replay_manifest
from townlet_pipeline.assets.rollout_capture import rollout_capture
from townlet_pipeline.assets.rollout_replay import rollout_replay
from townlet_pipeline.assets.scenario import scenario
from townlet_pipeline.assets.soak_drift import soak_drift
from townlet_pipeline.assets.soak_run import soak_run
from townlet_pipeline.assets.summary_report import summary_report
from townlet_pipeline.assets.telemetry_alerts import telemetry_alerts
from townlet_pipeline.assets.trained_policy import train_policy
from townlet_pipeline.assets.validated_telemetry import validated_telemetry

#: A scenario's column, in the order in which they are made.
ALL = [
    scenario,
    rollout_capture,
    rollout_replay,
    replay_manifest,
    train_policy,
    validated_telemetry,
    telemetry_alerts,
    summary_report,
    policy_evaluation,
]

#: Baselines, and what is judged by them every night and every weekend.
SOAK = [
    conflict_baselines,
    baseline_document,
    soak_run,
    soak_drift,
    acceptance_report,
    endurance_run,
    endurance_report,
]

__all__ = ["ALL", "SOAK"]
