"""Places of the files that assets make and other assets read: each lies in its asset's own folder of the store."""

from pathlib import Path

from townlet.files.artefact_names import (
    ACCEPTANCE_STEM,
    BASELINE_NAME,
    CARD_NAME,
    DRIFT_NAME,
    EVALUATION_NAME,
    MANIFEST_NAME,
    OUTSIDE_POLICY_NAME,
    REPORT_NAME,
    SOAK_NAME,
    TRAINING_LOG_NAME,
    VERIFIED_NAME,
)
from townlet_pipeline.artefacts.store import StoreResource

#: Folder of the copies that nightly soaks make of an edited scenario, each under its hash; beside the assets' folders.
EDITED = "edited_scenario"

#: The file of each asset that stands for all of it; the scenario's is ``<scenario>.yaml``.
MAIN = {
    "rollout_capture": MANIFEST_NAME,
    "rollout_playback": "playback.html",
    "replay_manifest": VERIFIED_NAME,
    "trained_policy": CARD_NAME,
    "ppo_telemetry": TRAINING_LOG_NAME,
    "validated_telemetry": "telemetry.parquet",
    "telemetry_alerts": "alerts.json",
    "summary_report": REPORT_NAME,
    "policy_evaluation": EVALUATION_NAME,
    "conflict_baselines": BASELINE_NAME,
    "baseline_document": "queue_conflict_baselines.md",
    "soak_run": SOAK_NAME,
    "endurance_run": SOAK_NAME,
    "soak_drift": DRIFT_NAME,
    "acceptance_report": f"{ACCEPTANCE_STEM}.html",
    "endurance_report": f"{ACCEPTANCE_STEM}.html",
    "morning_overview": "morning.html",
    "several_seeds": "seeds.json",
    "settings_sweep": "sweep.json",
    "outside_policy": OUTSIDE_POLICY_NAME,
    "outside_capture": MANIFEST_NAME,
    "outside_evaluation": EVALUATION_NAME,
    "outside_baseline": BASELINE_NAME,
    "outside_soak": SOAK_NAME,
    "outside_report": f"{ACCEPTANCE_STEM}.html",
}


def main_file(store: StoreResource, scenario: str, asset: str) -> Path:
    """The main file of an asset of a scenario."""
    return store.folder(scenario, asset) / MAIN.get(asset, f"{scenario}.yaml")


def scenario_copy(store: StoreResource, scenario: str) -> Path:
    """The scenario as it was when its asset was materialized."""
    return main_file(store, scenario, "scenario")


def manifest(store: StoreResource, scenario: str) -> Path:
    """The manifest of the rollout capture."""
    return main_file(store, scenario, "rollout_capture")


def playback_page(store: StoreResource, scenario: str) -> Path:
    """The page that plays the capture."""
    return main_file(store, scenario, "rollout_playback")


def verification(store: StoreResource, scenario: str) -> Path:
    """The record that the capture was verified."""
    return main_file(store, scenario, "replay_manifest")


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
    """The evaluation of the policy in worlds that it was not trained in."""
    return main_file(store, scenario, "policy_evaluation")
