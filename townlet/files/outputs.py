"""Outputs on the local disk: checks of what exists at a path, and durable writes.

A new file replaces a regular file or nothing, through symbolic links, which stay. Pipes and character devices are
written to as they are: never removed, renamed over or locked. Everything else is refused.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from townlet.errors import InputError
from townlet.files.file_kinds import kind_of_file

_FILE_EXPECTED = "a file or a path where there is nothing"
_FOLDER_EXPECTED = "a folder or a path where there is nothing"
#: Folders in which the system lists a process's open files: a name there means the file, pipe or terminal itself.
_DESCRIPTORS = re.compile(r"/proc/\d+(/task/\d+)?/fd|/dev/fd")
_MOST_LINKS = 40
#: Longest file name, in bytes, to which hidden neighbours can still add; file systems allow 255.
_LONGEST_NAME = 200
#: Seconds after which an unfinished file counts as left behind by a killed process.
_STALE_AFTER = 24 * 3600.0
#: Seconds to wait for a reader of a pipe.
_READER_TIMEOUT = 10.0


class FilePlace(NamedTuple):
    """A place to which a file is written."""

    path: Path
    """The file, with symbolic links resolved; for a stream, the path as given."""
    is_stream: bool
    """Whether it is a pipe, a device or a process's open file, which is written to as it is."""


def file_place(path: Path) -> FilePlace:
    """Return the place at which to write the file ``path``. Changes nothing.

    Raises InputError if a folder, a block device or a socket stands there, or if no file can be made there.
    """
    mode = _mode(path, _FILE_EXPECTED)
    if mode is not None:
        if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or (not stat.S_ISDIR(mode) and _descriptor(path)):
            return FilePlace(path, True)
        if not stat.S_ISREG(mode):
            raise InputError.of(_printable(path), "", kind_of_file(mode), _FILE_EXPECTED)
    target = path.resolve()
    _require_writable(target.parent, path, _FILE_EXPECTED)
    return FilePlace(target, False)


def folder_place(path: Path) -> Path:
    """Return the folder to make or fill at ``path``, with symbolic links resolved. Changes nothing.

    Raises InputError if something other than a folder stands there, or if no folder can be made there.
    """
    mode = _mode(path, _FOLDER_EXPECTED)
    if mode is not None and not stat.S_ISDIR(mode):
        raise InputError.of(_printable(path), "", kind_of_file(mode), _FOLDER_EXPECTED)
    target = path.resolve()
    _require_writable(target, path, _FOLDER_EXPECTED)
    return target


def _mode(path: Path, expected: str) -> int | None:
    """The mode of what a path leads to; None if nothing is there. Raises InputError if the path is unusable."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise InputError.of(_printable(path), "", "a file where a folder is needed", expected) from None
    except (OSError, ValueError) as error:
        found = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError.of(_printable(path), "", found, expected) from None


def _printable(path: Path) -> str:
    return str(path).encode("unicode_escape").decode() if "\0" in str(path) else str(path)


def _require_writable(folder: Path, path: Path, expected: str) -> None:
    """Raise InputError unless a folder, or else its nearest existing ancestor, can be written to."""
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise InputError.of(path, "", f"{folder}, which is not a folder", expected)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError.of(path, "", f"{folder}, which may not be written to", expected)


def _descriptor(path: Path) -> Path | None:
    """The name of the process's open file that a path such as ``/dev/stdout`` leads to; None if it leads to none."""
    here = Path.cwd() / path
    for _ in range(_MOST_LINKS):
        here = here.parent.resolve() / here.name
        if _DESCRIPTORS.fullmatch(str(here.parent)):
            return here
        if not here.is_symlink():
            return None
        here = here.parent / here.readlink()
    return None


def open_stream(path: Path) -> int:
    """Open a pipe, a device or a process's open file for writing, and return a descriptor for the caller to close.

    An open file of this process is shared, so that the writes of both follow each other. If nobody reads a pipe, this
    waits for a reader, ten seconds at most.

    Raises InputError if the stream cannot be opened.
    """
    until = time.monotonic() + _READER_TIMEOUT
    while True:
        try:
            return _open_stream(path)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise InputError.of(path, "", error.strerror or str(error), "something to write to") from None
        if time.monotonic() > until:
            raise InputError.of(path, "", "a pipe that nobody reads", "a pipe with a reader")
        time.sleep(0.05)


def _open_stream(path: Path) -> int:
    target = _descriptor(path)
    own = (Path("/proc/self/fd").resolve(), Path("/dev/fd"))
    if target is not None and target.parent in own and target.name.isdecimal():
        return os.dup(int(target.name))
    # Without O_NONBLOCK, opening a pipe would hang and ignore Ctrl-C.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def write_all(descriptor: int, data: bytes, path: Path) -> None:
    """Write all bytes to an open file. Raises OSError with the file's name, which a failed write lacks."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def append_line(descriptor: int, line: bytes, path: Path) -> None:
    """Append either a whole line or nothing to a regular file opened for appending. Raises OSError with its name."""
    before = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, line)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    if written < len(line):
        os.ftruncate(descriptor, before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def write_whole(path: Path, data: bytes) -> None:
    """Write a whole file, or leave what was there; flush the file and its folder's entry to the device.

    The bytes go to a hidden neighbour, which is flushed and renamed. A stream gets them directly.

    Raises InputError if no file can stand at the path, and OSError with the file's name if writing fails.
    """
    place = file_place(path)
    if place.is_stream:
        descriptor = open_stream(path)
        try:
            write_all(descriptor, data, path)
        finally:
            os.close(descriptor)
        return
    target = place.path
    make_folder(target.parent)
    remove_unfinished(target.parent, [target.name], older_than=_STALE_AFTER)
    part = target.with_name(f".{_short(target.name)}.{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
        try:
            write_all(descriptor, data, path)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        part.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        # An error here would hide the one that matters.
        with contextlib.suppress(OSError):
            part.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder with its missing ancestors, and flush their entries to the device."""
    made = []
    above = folder
    while not above.exists():
        made.append(above)
        above = above.parent
    folder.mkdir(parents=True, exist_ok=True)
    for one in reversed(made):
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the device; otherwise a power failure may undo a rename."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        # A folder that may not be listed can still be written to.
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot flush folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise OSError(error.errno, error.strerror, str(folder)) from error
    finally:
        os.close(descriptor)


def remove_unfinished(folder: Path, names: Collection[str | re.Pattern[str]], *, older_than: float = 0.0) -> None:
    """Remove a folder's unfinished files of these ``names`` (or patterns), which killed processes left behind.

    Only files older than ``older_than`` seconds are removed. 0 removes all, which is safe under the folder's lock.
    """
    own = [name.pattern if isinstance(name, re.Pattern) else re.escape(_short(name)) for name in names]
    pattern = re.compile(rf"\.({'|'.join(own)})\.[0-9a-f]+\.part")
    for part in _matching(folder, pattern):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if time.time() - part.lstat().st_mtime >= older_than:
                part.unlink()


def _matching(folder: Path, pattern: re.Pattern[str]) -> Iterator[Path]:
    try:
        neighbours = list(folder.iterdir())
    except (FileNotFoundError, PermissionError):
        return
    yield from (neighbour for neighbour in neighbours if pattern.fullmatch(neighbour.name))


def lock_file(path: Path) -> Path:
    """Return the hidden neighbour whose lock guards a file."""
    return path.with_name(f".{_short(path.name)}.lock")


def _short(name: str) -> str:
    """The name, or its SHA-256 if the name is too long to be extended."""
    data = os.fsencode(name)
    return name if len(data) <= _LONGEST_NAME else hashlib.sha256(data).hexdigest()
