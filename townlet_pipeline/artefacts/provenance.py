"""Provenance of materializations, recorded alike for every asset: in Dagster and beside the files."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetRecordsFilter,
    DagsterInstance,
    EventLogRecord,
    MaterializeResult,
    MetadataValue,
)

from townlet_pipeline.artefacts import files, metadata
from townlet_pipeline.artefacts.external import MADE_BY
from townlet_pipeline.artefacts.partitions import key_of
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.instance.project import project_root

#: The most materializations of a parent among which the run that made an input is searched.
_SEARCHED = 50

#: Shown in place of a run for an input that no run made.
NO_RUN = "none on record"

_COLUMNS = {
    "asset": "what was read",
    "partition": "its scenario; for what is not an asset, the file",
    "data_version": "SHA-256 of its content",
    "run": "the run that made it, or who did",
}


def recorded(compute: Callable[..., Any]) -> Callable[..., Any]:
    """An asset's function whose results say what they were made from, where, and how to make them again.

    Each result must have the metadata ``made_from`` (:func:`townlet_pipeline.artefacts.metadata.made_from`) and
    ``command``. It may have ``read_from`` (:func:`townlet_pipeline.artefacts.metadata.read_from`), for files that no
    run made. This adds ``inputs``, a table with the run that made each input, and ``environment``, and writes
    ``lineage.json`` beside the files, for ``townlet lineage``.
    """

    @functools.wraps(compute)
    def run(context: AssetExecutionContext, store: StoreResource, **resources: Any) -> Any:
        made = compute(context, store=store, **resources)
        if isinstance(made, MaterializeResult):
            return _with_provenance(context, store, made)
        return tuple(_with_provenance(context, store, result) for result in made)

    return run


def _with_provenance(
    context: AssetExecutionContext, store: StoreResource, made: MaterializeResult[Any]
) -> MaterializeResult[Any]:
    from townlet.host.installation import describe_installation
    from townlet.lineage.record import write_record

    details: dict[str, Any] = dict(made.metadata or {})
    name = AssetKey.from_coercible(made.asset_key or context.asset_key).to_user_string()
    partition = key_of(context)
    inputs = list(_inputs(details["made_from"].value, partition))
    others = details.pop("read_from").value if "read_from" in details else {}
    write_record(
        files.main_file(store, partition, name),
        kind=name,
        made_by=str(details["command"].value),
        made_from={
            **{f"{asset} {key}": files.main_file(store, key, asset) for asset, key, _ in inputs if asset not in others},
            **{what: project_root() / entry["file"] for what, entry in others.items()},
        },
    )
    rows = [dict(zip(_COLUMNS, (*row, _made_by(context.instance, *row)), strict=True)) for row in inputs]
    rows += [
        dict(zip(_COLUMNS, (what, entry["file"], entry["sha256"], NO_RUN), strict=True))
        for what, entry in others.items()
        if what not in {asset for asset, *_ in inputs}
    ]
    details["inputs"] = metadata.table(rows, _COLUMNS)
    details["environment"] = MetadataValue.json(describe_installation())
    return made._replace(metadata=details)


def _inputs(made_from: Mapping[str, str | Mapping[str, str]], partition: str) -> Iterator[tuple[str, str, str]]:
    """Asset, partition and data version of each input."""
    for asset, version in made_from.items():
        versions = {partition: version} if isinstance(version, str) else version
        yield from ((asset, key, each) for key, each in versions.items())


def run_that_made(instance: DagsterInstance, asset: str, partition: str, version: str) -> str:
    """The latest run that materialized an asset with this data version; :data:`NO_RUN` if none did.

    An asset may read files that were made by hand, which have no run.
    """
    record = _materialization(instance, asset, partition, version)
    return NO_RUN if record is None else record.run_id or NO_RUN


def _made_by(instance: DagsterInstance, asset: str, partition: str, version: str) -> str:
    """The run that made an input, or what was reported about an external asset, such as who promoted it."""
    record = _materialization(instance, asset, partition, version)
    if record is None or record.run_id or record.asset_materialization is None:
        return NO_RUN if record is None else record.run_id
    reported = record.asset_materialization.metadata.get(MADE_BY)
    return NO_RUN if reported is None else str(reported.value)


def _materialization(instance: DagsterInstance, asset: str, partition: str, version: str) -> EventLogRecord | None:
    """The latest materialization of an asset with this data version."""
    wanted = AssetRecordsFilter(AssetKey(asset), asset_partitions=[partition])
    for record in instance.fetch_materializations(wanted, limit=_SEARCHED).records:
        made = record.asset_materialization
        if made is not None and (made.tags or {}).get("dagster/data_version") == version:
            return record
    return None
