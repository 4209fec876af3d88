"""Exports of a finished log: the same runs that tracking makes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from townlet.errors import InputError
from townlet.files.artefact_names import TRACKING_NAME
from townlet.files.outputs import folder_place, make_folder, sync_folder
from townlet.files.storage import exclusive_file
from townlet.telemetry.curves import Point, points_of
from townlet.telemetry.reader import part_paths
from townlet.telemetry.validator import read_records
from townlet.tracking.destination import EXPERIMENT, Destination
from townlet.tracking.facts import Facts, facts_for
from townlet.tracking.mlflow_run import MlflowRun
from townlet.tracking.registry import Registered, register_policy, require_names
from townlet.tracking.run import Status, missing_points
from townlet.tracking.tensorboard_run import TensorboardRun
from townlet.tracking.track import identity_of, keep_files


class Exported(NamedTuple):
    """Result of an export: curves in the run, points that this export added, and the run's name and id."""

    curves: int
    added: int
    run_name: str
    run_id: str
    registered: Registered | None = None


def export_mlflow(
    log: Path,
    tracking_uri: str,
    experiment: str = EXPERIMENT,
    run_name: str | None = None,
    folder: Path | None = None,
    register: str | None = None,
    alias: str | None = None,
) -> Exported:
    """Write a valid log into a run of an experiment; a repeated export, or one after tracking, adds what is missing.

    The curves are those of :func:`~townlet.telemetry.curves.points_of`. Parameters, tags and files are those of the
    training in ``folder``, by default the log's, if the log is that training's. The run's start is the log's last
    modification less the training's duration, estimated for epochs that were not logged. The policy is registered
    under the name ``register``, if given, and gets the ``alias``: :func:`~townlet.tracking.registry.register_policy`.

    Raises InputError, and writes nothing, if the log is not valid, if another process tracks or exports it, if its run
    holds other points or has another name than ``run_name``, or if MLflow is not installed. Raises InputError, too, if
    the server or database refuses.
    """
    records = read_records(log)
    folder = folder or log.resolve().parent
    _require_registrable(register, alias, folder, records)
    points, run = list(points_of(records)), MlflowRun(Destination("mlflow", tracking_uri, experiment))
    with exclusive_file(folder / TRACKING_NAME):
        run.prepare()
        start = round((part_paths(log)[-1].stat().st_mtime - points[-1].seconds) * 1000)
        run.open_exported(run_name, log, identity_of(records[0]), start)
        missing = missing_points(run, points, log).points
        facts = facts_for(folder, records)
        run.describe(Facts(facts.parameters, {**facts.tags, "log": str(log)}))
        run.add(missing)
        run.note_curves(point.curve for point in points)
        if facts != Facts():
            keep_files(run, folder, log)
        run.end(_status_of(facts), run.time_of(points[-1]))
        registered = None if register is None else register_policy(run, folder, register, alias)
    return Exported(len(_curves(points)), len(missing), run.name, run.run_id, registered)


def export_tensorboard(log: Path, output: Path, folder: Path | None = None) -> int:
    """Write a valid log into an event file in a new folder, and return the number of curves.

    Curves, parameters and texts are those of :func:`export_mlflow`; wall time is training time since the start, in
    seconds. The folder appears complete or not at all.

    Raises InputError if the log is not valid, if the folder exists, since its curves would mix with these, or if
    TensorBoard is not installed.
    """
    records = read_records(log)
    target = folder_place(output)
    if target.exists():
        raise InputError.of(output, "", "a folder or file of that name", "a new folder")
    folder = folder or log.resolve().parent
    make_folder(target.parent)
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    points, facts = list(points_of(records)), facts_for(folder, records)
    try:
        run = TensorboardRun(Destination("tensorboard", str(part)), own_folder=False)
        run.prepare()
        run.describe(facts)
        run.add(points)
        if facts != Facts():
            keep_files(run, folder, log)
            run.end(_status_of(facts))
        run.close()
        part.rename(target)
        sync_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return len(_curves(points))


def _require_registrable(
    name: str | None, alias: str | None, folder: Path, records: Sequence[Mapping[str, Any]]
) -> None:
    """Raise InputError for bad names, and unless the folder holds the policy of a finished training with this log."""
    if name is None:
        if alias is not None:
            raise InputError.of("options", "--alias", repr(alias), "none without --register")
        return
    require_names(name, alias)
    if "policy_sha256" not in facts_for(folder, records).tags:
        raise InputError.of(folder, "", "no policy of this log's training", "a finished training to register")


def _curves(points: Sequence[Point]) -> set[str]:
    return {point.curve for point in points}


def _status_of(facts: Facts) -> Status:
    """The state of a run by what the folder says: an unfinished training may be running at this moment."""
    if facts.is_diverged:
        return "FAILED"
    return "RUNNING" if facts.is_unfinished else "FINISHED"
