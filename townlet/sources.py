"""Fingerprints of our sources: one SHA-256 over a module and all that it imports, directly or not.

Compiled rules, captures, trainings, soaks, studies and assets are stored under such a fingerprint. Nobody has to keep a
list of files: import statements, even inside functions, are read from the sources.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Collection, Iterable
from pathlib import Path

#: The folder of our packages: this one, and those whose names begin with its name.
_HOME = Path(__file__).parent.parent
_PREFIX = Path(__file__).parent.name

#: An import statement, wherever it stands: package and members, or modules. A line of a docstring may look like one;
#: that only adds a module.
_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]+)|import[ \t]+([^\n#;]+))", re.M
)
_NAME = re.compile(r"(?:^|[(,])\s*([\w.]+)")
#: Imports for annotations alone, which do not affect what the code does.
_ANNOTATIONS = re.compile(rb"^if TYPE_CHECKING:\n(?:(?:[ \t]+[^\n]*)?\n)+", re.M)


@functools.cache
def sources_sha256(*modules: str) -> str:
    """SHA-256 in hexadecimal over the sources of these modules and of all our modules that they import.

    The sources are read once per process. Raises ModuleNotFoundError for a module that is not ours.
    """
    entries = set()
    for module in modules:
        file = _file_of(module)
        if file is None:
            raise ModuleNotFoundError(f"{module}: no module of {_PREFIX}")
        entries.add(file)
    return digest_of(sources_of(entries))


def digest_of(sources: Iterable[Path]) -> str:
    """SHA-256 in hexadecimal over the names and contents of files, in any order.

    Our own sources are named by their path in the packages, other files by their bare name.
    """
    digest = hashlib.sha256()
    for name, source in sorted((_name_of(source), source) for source in sources):
        digest.update(f"{name}\0".encode() + source.read_bytes() + b"\0")
    return digest.hexdigest()


def sources_of(entries: Iterable[Path], *, without: Collection[str] = ()) -> set[Path]:
    """Source files and all our modules that they import, directly or not.

    Packages in ``without`` are left out, and so is what only they import.
    """
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
    """What a module's import statements name: ``from a import b`` names ``a.b``, ``import a`` names ``a``.

    Statements are found with a regular expression, because parsing every source would take most of the time in which
    the pipeline loads.
    """
    statements = _IMPORT.findall(_ANNOTATIONS.sub(b"", _read(source)))
    names = {name for package, members, modules in statements for name in _names(package, members, modules)}
    return frozenset(name for name in names if name.split(".")[0].startswith(_PREFIX))


@functools.cache
def files_of(name: str) -> tuple[Path, ...]:
    """The files behind an imported name.

    A module is its file. A name that a package re-exports is the file that defines it. A package is all its modules,
    since any of them may be loaded later; our outermost package is none.
    """
    root, _, rest = name.partition(".")
    if not rest or not root.startswith(_PREFIX):
        return ()
    place = _HOME.joinpath(*name.split("."))
    if place.is_dir():
        return tuple(sorted(place.glob("*.py")))
    file = _file_of(name)
    if file is not None:
        return (file,)
    owner, _, member = name.rpartition(".")
    return files_of(_reexports(owner).get(member, owner))


@functools.cache
def _reexports(package: str) -> dict[str, str]:
    """The names that a package's ``__init__.py`` imports, lazily or at once, each as the module's name and its own."""
    file = _HOME.joinpath(*package.split("."), "__init__.py")
    statements = _IMPORT.findall(_read(file)) if file.is_file() else []
    named = {name for package, members, modules in statements if package for name in _names(package, members, modules)}
    return {name.rpartition(".")[2]: name for name in named}


def _names(package: bytes, members: bytes, modules: bytes) -> set[str]:
    """The dotted names in one import statement, by the groups of :data:`_IMPORT`."""
    listed = _NAME.findall((members or modules).decode())
    if not package:
        return set(listed)
    return {f"{package.decode()}.{name}" for name in listed} or {package.decode()}


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
