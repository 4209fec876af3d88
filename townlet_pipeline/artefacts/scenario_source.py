"""The file that a partition's scenario comes from: one in ``configs/scenarios``, or a registered experiment's."""

from pathlib import Path

from townlet_pipeline.artefacts.object_store import fetch
from townlet_pipeline.artefacts.partitions import SEPARATOR, files_on_disk
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.instance.project import scenario_file

#: Folder of an experiment's scenario, beside the folders of the column's assets.
EXPERIMENT = "experiment"


def source_of(store: StoreResource, key: str) -> Path:
    """The file that a partition's ``scenario`` is copied from; it may be missing."""
    return experiment_file(store, key) if is_experiment(store, key) else scenario_file(key)


def experiment_file(store: StoreResource, key: str) -> Path:
    """Where the complete scenario of an experiment lies."""
    return store.folder(key, EXPERIMENT) / f"{key}.yaml"


def is_experiment(store: StoreResource, key: str) -> bool:
    """Whether a key is that of an experiment registered here, or published by another machine.

    A scenario file of the same name takes precedence. A removed file's key may look like an experiment's.
    """
    if SEPARATOR not in key or key in files_on_disk():
        return False
    file = experiment_file(store, key)
    if not file.exists():
        fetch_if_shared(store, key)
    return file.exists()


def fetch_if_shared(store: StoreResource, key: str, asset: str = EXPERIMENT) -> None:
    """Fetch the last published version of an asset, if the store has an object store."""
    if store.published_at:
        fetch(store, key, [asset])
