"""The copy of a scenario that a soak or a baseline uses: the column's, or one of the edited file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import MetadataValue

from townlet.errors import InputError
from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.locks import locked
from townlet_pipeline.artefacts.object_store import fetch, publish
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource


def current_copy(store: StoreResource, name: str, run_id: str) -> Path:
    """Return a copy of the scenario as its file is now.

    It is the copy of the asset `scenario`, made now if there is none. If the file was edited since, it is another copy
    under the hash of its content, because a column may have been made from the first. If the file was removed, the
    column's copy stays in use. Raises InputError for a faulty file.

    Nightly soaks start by themselves, so they may meet a store in which nothing was materialized yet, and a scenario
    that was edited and has a new baseline.
    """
    from townlet.config import load_scenario

    copy, source = files.scenario_copy(store, name), source_of(store, name)
    if not copy.exists():
        _copy(source, copy, run_id)
        if store.published_at:
            publish(store, name, "scenario")
        return copy
    if not source.exists():
        return copy
    digest = load_scenario(source).digest
    if _digest_of(copy) == digest:
        return copy
    version = f"{files.EDITED}/{digest[:12]}"
    edited = store.folder(name, version) / source.name
    if store.published_at:
        fetch(store, name, [version], run_id=run_id)
    if _digest_of(edited) != digest:
        _copy(source, edited, run_id)
        if store.published_at:
            publish(store, name, version)
    return edited


def read_scenario(
    store: StoreResource,
    name: str,
    copy: Path,
    also: Mapping[str, tuple[Path, str]] | None = None,
    made_from: Mapping[str, Mapping[str, str]] | None = None,
    files_read: Mapping[str, Path] | None = None,
) -> dict[str, MetadataValue[Any]]:
    """The metadata of what was read: a copy from :func:`current_copy`, and ``also`` external and other assets.

    The copy is the asset `scenario`, unless it is one of an edited file, which no asset made. ``also`` has the file and
    the data version of each external asset, ``made_from`` the data versions of others by asset and partition, and
    ``files_read`` files that are no assets.
    """
    from townlet.config import load_scenario

    read = {**{asset: file for asset, (file, _) in (also or {}).items()}, **(files_read or {})}
    versions = {asset: {name: version} for asset, (_, version) in (also or {}).items()} | dict(made_from or {})
    if copy != files.scenario_copy(store, name):
        return {**metadata.made_from(**versions), **metadata.read_from({"edited scenario": copy, **read})}
    versions = {"scenario": {name: load_scenario(copy).digest}, **versions}
    return {**metadata.made_from(**versions), **metadata.read_from(read)}


def _digest_of(copy: Path) -> str | None:
    """The digest of a copy; None if it is missing or not valid for this version."""
    from townlet.config import load_scenario

    try:
        return load_scenario(copy).digest
    except InputError:
        return None


def _copy(source: Path, copy: Path, run_id: str) -> None:
    from townlet.lineage import write_record
    from townlet.stages.scenario import freeze_scenario

    with locked(copy.parent, run_id):
        freeze_scenario(source, copy)
        command = metadata.command("freeze", source, options={"output": copy})
        write_record(copy, kind="scenario", made_by=str(command.value))
