"""The opening of the project's Dagster instance, which every command goes through.

Dagster creates the databases of a new home in several steps without a lock. Two processes that do so at once, or one
that is killed meanwhile, leave databases that no later process can open. So one process creates them
in another folder, and moves them into place once they are complete.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from townlet.errors import InputError
from townlet_pipeline.instance.home import ensure_home, keeps_databases

if TYPE_CHECKING:
    from dagster import DagsterInstance

#: Folders of a home in which Dagster keeps its databases, unless its settings say otherwise.
_DATABASES = ("history", "schedules")
_LOCK = ".opening.lock"
#: Opening takes about a second; a process that holds the lock for this long is stopped or hangs.
_PATIENCE_SECONDS = 120.0


@contextmanager
def open_instance(home: Path | None = None) -> Iterator["DagsterInstance"]:
    """Open the instance in ``home``, or else the project's, and create it if need be. Many processes may do so at once.

    Raises InputError for a home that :func:`townlet_pipeline.instance.home.ensure_home` refuses, that cannot be
    written to, or whose databases or settings are damaged.
    """
    folder = ensure_home(home)
    with ExitStack() as stack:
        with home_lock(folder):
            instance = stack.enter_context(_open(folder))
        yield instance


@contextmanager
def home_lock(folder: Path) -> Iterator[None]:
    """Hold a home's lock, for work that two processes must not do at once; wait for a process that holds it.

    Raises InputError if the home cannot be written to, or if the other process holds the lock for two minutes.
    """
    lock = filelock.FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except filelock.Timeout:
        wanted = "no process, or one that ends: find it with fuser or lsof"
        raise InputError.of(folder / _LOCK, "", "a process that has held it for two minutes", wanted) from None
    except OSError as error:
        wanted = "a folder that may be written to; DAGSTER_HOME or --home names another"
        raise InputError.of(folder, "", (error.strerror or str(error)).lower(), wanted) from None
    try:
        yield
    finally:
        lock.release()


def _open(folder: Path) -> "DagsterInstance":
    from dagster import DagsterInstance

    try:
        if keeps_databases(folder):
            _create_databases(folder)
        instance = DagsterInstance.from_config(str(folder))
        _query_databases(instance)
        _set_pool_limits(instance)
    except InputError:
        raise
    except Exception as error:  # Dagster, SQLAlchemy, Alembic and SQLite have no common error
        wanted = (
            "a Dagster instance that can be opened: to begin a new one, move the folder away (runs/store keeps what "
            "runs made), or name another with DAGSTER_HOME or --home"
        )
        raise InputError.of(folder, "", _innermost_message(error), wanted) from error
    return instance


def _create_databases(folder: Path) -> None:
    """Create the databases that a home lacks, each complete before it is moved into place."""
    missing = [name for name in _DATABASES if not (folder / name).exists()]
    if not missing:
        return
    from townlet_pipeline.instance.dagster_internals import DagsterSqliteStorage

    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as new:
        DagsterSqliteStorage(new).dispose()
        for name in missing:
            (Path(new) / name).rename(folder / name)


def _query_databases(instance: "DagsterInstance") -> None:
    """Query each database once, because Dagster opens a damaged one without an error."""
    instance.get_runs(limit=1)
    instance.get_dynamic_partitions("scenarios")
    instance.all_instigator_state()


def _set_pool_limits(instance: "DagsterInstance") -> None:
    """Give each pool its limit. Until a pool has one, the first evaluation of the queue lets every run through."""
    from townlet_pipeline.instance.pools import SIMULATION, TRAINING

    limited = {pool.name for pool in instance.event_log_storage.get_pool_limits()}
    for pool in sorted({TRAINING, SIMULATION} - limited):
        instance.event_log_storage.initialize_concurrency_limit_to_default(pool)


def _innermost_message(error: BaseException) -> str:
    """Return the first line of the innermost error's message, which says what is wrong with the file."""
    while (cause := getattr(error, "orig", None) or error.__cause__) is not None:
        error = cause
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
