"""Versions: of the code that an asset runs, and of what came out of it."""

import functools
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import townlet
import townlet_pipeline
from townlet.telemetry.version import telemetry_version

__all__ = ["code_version", "sources_of", "telemetry_version"]

#: Packages whose sources decide what an asset makes.
_ROOTS = {package.__name__: Path(str(package.__file__)).parent for package in (townlet, townlet_pipeline)}

#: Modules that carry, guard and describe artefacts, and change no byte of them.
_PLUMBING = {
    f"townlet_pipeline.{name}"
    for name in ("checks", "common", "executors", "failures", "guard", "locks", "metadata", "mirror", "partitions")
} | {"townlet_pipeline.progress", "townlet_pipeline.provenance"}


def code_version(asset_file: str, *, files: Iterable[Path] = ()) -> str:
    """A short hash over the source of an asset and of every module of ours that it imports, directly or not.

    Imports are read from the sources, those inside functions included, so no list of them has to be kept; what only
    carries and describes artefacts is left out. ``files`` are further files that decide what comes out.
    """
    digest = hashlib.sha256()
    for source in sorted(sources_of(Path(asset_file).resolve())):
        digest.update(f"{source.name}\0".encode() + _read(source) + b"\0")
    for file in files:
        digest.update(f"{file.name}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def sources_of(entry: Path) -> set[Path]:
    """A source file and all of our modules that it imports, directly or not."""
    found, waiting = {entry}, [entry]
    while waiting:
        new = imports_of(waiting.pop()) - found
        found |= new
        waiting.extend(new)
    return found


#: An import statement, wherever it stands. A line of a docstring may look like one; that only adds a module.
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]+)|import[ \t]+([^\n#;]+))", re.M
)
_NAME = re.compile(r"(?:^|[(,])\s*([\w.]+)")


@functools.cache
def imports_of(source: Path) -> frozenset[Path]:
    """Our modules that a module's import statements name.

    They are found by their look: parsing every source would be most of what loading the definitions costs.
    """
    names: set[str] = set()
    for package, members, modules in _IMPORT.findall(_read(source)):
        listed = _NAME.findall((members or modules).decode())
        names |= {package.decode(), *(f"{package.decode()}.{name}" for name in listed)} if package else set(listed)
    return frozenset(file for name in names for file in files_of(name))


@functools.cache
def _read(source: Path) -> bytes:
    return source.read_bytes()


@functools.cache
def files_of(module: str) -> list[Path]:
    """The file of one of our modules. A package stands for all its modules, since it may load them lazily."""
    root, _, rest = module.partition(".")
    if root not in _ROOTS or not rest or module in _PLUMBING:
        return []
    place = _ROOTS[root].joinpath(*rest.split("."))
    if place.is_dir():
        return sorted(place.glob("*.py"))
    file = place.with_suffix(".py")
    return [file] if file.is_file() else []
