"""Names of the files that assets leave for each other; each lies in its asset's own folder of the store."""

from pathlib import Path

from townlet_pipeline.resources import StoreResource

MANIFEST = "rollout_sample_manifest.json"
REPLAY = "replay.json"
LOG = "ppo_telemetry.jsonl"
TABLE = "telemetry.parquet"
ALERTS = "alerts.json"
REPORT = "report.html"


def snapshot(store: StoreResource, scenario: str) -> Path:
    """The scenario as it was when its asset was materialized."""
    return store.folder(scenario, "scenario") / f"{scenario}.yaml"


def manifest(store: StoreResource, scenario: str) -> Path:
    """The manifest of the rollout capture."""
    return store.folder(scenario, "rollout_capture") / MANIFEST


def replay(store: StoreResource, scenario: str) -> Path:
    """What verification found out about the capture."""
    return store.folder(scenario, "replay_manifest") / REPLAY


def policy(store: StoreResource, scenario: str) -> Path:
    """The folder of the policy's card and weights."""
    return store.folder(scenario, "trained_policy")


def log(store: StoreResource, scenario: str) -> Path:
    """The training log."""
    return store.folder(scenario, "ppo_telemetry") / LOG


def telemetry_table(store: StoreResource, scenario: str) -> Path:
    """The validated log as Parquet."""
    return store.folder(scenario, "validated_telemetry") / TABLE


def alerts(store: StoreResource, scenario: str) -> Path:
    """The alerts of every epoch."""
    return store.folder(scenario, "telemetry_alerts") / ALERTS


def report(store: StoreResource, scenario: str) -> Path:
    """The HTML report."""
    return store.folder(scenario, "summary_report") / REPORT
