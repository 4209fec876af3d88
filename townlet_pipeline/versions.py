"""Versions: of the code that an asset runs, and of what came out of it."""

import ast
import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import townlet
import townlet_pipeline
from townlet.storage import canonical_json, sha256
from townlet.telemetry.record import CLOCK_FIELDS

#: Packages whose sources decide what an asset makes.
_ROOTS = {package.__name__: Path(str(package.__file__)).parent for package in (townlet, townlet_pipeline)}


def code_version(asset_file: str, *, files: Iterable[Path] = ()) -> str:
    """A short hash over the source of an asset and of every module of ours that it imports, directly or not.

    Imports are read from the sources, those inside functions included, so no list has to be kept. ``files`` are further
    files that decide what comes out.
    """
    digest = hashlib.sha256()
    for source in sorted(sources_of(Path(asset_file).resolve())):
        digest.update(f"{source.name}\0".encode() + source.read_bytes() + b"\0")
    for file in files:
        digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def sources_of(entry: Path) -> set[Path]:
    """A source file and all of our modules that it imports, directly or not."""
    found, waiting = {entry}, [entry]
    while waiting:
        new = _imports_of(waiting.pop()) - found
        found |= new
        waiting.extend(new)
    return found


@functools.cache
def _imports_of(source: Path) -> frozenset[Path]:
    """Our modules that a module's import statements name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return frozenset(file for name in names for file in _files_of(name))


def _files_of(module: str) -> list[Path]:
    """The file of one of our modules. A package stands for all its modules, since it may load them lazily."""
    root, _, rest = module.partition(".")
    if root not in _ROOTS or not rest:
        return []
    place = _ROOTS[root].joinpath(*rest.split("."))
    if place.is_dir():
        return sorted(place.glob("*.py"))
    file = place.with_suffix(".py")
    return [file] if file.is_file() else []


def without_clock(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Telemetry records less the fields that differ between two otherwise identical runs."""
    return [{name: v for name, v in record.items() if name not in CLOCK_FIELDS} for record in records]


def telemetry_version(records: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 of what a log says, its clock fields aside: one line of canonical JSON per record."""
    return sha256("\n".join(canonical_json(record) for record in without_clock(records)).encode())
