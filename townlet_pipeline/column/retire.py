"""Retirement of partitions: those whose file is gone, of experiments, and of keys that no scenario can have.

``python -m townlet_pipeline.column.retire NAME…``, or in Dagster the job ``retire_partition``.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from dagster import Config, DagsterInstance, DagsterRunStatus, OpExecutionContext, RunsFilter, job, op
from pydantic import Field

from townlet.errors import Fault, InputError, nearest_name
from townlet_pipeline.artefacts.partitions import known_policies, known_scenarios, remove_partition
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.instance.project import is_key, policy_declaration, scenario_file, shown
from townlet_pipeline.resources import NEEDED_BY_ALL
from townlet_pipeline.runs.executors import townlet_executor
from townlet_pipeline.runs.failures import readable_failures

#: States of a run that may still write, now or later.
_UNFINISHED_RUNS = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
#: States of a backfill that will still start runs.
_UNFINISHED_BACKFILLS = ("REQUESTED", "CANCELING", "FAILING")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Retired:
    """A key that is no longer a partition, and its folders in the store, which were kept or deleted."""

    key: str
    folders: tuple[Path, ...]
    deleted: bool

    def __str__(self) -> str:
        gone = f"{self.key!r} is no longer a partition"
        if not self.folders:
            return f"{gone}; nothing was made of it"
        listed = ", ".join(map(shown, self.folders))
        return f"{gone}; {'deleted' if self.deleted else 'what was made of it stays in'} {listed}"


def retire(
    instance: DagsterInstance, store: StoreResource, keys: Sequence[str], *, delete_files: bool = False
) -> list[Retired]:
    """Remove partitions from all assets, soaks included. Their files stay unless ``delete_files`` is set.

    Dagster's history of their runs and published files stay in any case. Raises InputError, with nothing changed, if a
    key is no partition, still has its scenario file, or is being made.
    """
    known = [*known_scenarios(instance), *known_policies(instance)]
    faults = [fault for key in keys if (fault := _in_the_way(instance, key, known)) is not None]
    if faults:
        raise InputError(faults)
    done = []
    for key in dict.fromkeys(keys):
        remove_partition(instance, key)
        folders = _folders(store, key)
        for folder in folders if delete_files else ():
            shutil.rmtree(folder)
        done.append(Retired(key, folders, delete_files))
    return done


def _in_the_way(instance: DagsterInstance, key: str, known: Sequence[str]) -> Fault | None:
    if key not in known:
        return Fault("retire", "NAME", repr(key), nearest_name(key, known))
    if is_key(key):
        for file in (scenario_file(key), policy_declaration(key)):
            if not (file.exists() or file.is_symlink()):
                continue
            return Fault("retire", "NAME", repr(key), f"a name without a file: remove {shown(file)} first")
    for tag in ("dagster/partition", "dagster/partition/scenario", "dagster/partition/policy"):
        running = instance.get_run_records(RunsFilter(statuses=_UNFINISHED_RUNS, tags={tag: key}), limit=1)
        if running:
            run = running[0].dagster_run.run_id
            return Fault("retire", "NAME", repr(key), f"a partition that nobody works on: wait for run {run} or end it")
    for backfill in instance.get_backfills():
        # A backfill that meets a missing key fails as a whole, for all its other keys, too.
        if backfill.status.value in _UNFINISHED_BACKFILLS:
            waiting = f"no unfinished backfill: wait for {backfill.backfill_id} or cancel it"
            return Fault("retire", "NAME", repr(key), waiting)
    return None


def _folders(store: StoreResource, key: str) -> tuple[Path, ...]:
    """The folder of a key in the store, nights and weekends included. The key is compared, never used as a path."""
    place = store.place()
    entries = sorted(place.iterdir()) if place.is_dir() else []
    return tuple(entry for entry in entries if entry.name == key and entry.is_dir() and not entry.is_symlink())


class Retirement(Config):
    """Partitions to retire."""

    names: list[str] = Field(
        description="Scenarios and policies whose file is gone, experiments, or whatever else was added."
    )
    delete_files: bool = Field(default=False, description="Whether what was made of them is deleted from the store.")


@op
def remove_partitions(context: OpExecutionContext, config: Retirement, store: StoreResource) -> None:
    """Remove the partitions and report what stays."""
    with readable_failures():
        for done in retire(context.instance, store, config.names, delete_files=config.delete_files):
            context.log.info(str(done))


@job(
    executor_def=townlet_executor,
    resource_defs={**NEEDED_BY_ALL, "store": StoreResource()},
    tags={"dagster/max_runtime": "600"},
    description="Removes partitions of scenarios and policies whose file is gone, of experiments, and of names that no "
    "scenario can have. What was made of them stays in the store unless `delete_files` says otherwise.",
)
def retire_partition() -> None:
    """Retire partitions."""
    remove_partitions()


@app.command()
def command(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Partitions to retire.")],
    home: Annotated[
        Path | None, typer.Option(help="Dagster's folder; by default $DAGSTER_HOME, else .dagster here.")
    ] = None,
    store: Annotated[Path | None, typer.Option(help="Folder for artefacts; by default runs/store.")] = None,
    delete_files: Annotated[bool, typer.Option("--delete-files", help="Delete what was made of them, too.")] = False,
) -> None:
    """Remove partitions whose file is gone, experiments, and names that no scenario can have."""
    from townlet_pipeline.instance.home import ensure_home

    place = StoreResource(root=str(store.resolve())) if store is not None else StoreResource()
    try:
        ensure_home(home)
        with DagsterInstance.get() as instance:
            for done in retire(instance, place, names, delete_files=delete_files):
                print(done)
    except InputError as error:
        for fault in error.faults:
            print(f"error: {fault}", file=sys.stderr)
        raise typer.Exit(2) from None


def main() -> None:
    """Entry point of ``python -m townlet_pipeline.column.retire``."""
    app()


if __name__ == "__main__":
    main()
