"""Modules and files that define environments: how they are imported, and what a policy's card says about them."""

from __future__ import annotations

import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import ModuleType

from townlet.errors import InputError
from townlet.host.user_modules import import_user_module, is_missing
from townlet.training.environment.failure import EnvironmentFailed


def import_named(name: str, source: str) -> ModuleType:
    """Import a module by its dotted name, or a file by its path, which ends in ``.py``.

    Raises InputError, with ``source`` as the file, if there is none; and EnvironmentFailed if it cannot be imported.
    """
    try:
        return import_user_module(name)
    except FileNotFoundError as error:
        if name.endswith(".py") and not Path(name).is_file():
            raise InputError.of(source, "", f"no file {name}", "the path of a Python file") from None
        raise EnvironmentFailed.by(source, error) from error
    except ModuleNotFoundError as error:
        if is_missing(name, error):
            expected = "a module that can be imported, or FILE.py"
            raise InputError.of(source, "", f"no module named {error.name!r}", expected) from None
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
