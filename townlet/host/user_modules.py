"""Modules and files of a user's own code: how they are imported, and the hash of what defines an object."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import itertools
import sys
import traceback
from pathlib import Path
from types import ModuleType


def import_user_module(name: str) -> ModuleType:
    """Import a module by its dotted name, or a file by its path, which ends in ``.py``; its code is run.

    Modules are also looked for in the current folder, last of all places, since the path of a console script lacks it.
    A file is run under a name of its own, so that it replaces no module, and its neighbours can be imported, as by a
    program. The same file with the same content is run once.

    Raises FileNotFoundError for a file that is not there, ModuleNotFoundError, and whatever the code raises; of a
    SystemExit, see :func:`as_error`.
    """
    try:
        if name.endswith(".py"):
            return _import_file(Path(name))
        _look_in(Path.cwd())
        return importlib.import_module(name)
    except SystemExit as end:
        raise as_error(end) from None


def as_error(end: SystemExit) -> RuntimeError:
    """The error that stands for a user's code that ends the process, as a program does; nobody asked it to."""
    return RuntimeError(f"it ends the process by SystemExit({end.code!r})").with_traceback(end.__traceback__)


def is_missing(name: str, error: ModuleNotFoundError) -> bool:
    """Whether it is the module of this name itself that was not found, and not something that it imports."""
    missing = error.name or ""
    return name == missing or name.startswith(f"{missing}.")


def raised_by_user(error: Exception, ours: Path) -> str:
    """What a user's code raised, with its traceback from the first frame outside the folder ``ours`` on."""
    followed = itertools.dropwhile(
        lambda frame: Path(frame.filename).is_relative_to(ours), traceback.extract_tb(error.__traceback__)
    )
    theirs = "".join(traceback.format_list(list(followed))).rstrip()
    said = f"{type(error).__name__}: {error}"
    return f"{said}\n{theirs}" if theirs else said


def where_raised(error: BaseException) -> str:
    """An exception in one line, with the file and line of a user's code where it was raised."""
    last, place = error.__traceback__, ""
    while last is not None:
        place = f" in {Path(last.tb_frame.f_code.co_filename).name}, line {last.tb_lineno}"
        last = last.tb_next
    first_line = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first_line}{place}"


def source_sha256(code: object) -> str | None:
    """SHA-256 of the file that defines a module, a function, a class or an object's class; None without such a file.

    Other files that it imports are not covered. A partial function is defined where its function is.
    """
    while isinstance(code, functools.partial):
        code = code.func
    try:
        file = inspect.getsourcefile(inspect.unwrap(code))  # type: ignore[arg-type]
    except TypeError:
        file = _file_of(type(code))
    except ValueError:
        file = None
    if file is None or not Path(file).is_file():
        return None
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _file_of(kind: type) -> str | None:
    try:
        return inspect.getsourcefile(kind)
    except TypeError:
        return None


def _import_file(path: Path) -> ModuleType:
    content = path.read_bytes()
    name = f"townlet_user_{hashlib.sha256(str(path.resolve()).encode() + content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    _look_in(path.resolve().parent)
    module = importlib.util.module_from_spec(spec)
    # Registered, so that classes of the file can be pickled and dataclasses find their module.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _look_in(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
