"""Artefacts on disk or in an object store: atomic writes, bounded reads, hashes and locks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import filelock
from upath import UPath

from townlet.errors import InputError
from townlet.files.file_kinds import kind_of_file
from townlet.files.outputs import file_place, folder_place, lock_file, make_folder, write_whole
from townlet.files.strict_json import strict

#: A file's location: a string, a local path, or a ``universal-pathlib`` path such as ``s3://…``.
AnyPath = str | Path | UPath

#: Size in bytes of the largest JSON file that is read; Townlet's own have a few megabytes.
LARGEST_JSON = 2**28


def as_path(path: AnyPath) -> Path | UPath:
    """Return the path object of a location; local ones are plain :class:`pathlib.Path`."""
    if isinstance(path, str):
        return UPath(path) if "://" in path else Path(path)
    return path


def write_atomically(path: AnyPath, content: bytes | str) -> str:
    """Write a whole file, or leave what was there; return the SHA-256 of the bytes.

    :mod:`townlet.files.outputs` says how local files are written and what they may replace. Object stores publish an
    object only when its upload is complete, so a plain write is atomic there.
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
    """Raise InputError unless a folder exists or can be made, and files of these ``names`` can be written in it.

    Call it before the work whose results go there. Changes nothing.
    """
    target = as_path(folder)
    if isinstance(target, Path):
        place = folder_place(target)
        for name in names:
            if file_place(place / name).is_stream:
                raise InputError.of(target / name, "", "a pipe or a device", "a file or a path where there is nothing")


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> str:
    """Encode a value as strict JSON with sorted keys and no spaces, so that equal values have equal hashes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def pretty_json(value: Any) -> str:
    """Encode a value as strict JSON for people: indented, keys in the given order, with a final newline."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def read_bytes(path: AnyPath, expected: str) -> bytes:
    """Read the bytes of a file.

    Raises :class:`InputError`, naming what was ``expected``, if the file cannot be read. Anything but a regular file,
    such as a folder, a device or a pipe, is refused before it is opened.
    """
    return _read(as_path(path), expected, None)


def read_sized(path: AnyPath, expected: str, size: int, says: str) -> bytes:
    """Read the bytes of a file that must have this ``size`` in bytes; a file of another size is not read.

    ``says`` continues the error's ``expected SIZE`` with the source of the size. Raises InputError like
    :func:`read_bytes`, and for another size.
    """
    target = as_path(path)
    found = _size_of(target, expected)
    if found == size:
        content = _read(target, expected, size)
        found = len(content)
    if found != size:
        raise InputError.of(target, "", f"{found} bytes", f"{size}{says}")
    return content


def read_json(path: AnyPath, expected: str) -> dict[str, Any]:
    """Read a strict JSON object from a file. Raises InputError for anything else."""
    target = as_path(path)
    if isinstance(target, Path) and _size_of(target, expected) > LARGEST_JSON:
        raise InputError.of(target, "", f"{target.stat().st_size} bytes", f"at most {LARGEST_JSON}, as {expected} has")
    value = strict(_read(target, expected, None), path, expected)
    if not isinstance(value, dict):
        raise InputError.of(path, "", f"a JSON {type(value).__name__}", f"{expected} as a JSON object")
    return value


def _size_of(target: Path | UPath, expected: str) -> int:
    """The size in bytes of a readable regular file, without opening it. Raises InputError for anything else."""
    try:
        status = target.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(target, expected, error) from None
    if isinstance(target, Path) and not stat.S_ISREG(status.st_mode):
        raise InputError.of(target, "", kind_of_file(status.st_mode), f"a readable file with {expected}")
    return int(status.st_size)


def _read(target: Path | UPath, expected: str, most: int | None) -> bytes:
    """The content of a file, up to one byte more than ``most``."""
    if isinstance(target, Path):
        _size_of(target, expected)
    try:
        if most is None:
            return target.read_bytes()
        with target.open("rb") as file:
            return bytes(file.read(most + 1))
    except (OSError, ValueError, MemoryError) as error:
        raise _unreadable(target, expected, error) from None


def _unreadable(target: Path | UPath, expected: str, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError.of(target, "", "no such file", expected)
    if isinstance(error, MemoryError):
        return InputError.of(target, "", "more bytes than there is memory", f"a readable file with {expected}")
    found = (isinstance(error, OSError) and error.strerror) or str(error)
    return InputError.of(target, "", found, f"a readable file with {expected}")


def require_field(content: dict[str, Any], dotted: str, path: AnyPath, expected: str, kind: type = object) -> Any:
    """Return the field at a ``dotted`` path in a JSON object.

    Raises InputError, naming the file ``path``, if the field is missing or not of type ``kind``.
    """
    value: Any = content
    for name in dotted.split("."):
        if not isinstance(value, dict) or name not in value:
            raise InputError.of(path, dotted, "nothing", expected)
        value = value[name]
    if not isinstance(value, kind):
        raise InputError.of(path, dotted, repr(value), expected)
    return value


@contextlib.contextmanager
def exclusive(folder: AnyPath) -> Iterator[None]:
    """Lock a folder for writing.

    The lock is the operating system's, so it ends with the process, however that ends. Object stores have no such lock
    and are not guarded.

    Raises :class:`InputError` at once if another process holds the lock.
    """
    target = as_path(folder)
    if not isinstance(target, Path):
        yield
        return
    place = folder_place(target)
    make_folder(place)
    refusal = InputError.of(target, "", "another process writing here", "a folder that no other process writes to")
    with _locked(place / ".lock", refusal):
        yield


@contextlib.contextmanager
def exclusive_file(path: Path) -> Iterator[None]:
    """Lock one local file, which need not exist, for writing; a hidden neighbour holds the lock.

    Pipes and devices are not locked. Raises InputError at once if another process holds the lock, or if no file can
    stand at the path.
    """
    place = file_place(path)
    if place.is_stream:
        yield
        return
    make_folder(place.path.parent)
    refusal = InputError.of(path, "", "another process writing this file", "a file that no other process writes to")
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
