"""Artefacts on disk: written whole or not at all, hashed, and locked while one process writes a folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import filelock
from upath import UPath

from townlet.errors import InputError
from townlet.outputs import file_place, folder_place, lock_file, make_folder, write_whole

#: Anything that names a file: a string, a local path or a ``universal-pathlib`` path such as ``s3://…``.
AnyPath = str | Path | UPath


def as_path(path: AnyPath) -> Path | UPath:
    """The path object for a location; local ones are plain :class:`pathlib.Path`."""
    if isinstance(path, str):
        return UPath(path) if "://" in path else Path(path)
    return path


def write_atomically(path: AnyPath, content: bytes | str) -> str:
    """Write a whole file or leave what was there; return the SHA-256 of the bytes.

    What may stand at the place, and how local files are written: :mod:`townlet.outputs`. Object stores publish an
    object only when its upload is complete, so there a plain write has the same promise.
    """
    target = as_path(path)
    data = content.encode() if isinstance(content, str) else content
    if isinstance(target, Path):
        write_whole(target, data)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return sha256(data)


def require_folder(folder: AnyPath, names: Iterable[str] = ()) -> None:
    """Raise InputError unless the folder is there or can be made, and its files of these names written: at once, rather
    than after the work that is to be written. Changes nothing."""
    target = as_path(folder)
    if isinstance(target, Path):
        place = folder_place(target)
        for name in names:
            if file_place(place / name).is_stream:
                raise InputError.of(target / name, "", "a pipe or a device", "a file or a path where there is nothing")


def sha256(data: bytes) -> str:
    """SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> str:
    """Strict JSON with sorted keys and no spaces: equal values give equal bytes, which is what gets hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def pretty_json(value: Any) -> str:
    """Strict JSON for people: indented, in the given key order, with a final newline."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def read_bytes(path: AnyPath, expected: str) -> bytes:
    """The bytes of a file, or an :class:`InputError` that says what kind of file was ``expected`` there."""
    target = as_path(path)
    try:
        return target.read_bytes()
    except FileNotFoundError:
        raise InputError.of(target, "", "no such file", expected) from None
    except OSError as error:
        raise InputError.of(target, "", error.strerror or str(error), f"a readable file with {expected}") from None


def read_json(path: AnyPath, expected: str) -> dict[str, Any]:
    """A JSON object from a file; truncated, non-JSON, non-object or NaN-carrying content is an InputError."""
    raw = read_bytes(path, expected)
    try:
        value = json.loads(raw)
    except UnicodeDecodeError as error:
        raise InputError.of(path, f"byte {error.start}", "bytes that are not UTF-8", expected) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        found = "an incomplete file" if error.pos >= len(raw.rstrip()) else error.msg
        raise InputError.of(path, where, found, f"{expected} as strict JSON") from None
    if not isinstance(value, dict):
        raise InputError.of(path, "", f"a JSON {type(value).__name__}", f"{expected} as a JSON object")
    for where, number in _not_finite(value, ""):
        raise InputError.of(path, where, str(number), "a finite number")
    return value


def require_field(content: dict[str, Any], dotted: str, path: AnyPath, expected: str, kind: type = object) -> Any:
    """A field inside a JSON object that was read from ``path``. Raises InputError if it is not there or of no such
    ``kind``."""
    value: Any = content
    for name in dotted.split("."):
        if not isinstance(value, dict) or name not in value:
            raise InputError.of(path, dotted, "nothing", expected)
        value = value[name]
    if not isinstance(value, kind):
        raise InputError.of(path, dotted, repr(value), expected)
    return value


def _not_finite(value: Any, where: str) -> Iterator[tuple[str, float]]:
    """NaN and infinities, which Python reads but strict JSON does not have, with their dotted paths."""
    if isinstance(value, float) and not math.isfinite(value):
        yield where.removeprefix("."), value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from _not_finite(item, f"{where}.{key}")


@contextlib.contextmanager
def exclusive(folder: AnyPath) -> Iterator[None]:
    """Hold a folder for writing; a second process on the same folder gets an :class:`InputError` at once.

    The lock is the operating system's, so it is gone with the process however that ended. Object stores have no
    such lock and are not guarded.
    """
    target = as_path(folder)
    if not isinstance(target, Path):
        yield
        return
    place = folder_place(target)
    make_folder(place)
    refusal = InputError.of(target, "", "another process is writing here", "a folder of one's own")
    with _locked(place / ".lock", refusal):
        yield


@contextlib.contextmanager
def exclusive_file(path: Path) -> Iterator[None]:
    """The same for one local file, which need not exist; its lock is a hidden neighbour. A pipe or a device has none.

    Raises InputError for what no file can take the place of as well.
    """
    place = file_place(path)
    if place.is_stream:
        yield
        return
    make_folder(place.path.parent)
    refusal = InputError.of(path, "", "another process is writing this file", "a file of one's own")
    with _locked(lock_file(place.path), refusal):
        yield


@contextlib.contextmanager
def _locked(file: Path, refusal: InputError) -> Iterator[None]:
    lock = filelock.FileLock(file)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        raise refusal from None
    try:
        yield
    finally:
        lock.release()
