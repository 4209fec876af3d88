"""Code versions and data versions of assets."""

from collections.abc import Iterable
from pathlib import Path

from townlet.sources import digest_of, sources_of
from townlet.telemetry.log_hash import log_sha256
from townlet_pipeline.artefacts.files import main_file
from townlet_pipeline.artefacts.store import StoreResource

__all__ = ["code_sources", "code_version", "log_sha256", "soak_version"]

#: Layers that transport, guard, describe and track artefacts, and do not affect their content.
_PLUMBING = (*(f"townlet_pipeline.{layer}" for layer in ("instance", "runs", "artefacts")), "townlet.tracking")


def code_version(asset_file: str, *, files: Iterable[Path] = ()) -> str:
    """A short hash over the source of an asset and of all modules of this project that it imports, directly or not.

    Layers that do not affect its content are left out. ``files`` are further files that do.
    """
    return digest_of(code_sources(Path(asset_file).resolve()) | set(files))[:12]


def code_sources(asset_file: Path) -> set[Path]:
    """The sources that affect the content of an asset."""
    return sources_of([asset_file], without=_PLUMBING)


def soak_version(store: StoreResource, key: str, source: str) -> str:
    """The data version of a soak: the SHA-256 of its manifest, which names the hash of its cycles."""
    from townlet.files.storage import read_bytes, sha256

    return sha256(read_bytes(main_file(store, key, source), "a soak's manifest"))
