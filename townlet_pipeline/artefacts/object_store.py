"""The object store: each asset is made in the local folder, and published once it is made.

Training logs are appended to and checkpoints rewritten, which object stores cannot do. Published files lie in

    <object store>/<asset's folder>/<version>/…    the files, never changed
    <object store>/<asset's folder>/current.json   the current version and the hash of each file; written last

under the same paths as in the local folder.

So a reader sees the old version or the new one, and nothing in between. If a process is killed while publishing, nobody
reads what it left.
"""

import functools
import hashlib
import shutil
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Annotated, Any, Literal

from dagster import (
    AssetCheckExecutionContext,
    AssetExecutionContext,
    AssetKey,
    MaterializeResult,
    MetadataValue,
    MultiPartitionKey,
    MultiPartitionsDefinition,
)
from pydantic import BaseModel, ConfigDict, Field
from upath import UPath

from townlet.errors import InputError
from townlet.files.filenames import InnerPath
from townlet.files.storage import exclusive, pretty_json, read_json, sha256, write_atomically
from townlet_pipeline.artefacts.external import EXTERNAL
from townlet_pipeline.artefacts.files import EDITED
from townlet_pipeline.artefacts.locks import locked
from townlet_pipeline.artefacts.partitions import ALL, key_of, when_and_what
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.artefacts.unfinished import unfinished_work

_CURRENT = "current.json"
#: Characters of the hash that names a version.
_SHORT = 16

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    """A model as strict as those of scenarios, whose import would slow down loading the definitions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PublishedFile(_Strict):
    """One published file, named by its path in the asset's folder."""

    file: InnerPath
    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Published(_Strict):
    """``current.json``: all files of an asset of a scenario."""

    format: Literal["townlet-published"] = "townlet-published"
    version: Literal[1] = 1
    scenario: str
    asset: str
    files: Annotated[list[PublishedFile], Field(min_length=1)]

    @property
    def text(self) -> str:
        """The content of ``current.json``; its hash names the version."""
        return pretty_json(self.model_dump())

    @property
    def folder(self) -> str:
        """Name of the folder of this version."""
        return sha256(self.text.encode())[:_SHORT]


def publish(store: StoreResource, scenario: str, asset: str) -> str:
    """Publish an asset's folder and return the URL of the version. Files that are there already are not sent again.

    A published file counts as there if its size and bytes, which are read, are the same: object stores have no hash in
    common. So a damaged object is replaced. Raises InputError if there is nothing to publish.
    """
    folder, place = store.folder(scenario, asset), _place(store, scenario, asset)
    files = _files_in(folder)
    if not files:
        raise InputError.of(folder, "", "no files", "what the asset made")
    published = Published(scenario=scenario, asset=asset, files=files)
    version = place / published.folder
    for entry in files:
        target = version / entry.file
        if not _is_published(target, entry):
            target.fs.put_file(str(folder / entry.file), target.path)
    write_atomically(place / _CURRENT, published.text)
    return str(version)


def _is_published(target: UPath, entry: PublishedFile) -> bool:
    if not target.exists() or target.stat().st_size != entry.bytes:
        return False
    return sha256(target.read_bytes()) == entry.sha256


def fetch(store: StoreResource, scenario: str, assets: Iterable[str], *, run_id: str | None = None) -> None:
    """Replace the local folders of assets by their last published versions. Assets never published are left alone.

    Raises InputError for a file whose hash differs from the one recorded, for a folder that another run writes, and
    for one with an unfinished training or soak. That folder is then left as it was.
    """
    for asset in assets:
        place, folder = _place(store, scenario, asset), store.folder(scenario, asset)
        published = _current(place)
        if published is not None and published.files != _files_in(folder):
            with locked(folder, run_id), exclusive(folder):
                _require_nothing_unfinished(store, scenario, asset)
                _download(place / published.folder, published, folder)


def _require_nothing_unfinished(store: StoreResource, scenario: str, asset: str) -> None:
    checkpoint = unfinished_work(store, scenario, asset)
    if checkpoint is not None:
        work = "soak" if asset.endswith("_run") else "training"
        raise InputError.of(
            checkpoint.parent,
            "",
            f"an unfinished {work}",
            f"it finished before the published files replace it: materialize {checkpoint.parent.name} to resume it, or "
            f"remove {checkpoint.name} to give it up",
        )


def with_object_store(compute: Callable[..., Any]) -> Callable[..., Any]:
    """An asset's function that first fetches what it is made from, and publishes what it made if it succeeds.

    Without an object store, only the function is called.
    """

    @functools.wraps(compute)
    def run(context: AssetExecutionContext, store: StoreResource, **resources: Any) -> Any:
        if not store.published_at:
            return compute(context, store=store, **resources)
        own = context.selected_asset_keys
        _fetch_all(context, store, _upstream(context, own) - own)
        made = compute(context, store=store, **resources)
        if isinstance(made, MaterializeResult):
            return _publish(context, store, made)
        return tuple(_publish(context, store, result) for result in made)

    return run


def fetch_checked(context: AssetCheckExecutionContext, store: StoreResource) -> None:
    """Fetch the asset that is checked and all that it was made from. Raises InputError like :func:`fetch`."""
    if store.published_at:
        keys = {check.asset_key for check in context.selected_asset_check_keys}
        _fetch_all(context, store, _upstream(context, keys) | keys)


def _publish(context: AssetExecutionContext, store: StoreResource, made: MaterializeResult[Any]) -> Any:
    key = made.asset_key or context.asset_key
    url = publish(store, key_of(context), key.to_user_string())
    return made._replace(metadata={**(made.metadata or {}), "published": MetadataValue.url(url)})


def _upstream(
    context: AssetExecutionContext | AssetCheckExecutionContext, keys: AbstractSet[AssetKey]
) -> AbstractSet[AssetKey]:
    """All assets upstream, not only the parents: an asset may read what its parents were made from.

    Beyond an external asset nothing is read, except for the scenario, of which all assets of a partition are made.
    """
    graph = context.job_def.asset_layer.asset_graph
    external = {AssetKey(name) for name in EXTERNAL}
    found: set[AssetKey] = {AssetKey("scenario")} & graph.get_all_asset_keys()
    waiting = [*keys, *found]
    while waiting:
        parents = graph.get(waiting.pop()).parent_keys - external - found
        found |= parents
        waiting += parents
    return found - keys


def _fetch_all(
    context: AssetExecutionContext | AssetCheckExecutionContext, store: StoreResource, keys: AbstractSet[AssetKey]
) -> None:
    """Fetch assets of the context's partition, or of its scenario if they have no days or weeks.

    An asset made once for all scenarios reads no scenario's assets.
    """
    graph, own = context.job_def.asset_layer.asset_graph, key_of(context)
    for key in sorted(keys):
        partitions = graph.get(key).partitions_def
        if own == ALL and partitions is not None:
            continue
        by_time = isinstance(partitions, MultiPartitionsDefinition)
        scenario = when_and_what(own)[1] if isinstance(own, MultiPartitionKey) and not by_time else own
        fetch(store, scenario, [name := key.to_user_string()], run_id=context.run.run_id)
        if name == "scenario":
            fetch(store, scenario, _edited(store, scenario), run_id=context.run.run_id)


def _edited(store: StoreResource, scenario: str) -> list[str]:
    """The published copies of a scenario's edited file, to which nights are traced."""
    place = _place(store, scenario, EDITED)
    return [f"{EDITED}/{version.name}" for version in sorted(place.iterdir())] if place.exists() else []


def _place(store: StoreResource, scenario: str, asset: str) -> UPath:
    # Without a cache of listings, which would hide what another machine has published since.
    return UPath(f"{store.published_at}/{store.inner_path(scenario, asset)}", use_listings_cache=False)


def _files_in(folder: Path) -> list[PublishedFile]:
    """The files of an asset, in order. Hidden ones, which are locks and unfinished writes, are left out."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [_entry(folder, name) for name in names if not any(part.startswith(".") for part in name.split("/"))]


def _entry(folder: Path, name: str) -> PublishedFile:
    status = (folder / name).stat()
    return PublishedFile(
        file=name, bytes=status.st_size, sha256=_sha256_of(folder / name, status.st_size, status.st_mtime_ns)
    )


@functools.lru_cache(maxsize=4096)
def _sha256_of(file: Path, size: int, changed: int) -> str:
    """The hash of a file's content, read once for each size and time of change."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _current(place: UPath) -> Published | None:
    """What was last published; None if nothing was."""
    file = place / _CURRENT
    if not file.exists():
        return None
    from townlet.config.validate import validated

    return validated(read_json(file, "what was published"), Published, file)


def _download(version: UPath, published: Published, folder: Path) -> None:
    """Download into a neighbouring folder, check every file, and only then replace the folder's files."""
    waiting = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(waiting, ignore_errors=True)
    try:
        for entry in published.files:
            source, target = version / entry.file, waiting / entry.file
            target.parent.mkdir(parents=True, exist_ok=True)
            size = source.stat().st_size
            if size != entry.bytes:
                raise InputError.of(source, "", f"{size} bytes", f"{entry.bytes}, as it was published")
            source.fs.get_file(source.path, str(target))
            found = _entry(waiting, entry.file).sha256
            if found != entry.sha256:
                raise InputError.of(source, "", f"SHA-256 {found}", f"{entry.sha256}, as it was published")
        wanted = {entry.file for entry in published.files}
        for old in _files_in(folder):
            if old.file not in wanted:
                (folder / old.file).unlink()
        for name in sorted(wanted):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (waiting / name).replace(folder / name)
    finally:
        shutil.rmtree(waiting, ignore_errors=True)
