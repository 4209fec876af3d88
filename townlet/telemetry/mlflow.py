"""Export of a training log to a run of MLflow."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from townlet.errors import InputError
from townlet.telemetry.curves import Point, points_of
from townlet.telemetry.reader import part_paths
from townlet.telemetry.validator import read_records

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

#: Tag by which a repeated export finds its run: the SHA-256 of the log's first record, clock fields included.
LOG_TAG = "townlet.first_record_sha256"

#: Points per request: MLflow refuses more, and a database stores a request completely or not at all.
BATCH = 1000

#: Without these, MLflow reports its use to its makers, and retries an unreachable server for minutes.
_DEFAULTS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}


class Exported(NamedTuple):
    """Result of an export: curves in the run, points that this export added, and the run's name."""

    curves: int
    added: int
    run_name: str


def export_mlflow(log: Path, tracking_uri: str, experiment: str = "townlet", run_name: str | None = None) -> Exported:
    """Write every number of a valid log into a run of an experiment; a repeated export adds only new points.

    The curves are those of :func:`~townlet.telemetry.curves.points_of`. The run's start is the log's last modification
    less the training's duration, estimated for epochs that were not logged. The run's points are read back first, so
    that the next export completes an interrupted one. Run only one export of a log at a time.

    Raises InputError, and writes nothing, if the log is not valid, if its run holds other points or has another name
    than ``run_name``, or if MLflow is not installed. Raises InputError, too, if the server or database refuses.
    """
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError:
        expected = "MLflow: pip install 'townlet[mlflow]'"
        raise InputError.of("options", "export mlflow", "no MLflow", expected) from None
    records = read_records(log)
    try:
        return _export(MlflowClient(tracking_uri=tracking_uri), log, records, experiment, run_name)
    except (MlflowException, SQLAlchemyError) as error:
        found = (str(error).strip() or type(error).__name__).splitlines()[0]
        expected = "an MLflow server or database that accepts this experiment, run and points"
        raise InputError.of(tracking_uri, "", found, expected) from None


def _export(
    client: MlflowClient, log: Path, records: Sequence[Mapping[str, Any]], experiment: str, run_name: str | None
) -> Exported:
    points = list(points_of(records))
    curves = sorted({point.curve for point in points})
    identity = hashlib.sha256(json.dumps(records[0], sort_keys=True).encode()).hexdigest()
    name = run_name or log.resolve().parent.name or log.stem
    known = client.get_experiment_by_name(experiment)
    experiment_id = known.experiment_id if known else client.create_experiment(experiment)
    runs = client.search_runs([experiment_id], f"tags.`{LOG_TAG}` = '{identity}'", max_results=1)
    if runs:
        run = runs[0]
        if run_name not in (None, run.info.run_name):
            expected = f"run {run.info.run_name!r}, as it was exported before, or another experiment"
            raise InputError.of(log, "", f"run name {run_name!r}", expected)
    else:
        written = part_paths(log)[-1].stat().st_mtime
        start = round((written - points[-1].seconds) * 1000)
        tags = {LOG_TAG: identity, "townlet.log": str(log)}
        run = client.create_run(experiment_id, start_time=start, tags=tags, run_name=name)
    added = _add_missing(client, run, points, curves, log)
    client.set_terminated(run.info.run_id, end_time=_timestamp(run, points[-1]))
    return Exported(len(curves), added, str(run.info.run_name))


def _add_missing(client: MlflowClient, run: Run, points: list[Point], curves: list[str], log: Path) -> int:
    """Add the points that a run lacks. Raises InputError if the run holds one that the log does not.

    The time of a point is not compared, since earlier versions estimated it differently.
    """
    from mlflow.entities import Metric

    wanted = {(point.curve, float(point.value), _timestamp(run, point), point.step): None for point in points}
    held = Counter(
        (curve, metric.value, metric.step)
        for curve in sorted({*curves, *run.data.metrics})
        for metric in client.get_metric_history(run.info.run_id, curve)
    )
    missing = []
    for curve, value, timestamp, step in wanted:
        if held[curve, value, step]:
            held[curve, value, step] -= 1
        else:
            missing.append(Metric(curve, value, timestamp, step))
    if unexpected := +held:
        curve, value, step = min(unexpected, key=lambda point: (point[2], point[0]))
        expected = "a log that continues this run; delete the run or use another experiment"
        found = f"no {curve} of {value:g} at step {step} as in run {run.info.run_name!r}"
        raise InputError.of(log, "", found, expected)
    for first in range(0, len(missing), BATCH):
        client.log_batch(run.info.run_id, metrics=missing[first : first + BATCH])
    return len(missing)


def _timestamp(run: Run, point: Point) -> int:
    """The time of a point, in milliseconds since 1970."""
    return int(run.info.start_time) + round(point.seconds * 1000)
