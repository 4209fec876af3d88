"""What tells a worker from another container of the same machine, which does not see its process: a lock it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
from dagster import DagsterInstance


@contextmanager
def present(instance: DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the lock of a run while this process works on it; the kernel releases it however the process ends."""
    file = _file(instance, run_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    # Whoever looks whether it is held holds it for a moment.
    with filelock.FileLock(file):
        try:
            yield
        finally:
            forget(instance, run_id)


def is_absent(instance: DagsterInstance, run_id: str) -> bool:
    """Whether a run's lock is here and nobody holds it; False as well where the instance's folder has none."""
    file = _file(instance, run_id)
    if not file.exists():
        return False
    guard = filelock.FileLock(file)
    try:
        guard.acquire(blocking=False)
    except filelock.Timeout:
        return False
    guard.release()
    return True


def forget(instance: DagsterInstance, run_id: str) -> None:
    """Remove the lock of a run that is over."""
    _file(instance, run_id).unlink(missing_ok=True)


def _file(instance: DagsterInstance, run_id: str) -> Path:
    return Path(instance.root_directory) / "workers" / f"{run_id}.lock"
