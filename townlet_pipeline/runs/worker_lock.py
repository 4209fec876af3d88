"""The lock that a worker holds while it works on a run.

Other containers of the same machine cannot see the worker's process, but they can see whether its lock is held.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
from dagster import DagsterInstance


@contextmanager
def hold_worker_lock(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the run's lock inside the block; the kernel releases it however the process ends."""
    file = _lock_file(instance, run_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    # This waits: is_lock_free holds the lock for a moment.
    with filelock.FileLock(file):
        try:
            yield
        finally:
            remove_lock(instance, run_id)


def is_lock_free(instance: DagsterInstance, run_id: str) -> bool:
    """Return whether the run's lock exists and nobody holds it; False if the instance's folder has no such lock."""
    file = _lock_file(instance, run_id)
    if not file.exists():
        return False
    lock = filelock.FileLock(file)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        return False
    lock.release()
    return True


def remove_lock(instance: DagsterInstance, run_id: str) -> None:
    """Remove the lock of a run that is over."""
    _lock_file(instance, run_id).unlink(missing_ok=True)


def _lock_file(instance: DagsterInstance, run_id: str) -> Path:
    return Path(instance.root_directory) / "workers" / f"{run_id}.lock"
