"""Modules and files that define environments: how they are imported, and what a policy's card says about them."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import ModuleType
from typing import Any

from townlet.errors import InputError
from townlet.training.environment.failure import EnvironmentFailed


def import_named(name: str, source: str) -> ModuleType:
    """Import a module by its dotted name, or a file by its path, which ends in ``.py``.

    Modules are also looked for in the current folder, last of all places. Raises InputError, with ``source`` as the
    file, if there is none; and EnvironmentFailed if it cannot be imported.
    """
    if name.endswith(".py"):
        return _import_file(Path(name), source)
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        # A console script's path lacks the current folder.
        sys.path.append(str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            expected = "a module that can be imported, or FILE.py"
            raise InputError.of(source, "", f"no module named {missing!r}", expected) from None
        raise InputError.of(source, "", str(error), f"what {name} imports to be installed") from None
    except Exception as error:
        raise EnvironmentFailed.by(source, error) from error


def package_of(module: str) -> str | None:
    """The distribution that a module belongs to, with its version; None for a file of the user's own."""
    top = module.partition(".")[0]
    names = [top]
    if _is_installed(top):
        # Reads the lists of files of everything that is installed, which takes a second.
        names += sorted(set(packages_distributions().get(top, ())))
    for distribution in names:
        try:
            return f"{distribution} {version(distribution)}"
        except PackageNotFoundError:
            continue
    return None


def _is_installed(top: str) -> bool:
    """Whether a module is among the installed packages, under a name that is not its distribution's."""
    try:
        version(top)
    except PackageNotFoundError:
        file = getattr(sys.modules.get(top), "__file__", None)
        places = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
        return file is not None and any(place in Path(file).resolve().parents for place in places)
    return False


def source_sha256(kind: type) -> str | None:
    """SHA-256 of the file that defines a class; None if there is no such file.

    Other files that it imports are not covered.
    """
    try:
        file = inspect.getsourcefile(kind)
    except TypeError:
        return None
    if file is None or not Path(file).is_file():
        return None
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _import_file(path: Path, source: str) -> ModuleType:
    if not path.is_file():
        raise InputError.of(source, "", f"no file {path}", "the path of a Python file")
    # Under a name of its own, so that it replaces no module; the same file is executed once.
    name = f"townlet_environment_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError.of(source, "", str(path), "the path of a Python file")
    if str(path.resolve().parent) not in sys.path:
        # As for a program, so that it can import its neighbours.
        sys.path.append(str(path.resolve().parent))
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise EnvironmentFailed.by(source, error) from error
    found: ModuleType = module
    return found
