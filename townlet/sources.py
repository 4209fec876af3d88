"""Fingerprints of our sources: one SHA-256 over a module and all that it imports, directly or not.

What compiled rules, captures, trainings, soaks, studies and assets are remembered under. No list of files has to be
kept: import statements are read from the sources, those inside functions included.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Collection, Iterable
from pathlib import Path

#: The folder that holds our packages, this one and those whose names begin with its name.
_HOME = Path(__file__).parent.parent
_PREFIX = Path(__file__).parent.name

#: An import statement, wherever it stands, and how far it is indented. A line of a docstring may look like one; that
#: only adds a module.
_IMPORT = re.compile(
    rb"^([ \t]*)(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]+)|import[ \t]+([^\n#;]+))", re.M
)
_NAME = re.compile(r"(?:^|[(,])\s*([\w.]+)")
#: What is imported for annotations alone decides nothing.
_ANNOTATIONS = re.compile(rb"^if TYPE_CHECKING:\n(?:(?:[ \t]+[^\n]*)?\n)+", re.M)


@functools.cache
def sources_sha256(*modules: str) -> str:
    """SHA-256 in hexadecimal over the sources of these modules and all of ours that they import.

    Sources are as they were when first asked. Raises ModuleNotFoundError for a module that is none of ours.
    """
    entries = set()
    for module in modules:
        file = _file_of(module)
        if file is None:
            raise ModuleNotFoundError(f"{module}: no module of {_PREFIX}")
        entries.add(file)
    return digest_of(sources_of(entries))


def digest_of(sources: Iterable[Path]) -> str:
    """SHA-256 in hexadecimal over the names and contents of files, whatever their order.

    Our own sources go by their place in the packages, other files by their bare name.
    """
    digest = hashlib.sha256()
    for name, source in sorted((_name_of(source), source) for source in sources):
        digest.update(f"{name}\0".encode() + source.read_bytes() + b"\0")
    return digest.hexdigest()


def sources_of(entries: Iterable[Path], *, without: Collection[str] = ()) -> set[Path]:
    """Source files and all of our modules that they import, directly or not, but through no package in ``without``."""
    found = set(entries)
    waiting = list(found)
    while waiting:
        names = [name for name in modules_named(waiting.pop()) if not _is_in(name, without)]
        new = {file for name in names for file in files_of(name)} - found
        found |= {file for file in new if not _is_in(_module_of(file), without)}
        waiting.extend(new & found)
    return found


@functools.cache
def modules_named(source: Path) -> frozenset[str]:
    """What a module's import statements name, ``from a import b`` as ``a`` and ``a.b``.

    They are found by their look: parsing every source would be most of what loading the pipeline costs.
    """
    names: set[str] = set()
    for _, package, members, modules in _IMPORT.findall(_ANNOTATIONS.sub(b"", _read(source))):
        listed = _NAME.findall((members or modules).decode())
        names |= {package.decode(), *(f"{package.decode()}.{name}" for name in listed)} if package else set(listed)
    return frozenset(name for name in names if name.split(".")[0].startswith(_PREFIX))


@functools.cache
def files_of(module: str) -> tuple[Path, ...]:
    """The file of one of our modules. A package stands for all its modules, since it may load them lazily; the whole
    of ours stands for nothing."""
    root, _, rest = module.partition(".")
    if not rest or not root.startswith(_PREFIX):
        return ()
    place = _HOME.joinpath(*module.split("."))
    if place.is_dir():
        return tuple(sorted(place.glob("*.py")))
    file = _file_of(module)
    return (file,) if file else ()


def _file_of(module: str) -> Path | None:
    file = _HOME.joinpath(*module.split(".")).with_suffix(".py")
    return file if module.startswith(_PREFIX) and file.is_file() else None


def _is_in(module: str, packages: Collection[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _module_of(source: Path) -> str:
    return ".".join(source.relative_to(_HOME).with_suffix("").parts)


def _name_of(source: Path) -> str:
    return source.relative_to(_HOME).as_posix() if source.is_relative_to(_HOME) else source.name


@functools.cache
def _read(source: Path) -> bytes:
    return source.read_bytes()
