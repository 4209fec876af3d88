"""Cache folder for compiled code, private to one user."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import tempfile
from pathlib import Path

from townlet.errors import InputError


@functools.cache
def private_cache() -> Path:
    """Return the user's own cache folder, and make it if it is missing.

    It is ``$TOWNLET_CACHE``, else ``townlet`` in ``$XDG_CACHE_HOME`` or ``~/.cache``. Users without a writable home get
    a folder of their own among the temporary files. Its files are run as code, so nobody else may write to it.

    Raises InputError if ``$TOWNLET_CACHE`` belongs to another user, is writable by others, is not a folder, or cannot
    be made.
    """
    named = os.environ.get("TOWNLET_CACHE")
    if named:
        return _private(Path(named).expanduser())
    for folder in _defaults():
        try:
            _make_private(folder)
            return _private(folder)
        except (InputError, OSError):
            continue
    return Path(tempfile.mkdtemp(prefix="townlet-"))


def _defaults() -> list[Path]:
    """Folders to try, the best first."""
    folders = []
    if os.environ.get("XDG_CACHE_HOME"):
        folders.append(Path(os.environ["XDG_CACHE_HOME"]) / "townlet")
    # A user ID without an account and without HOME, as in containers, has no home folder.
    with contextlib.suppress(RuntimeError):
        folders.append(Path.home() / ".cache" / "townlet")
    return [*folders, Path(tempfile.gettempdir()) / f"townlet-{os.getuid()}"]


def _make_private(folder: Path) -> None:
    """Close a default folder of this user to others, in case a lax umask left it open."""
    if folder.is_dir() and folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)


def _private(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
    except OSError as error:
        raise InputError.of("TOWNLET_CACHE", "", f"{folder}: {error.strerror}", "a folder of your own") from None
    if status.st_uid != os.getuid():
        raise InputError.of("TOWNLET_CACHE", "", f"{folder}, another user's", "a folder of your own: its files are run")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        expected = f"one that you alone may write to, since its files are run: chmod go-w {folder}"
        raise InputError.of("TOWNLET_CACHE", "", f"{folder}, which others may write to", expected)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError.of("TOWNLET_CACHE", "", f"{folder}, which cannot be written to", "a folder of your own")
    return folder
