"""Locks of artefacts' folders: one run writes a folder at a time."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from townlet.errors import InputError


@contextmanager
def locked(folder: Path, run_id: str | None) -> Iterator[None]:
    """Hold a folder for a run, or for no run. Raises InputError at once, naming the run and process that hold it.

    It does not wait, because the other run is making what this one was asked to make. The operating system releases
    the lock when the process ends, for whatever reason. A file beside it says who holds it.
    """
    lock, holder = _beside(folder, "lock"), _beside(folder, "holder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    guard = filelock.FileLock(lock)
    try:
        guard.acquire(blocking=False)
    except filelock.Timeout:
        raise InputError.of(folder, "", f"{_name_of(holder)} writing here", _EXPECTED) from None
    try:
        who = f"run {run_id}" if run_id else "somebody"
        holder.write_text(f"{who} (process {os.getpid()} on {socket.gethostname()})", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        guard.release()


_EXPECTED = "a folder that no other run writes to: wait for that run or terminate it, then re-execute this one"


def _beside(folder: Path, kind: str) -> Path:
    return folder.with_name(f".{folder.name}.{kind}")


def _name_of(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8") or "another run"
    except FileNotFoundError:
        return "another run"
