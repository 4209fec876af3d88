"""The project's Dagster instance, opened: the one way to it for every command.

Dagster makes the databases of a new home in steps that nothing guards: two processes at once, or one that is killed
there, leave databases that no later process can open. So they are made whole, by one process, and then renamed.
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

#: Where Dagster keeps its databases in a home, unless its settings say otherwise.
_DATABASES = ("history", "schedules")
_LOCK = ".opening.lock"
#: Opening takes about a second; whoever takes longer was stopped there, and says nothing.
_PATIENCE_SECONDS = 120.0


@contextmanager
def open_instance(home: Path | None = None) -> Iterator["DagsterInstance"]:
    """The instance in ``home``, or else in the project's, made if need be; any number of processes may ask at once.

    Raises InputError for a home that :func:`townlet_pipeline.instance.home.ensure_home` refuses, that cannot be
    written to, or whose databases or settings are damaged.
    """
    folder = ensure_home(home)
    with ExitStack() as stack:
        with alone(folder):
            instance = stack.enter_context(_opened(folder))
        yield instance


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a home's lock, for what two processes must not do at once; it waits for whoever has it.

    Raises InputError if the home cannot be written to, or the other does not end.
    """
    lock = filelock.FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=_PATIENCE_SECONDS)
    except filelock.Timeout:
        wanted = "nobody, or a process that ends: find it with fuser or lsof"
        raise InputError.of(folder / _LOCK, "", "a process that has held it for two minutes", wanted) from None
    except OSError as error:
        wanted = "a folder that may be written to; DAGSTER_HOME or --home names another"
        raise InputError.of(folder, "", (error.strerror or str(error)).lower(), wanted) from None
    try:
        yield
    finally:
        lock.release()


def _opened(folder: Path) -> "DagsterInstance":
    from dagster import DagsterInstance

    try:
        if keeps_databases(folder):
            _make_databases(folder)
        instance = DagsterInstance.from_config(str(folder))
        _look_into(instance)
        _open_pools(instance)
    except InputError:
        raise
    except Exception as error:  # Dagster, SQLAlchemy, Alembic and SQLite have no common error
        told = _innermost(error)
        wanted = (
            "a Dagster instance that can be opened: to begin a new one, move the folder away (what runs made is kept "
            "in runs/store), or name another with DAGSTER_HOME or --home"
        )
        raise InputError.of(folder, "", told, wanted) from error
    return instance


def _make_databases(folder: Path) -> None:
    """Put empty databases into a home that has none."""
    missing = [name for name in _DATABASES if not (folder / name).exists()]
    if not missing:
        return
    from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

    with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as new:
        DagsterSqliteStorage(new).dispose()
        for name in missing:
            (Path(new) / name).rename(folder / name)


def _look_into(instance: "DagsterInstance") -> None:
    """Ask each database for something: a damaged one is opened without a word."""
    instance.get_runs(limit=1)
    instance.get_dynamic_partitions("scenarios")
    instance.all_instigator_state()


def _open_pools(instance: "DagsterInstance") -> None:
    """Give each pool its limit: until it has one, Dagster's first look at the queue lets every run through."""
    from townlet_pipeline.instance.pools import SIMULATION, TRAINING

    limited = {pool.name for pool in instance.event_log_storage.get_pool_limits()}
    for pool in sorted({TRAINING, SIMULATION} - limited):
        instance.event_log_storage.initialize_concurrency_limit_to_default(pool)


def _innermost(error: BaseException) -> str:
    """The first line of the error beneath all others, which says what is wrong with the file."""
    while (cause := getattr(error, "orig", None) or error.__cause__) is not None:
        error = cause
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
