"""The scenario that a night or a baseline is of: the copy in the store, or one of what its file says by now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import MetadataValue

from townlet.errors import InputError
from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.locks import locked
from townlet_pipeline.artefacts.object_store import pull, push
from townlet_pipeline.artefacts.scenario_source import source_of
from townlet_pipeline.artefacts.store import StoreResource


def frozen_scenario(store: StoreResource, name: str, run_id: str) -> Path:
    """The copy that the asset `scenario` makes, made now where there is none; or, where its file says something else by
    now, a copy of that under its hash, because a column may have been made from the first.

    Nights come by themselves: to a store in which nobody has materialized anything yet, and after a scenario was edited
    and its baseline promoted. Of a file that was removed, the copy stays. Raises InputError for a faulty file.
    """
    from townlet.config import load_scenario

    copy, source = files.snapshot(store, name), source_of(store, name)
    if not copy.exists():
        _freeze(source, copy, run_id)
        if store.published_at:
            push(store, name, "scenario")
        return copy
    if not source.exists():
        return copy
    digest = load_scenario(source).digest
    if _digest(copy) == digest:
        return copy
    version = f"{files.EDITED}/{digest[:12]}"
    edited = store.folder(name, version) / source.name
    if store.published_at:
        pull(store, name, [version], run_id=run_id)
    if _digest(edited) != digest:
        _freeze(source, edited, run_id)
        if store.published_at:
            push(store, name, version)
    return edited


def read_scenario(
    store: StoreResource, name: str, copy: Path, also: Mapping[str, Path] | None = None
) -> dict[str, MetadataValue[Any]]:
    """What was read, for the metadata of an asset: such a copy, and files that no asset made.

    The copy is the asset's `scenario` or, as one that was made of an edited file, nobody's.
    """
    from townlet.config import load_scenario

    others = dict(also or {})
    if copy != files.snapshot(store, name):
        return {**metadata.made_from(), **metadata.read_from({"edited scenario": copy, **others})}
    return {**metadata.made_from(scenario={name: load_scenario(copy).digest}), **metadata.read_from(others)}


def _digest(copy: Path) -> str | None:
    """What a copy says, as a hash; None if that is nothing, or nothing that this version understands."""
    from townlet.config import load_scenario

    try:
        return load_scenario(copy).digest
    except InputError:
        return None


def _freeze(source: Path, copy: Path, run_id: str) -> None:
    from townlet.lineage import write_record
    from townlet.stages.scenario import freeze_scenario

    with locked(copy.parent, run_id):
        freeze_scenario(source, copy)
        command = metadata.command("freeze", source, options={"output": copy})
        write_record(copy, kind="scenario", made_by=str(command.value))
