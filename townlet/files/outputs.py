"""Places on the local disk to which something is written: what may stand there, and how it is put there durably.

A file is written where there is nothing or a regular file, through symbolic links, which stay. A pipe and a character
device are written to as they are: they are never removed, renamed over or locked. Everything else is refused.
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
#: Where the system shows the open files of a process: a name in there stands for the file, pipe or terminal itself.
_DESCRIPTORS = re.compile(r"/proc/\d+(/task/\d+)?/fd|/dev/fd")
_MOST_LINKS = 40
#: Bytes of a name that leave room for what hidden neighbours add to it; file systems allow 255.
_LONGEST_NAME = 200
#: Seconds after which an unfinished file is taken for one that a killed process left.
_STALE_AFTER = 24 * 3600.0
#: Seconds for which a pipe may wait for somebody who reads it.
_PATIENCE = 10.0


class FilePlace(NamedTuple):
    """Where a file is to be written."""

    path: Path
    """The file itself, with symbolic links resolved; of a stream, the name that was given."""
    is_stream: bool
    """Whether it is a pipe, a device or an open file of a process, which is written to as it is."""


def file_place(path: Path) -> FilePlace:
    """Where to write the file ``path``. Changes nothing.

    Raises InputError if a folder, a block device or a socket stands there, and if no file could be made there.
    """
    mode = _mode(path, _FILE_EXPECTED)
    if mode is not None:
        if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or (not stat.S_ISDIR(mode) and _descriptor(path)):
            return FilePlace(path, True)
        if not stat.S_ISREG(mode):
            raise InputError.of(_shown(path), "", kind_of_file(mode), _FILE_EXPECTED)
    target = path.resolve()
    _require_writable(target.parent, path, _FILE_EXPECTED)
    return FilePlace(target, False)


def folder_place(path: Path) -> Path:
    """Where to make or fill the folder ``path``, with symbolic links resolved. Changes nothing.

    Raises InputError if something other than a folder stands there, and if no folder could be made there.
    """
    mode = _mode(path, _FOLDER_EXPECTED)
    if mode is not None and not stat.S_ISDIR(mode):
        raise InputError.of(_shown(path), "", kind_of_file(mode), _FOLDER_EXPECTED)
    target = path.resolve()
    _require_writable(target, path, _FOLDER_EXPECTED)
    return target


def _mode(path: Path, expected: str) -> int | None:
    """What stands at a path, through links; None for nothing. Raises InputError where nothing ever could."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise InputError.of(_shown(path), "", "a file where a folder is needed", expected) from None
    except (OSError, ValueError) as error:
        found = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError.of(_shown(path), "", found, expected) from None


def _shown(path: Path) -> str:
    return str(path).encode("unicode_escape").decode() if "\0" in str(path) else str(path)


def _require_writable(folder: Path, path: Path, expected: str) -> None:
    """Raise InputError unless files can be made in a folder, or the folder in the nearest one that is there."""
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise InputError.of(path, "", f"{folder}, which is no folder", expected)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError.of(path, "", f"{folder}, which may not be written to", expected)


def _descriptor(path: Path) -> Path | None:
    """The name of an open file of a process to which a path leads, as ``/dev/stdout`` does; None if it does not."""
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
    """A descriptor for writing to a pipe, a device or an open file of a process; the caller closes it.

    An open file of this process is shared with it, so that what both write follows each other. A pipe that nobody
    reads is waited for, ten seconds at most. Raises InputError if it cannot be opened.
    """
    until = time.monotonic() + _PATIENCE
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
    shown = _descriptor(path)
    own = (Path("/proc/self/fd").resolve(), Path("/dev/fd"))
    if shown is not None and shown.parent in own and shown.name.isdecimal():
        return os.dup(int(shown.name))
    # Without the flag, opening a pipe would hang where Ctrl-C cannot reach.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def write_all(descriptor: int, data: bytes, path: Path) -> None:
    """Write all bytes to an open file. Raises OSError with the name of the file, which a failed write does not know."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def append_line(descriptor: int, line: bytes, path: Path) -> None:
    """Append a line to a regular file open for appending: whole, or not at all and an OSError that names the file."""
    before = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, line)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    if written < len(line):
        os.ftruncate(descriptor, before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def write_whole(path: Path, data: bytes) -> None:
    """Write a whole file or leave what was there; the folder's entry is flushed to the device too.

    The bytes go to a hidden neighbour, are flushed, and are renamed. A stream gets them as they are. Raises InputError
    where no file can stand, and OSError with the name of the file.
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
        # An error here would take the place of the one that matters.
        with contextlib.suppress(OSError):
            part.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, and flush their entries to the device."""
    made = []
    above = folder
    while not above.exists():
        made.append(above)
        above = above.parent
    folder.mkdir(parents=True, exist_ok=True)
    for one in reversed(made):
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Flush the entries of a folder to the device: without it, a power failure may take back a rename."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        # Files may be made in a folder that may not be listed.
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems know no flushing of folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise OSError(error.errno, error.strerror, str(folder)) from error
    finally:
        os.close(descriptor)


def remove_unfinished(folder: Path, names: Collection[str | re.Pattern[str]], *, older_than: float = 0.0) -> None:
    """Remove what killed processes left of files of these ``names`` (or patterns) in a folder.

    ``older_than`` is in seconds; 0 removes all, which is safe for those who hold the folder's lock.
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
    """The hidden neighbour whose lock guards a file; the same for all names of the file."""
    return path.with_name(f".{_short(path.name)}.lock")


def _short(name: str) -> str:
    """A name with room for more, or its SHA-256 if it has none."""
    data = os.fsencode(name)
    return name if len(data) <= _LONGEST_NAME else hashlib.sha256(data).hexdigest()
