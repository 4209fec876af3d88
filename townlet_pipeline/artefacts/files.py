"""Names of the files that assets leave for each other; each lies in its asset's own folder of the store."""

from pathlib import Path

from townlet_pipeline.artefacts.store import StoreResource

MANIFEST = "rollout_sample_manifest.json"
REPLAY = "replay.json"
PLAYBACK_PAGE = "playback.html"
LOG = "ppo_telemetry.jsonl"
TABLE = "telemetry.parquet"
ALERTS = "alerts.json"
REPORT = "report.html"
CARD = "policy.json"
CHECKPOINT = "checkpoint.safetensors"
EVALUATION = "evaluation.json"
BASELINE = "baseline.json"
SOAK = "soak.json"
DRIFT = "drift.json"
BASELINES_PAGE = "queue_conflict_baselines.md"
ACCEPTANCE = "acceptance.html"

#: Folder of the copies that nights make of an edited scenario, by their hashes, beside those of the column's assets.
EDITED = "edited_scenario"

#: The file of each asset that stands for all of it; of a scenario it is ``<scenario>.yaml``.
MAIN = {
    "rollout_capture": MANIFEST,
    "rollout_playback": PLAYBACK_PAGE,
    "replay_manifest": REPLAY,
    "trained_policy": CARD,
    "ppo_telemetry": LOG,
    "validated_telemetry": TABLE,
    "telemetry_alerts": ALERTS,
    "summary_report": REPORT,
    "policy_evaluation": EVALUATION,
    "conflict_baselines": BASELINE,
    "baseline_document": BASELINES_PAGE,
    "soak_run": SOAK,
    "endurance_run": SOAK,
    "soak_drift": DRIFT,
    "acceptance_report": ACCEPTANCE,
    "endurance_report": ACCEPTANCE,
}


def main_file(store: StoreResource, scenario: str, asset: str) -> Path:
    """The main file of an asset of a scenario."""
    return store.folder(scenario, asset) / MAIN.get(asset, f"{scenario}.yaml")


def snapshot(store: StoreResource, scenario: str) -> Path:
    """The scenario as it was when its asset was materialized."""
    return main_file(store, scenario, "scenario")


def manifest(store: StoreResource, scenario: str) -> Path:
    """The manifest of the rollout capture."""
    return main_file(store, scenario, "rollout_capture")


def replay(store: StoreResource, scenario: str) -> Path:
    """What verification found out about the capture."""
    return main_file(store, scenario, "replay_manifest")


def playback_page(store: StoreResource, scenario: str) -> Path:
    """The page that plays the capture."""
    return main_file(store, scenario, "rollout_playback")


def policy(store: StoreResource, scenario: str) -> Path:
    """The folder of the policy's card and weights."""
    return store.folder(scenario, "trained_policy")


def log(store: StoreResource, scenario: str) -> Path:
    """The training log."""
    return main_file(store, scenario, "ppo_telemetry")


def telemetry_table(store: StoreResource, scenario: str) -> Path:
    """The validated log as Parquet."""
    return main_file(store, scenario, "validated_telemetry")


def alerts(store: StoreResource, scenario: str) -> Path:
    """The alerts of every epoch."""
    return main_file(store, scenario, "telemetry_alerts")


def report(store: StoreResource, scenario: str) -> Path:
    """The HTML report."""
    return main_file(store, scenario, "summary_report")


def evaluation(store: StoreResource, scenario: str) -> Path:
    """How the policy fared in worlds that it was not trained in."""
    return main_file(store, scenario, "policy_evaluation")
