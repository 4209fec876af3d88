"""Work that was ended before it was done, and goes on where it was when its asset is materialized again."""

from pathlib import Path

from townlet.files.storage import read_json
from townlet_pipeline.artefacts import files
from townlet_pipeline.artefacts.store import StoreResource

#: What the asset's folder holds is written together with the policy.
_TRAINED = ("trained_policy", "ppo_telemetry")
_SOAKS = ("soak_run", "endurance_run")


def unfinished_work(store: StoreResource, scenario: str, asset: str) -> Path | None:
    """The checkpoint with which a training or a soak goes on that has files in the asset's folder; None without one."""
    if asset in _TRAINED:
        folder = store.folder(scenario, _TRAINED[0])
        return folder / files.CHECKPOINT if is_unfinished_training(folder) else None
    if asset in _SOAKS:
        folder = store.folder(scenario, asset)
        return folder / files.CHECKPOINT if is_unfinished_soak(folder) else None
    return None


def is_unfinished_training(folder: Path) -> bool:
    """Whether a training began here and published no policy."""
    return (folder / files.CHECKPOINT).exists() and not (folder / files.CARD).exists()


def is_unfinished_soak(folder: Path) -> bool:
    """Whether a soak began here and has cycles left to do. Raises InputError for a manifest that is not JSON."""
    if not (folder / files.CHECKPOINT).exists():
        return False
    manifest = folder / files.SOAK
    return not (manifest.exists() and read_json(manifest, "a soak's manifest").get("finished"))
