"""Unfinished work: trainings and soaks that ended early, and resume when their asset is materialized again."""

from pathlib import Path

from townlet.files.artefact_names import CARD_NAME, CHECKPOINT_NAME, SOAK_NAME
from townlet.files.storage import read_json
from townlet_pipeline.artefacts.store import StoreResource

#: Assets of a training: the log is written together with the policy, whose folder holds the checkpoint.
_TRAINED = ("trained_policy", "ppo_telemetry")
_SOAKS = ("soak_run", "endurance_run", "outside_soak")


def unfinished_work(store: StoreResource, scenario: str, asset: str) -> Path | None:
    """The checkpoint of an unfinished training or soak with files in an asset's folder; None without one."""
    if asset in _TRAINED:
        folder = store.folder(scenario, _TRAINED[0])
        return folder / CHECKPOINT_NAME if is_unfinished_training(folder) else None
    if asset in _SOAKS:
        folder = store.folder(scenario, asset)
        return folder / CHECKPOINT_NAME if is_unfinished_soak(folder) else None
    return None


def is_unfinished_training(folder: Path) -> bool:
    """Whether a training began here and has not saved a policy."""
    return (folder / CHECKPOINT_NAME).exists() and not (folder / CARD_NAME).exists()


def is_unfinished_soak(folder: Path) -> bool:
    """Whether a soak began here and has cycles left to do. Raises InputError for a manifest that is not JSON."""
    if not (folder / CHECKPOINT_NAME).exists():
        return False
    manifest = folder / SOAK_NAME
    return not (manifest.exists() and read_json(manifest, "a soak's manifest").get("finished"))
