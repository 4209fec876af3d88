"""Run of MLflow that tracks a training."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from townlet.errors import InputError
from townlet.files.outputs import folder_place, lock_file, make_folder
from townlet.host.mlflow_settings import set_mlflow_defaults
from townlet.telemetry.curves import Point, description_of
from townlet.tracking.destination import Destination
from townlet.tracking.facts import Facts
from townlet.tracking.run import Held, Status

if TYPE_CHECKING:
    from mlflow import MlflowClient

#: Tag by which an export finds the run of a log: the SHA-256 of its first record, clock fields included.
LOG_TAG = "townlet.first_record_sha256"

#: Points per request: MLflow refuses more, and a database stores a request completely or not at all.
BATCH = 1000
#: Parameters or tags per request.
_FEW = 100
#: Lengths of a parameter's name and value, and of a tag's value, that every version accepts.
_LONGEST_NAME, _LONGEST_VALUE, _LONGEST_TAG = 250, 6000, 8000

_SQLITE = "sqlite:///"
#: Seconds to wait for another process that makes the database.
_PATIENCE = 60.0


class MlflowRun:
    """A run of an experiment, with a curve for each number of the log."""

    def __init__(self, destination: Destination) -> None:
        self.destination, self.shown, self.run_id = destination, destination.shown, ""
        self._client: MlflowClient | None = None
        self._experiment_id, self._start, self._curves = "", 0, set[str]()

    @property
    def client(self) -> MlflowClient:
        """The connection, which :meth:`prepare` makes."""
        assert self._client is not None
        return self._client

    @property
    def link(self) -> str:
        """Address of the run's page, if there is a server; else its id and its database."""
        address = self.shown
        if address.startswith(("http://", "https://")):
            return f"{address.rstrip('/')}/#/experiments/{self._experiment_id}/runs/{self.run_id}"
        return f"{address} run {self.run_id}"

    def prepare(self) -> None:
        """Connect, and create the experiment if needed.

        Raises InputError if MLflow is not installed, or the server or database refuses.
        """
        set_mlflow_defaults()
        address, name = self.destination.address, self.destination.experiment
        with contextlib.ExitStack() as made, self._reaching():
            from mlflow import MlflowClient

            place = None
            if address.startswith(_SQLITE):
                database = Path(address.removeprefix(_SQLITE).partition("?")[0]).absolute()
                folder_place(database.parent)
                make_folder(database.parent)
                # Two processes that make a database at once get in each other's way.
                made.enter_context(filelock.FileLock(lock_file(database), timeout=_PATIENCE))
                # Otherwise the files of a database's runs would lie in whatever folder is the current one.
                place = (database.parent / f"{database.stem}-files").as_uri()
            self._client = MlflowClient(tracking_uri=address)
            known = self.client.get_experiment_by_name(name)
            self._experiment_id = known.experiment_id if known else self.client.create_experiment(name, place)

    def open(self, name: str, run_id: str | None) -> None:
        """Begin a run that starts now, or go on with one."""
        self._open(name, run_id, round(time.time() * 1000))

    def open_exported(self, name: str | None, log: Path, identity: str, start: int) -> None:
        """Go on with the run of a log, or begin one that started at ``start``, in milliseconds since 1970.

        Raises InputError if the log's run has another name.
        """
        with self._reaching():
            runs = self.client.search_runs([self._experiment_id], f"tags.`{LOG_TAG}` = '{identity}'", max_results=1)
        if runs and name not in (None, runs[0].info.run_name):
            expected = f"run {runs[0].info.run_name!r}, as it was exported before, or another experiment"
            raise InputError.of(log, "", f"run name {name!r}", expected)
        default = log.resolve().parent.name or log.stem
        self._open(name or default, runs[0].info.run_id if runs else None, start)
        self.identify(identity)

    def _open(self, name: str, run_id: str | None, start: int) -> None:
        with self._reaching():
            from mlflow.exceptions import MlflowException

            run = None
            if run_id is not None:
                with contextlib.suppress(MlflowException):
                    run = self.client.get_run(run_id)
            if run is None or run.info.lifecycle_stage != "active":
                run = self.client.create_run(self._experiment_id, start_time=start, run_name=name)
            elif run.info.status != "RUNNING":
                self.client.update_run(run.info.run_id, status="RUNNING")
            self.run_id, self._start = str(run.info.run_id), int(run.info.start_time)

    def abandon(self, run_id: str) -> None:
        """Mark a run as killed if it is still running: a training that began anew has taken its place."""
        from mlflow.exceptions import MlflowException

        with self._reaching(), contextlib.suppress(MlflowException):
            if self.client.get_run(run_id).info.status == "RUNNING":
                self.client.set_terminated(run_id, "KILLED")

    @property
    def name(self) -> str:
        """The run's name."""
        with self._reaching():
            return str(self.client.get_run(self.run_id).info.run_name)

    def describe(self, facts: Facts) -> None:
        """Write parameters and tags. A parameter that has another value now, as a longer training has, becomes a tag:
        MLflow's cannot change."""
        from mlflow.entities import Param, RunTag

        with self._reaching():
            known = self.client.get_run(self.run_id).data.params
            wanted = {name[:_LONGEST_NAME]: str(value)[:_LONGEST_VALUE] for name, value in facts.parameters.items()}
            changed = {name: value for name, value in wanted.items() if known.get(name, value) != value}
            tags = {f"townlet.{name}": value for name, value in {**facts.tags, **changed}.items()}
            if "commit" in facts.tags:
                tags["mlflow.source.git.commit"] = facts.tags["commit"].partition("+")[0]
            params = [Param(name, value) for name, value in wanted.items() if name not in known]
            marks = [RunTag(name, value[:_LONGEST_TAG]) for name, value in tags.items()]
            for first in range(0, max(len(params), len(marks)), _FEW):
                part = slice(first, first + _FEW)
                self.client.log_batch(self.run_id, params=params[part], tags=marks[part])

    def identify(self, first_record_sha256: str) -> None:
        """Write the tag by which an export finds the run."""
        with self._reaching():
            self.client.set_tag(self.run_id, LOG_TAG, first_record_sha256)

    def held(self, curves: Iterable[str]) -> Iterator[tuple[str, Held]]:
        """Read the run's points back."""
        with self._reaching():
            known = self.client.get_run(self.run_id).data.metrics
        for curve in sorted({*curves, *known}):
            values: dict[int, list[float]] = defaultdict(list)
            if curve in known:
                with self._reaching():
                    for metric in self.client.get_metric_history(self.run_id, curve):
                        values[metric.step].append(metric.value)
            yield curve, values

    def add(self, points: Sequence[Point]) -> None:
        """Add points, with training time since the run's start as their time."""
        from mlflow.entities import Metric

        metrics = [Metric(p.curve, float(p.value), self.time_of(p), p.step) for p in points]
        self._curves |= {point.curve for point in points}
        with self._reaching():
            for first in range(0, len(metrics), BATCH):
                self.client.log_batch(self.run_id, metrics=metrics[first : first + BATCH])

    def note_curves(self, curves: Iterable[str]) -> None:
        """Note curves that the run has already, for its description."""
        self._curves.update(curves)

    def time_of(self, point: Point) -> int:
        """The time of a point, in milliseconds since 1970."""
        return self._start + round(point.seconds * 1000)

    def keep(self, files: Mapping[Path, str], summary: str, page: str) -> None:
        """Upload the files; the run's description is the summary's first sentences, and the curves' meanings."""
        with self._reaching():
            for file, folder in files.items():
                self.client.log_artifact(self.run_id, str(file), folder or None)
            if page:
                self.client.log_text(self.run_id, page, "summary.html")
                self.client.set_tag(self.run_id, "mlflow.note.content", self._note(summary.partition("\n")[0]))

    def _note(self, verdict: str) -> str:
        """A text for people, as long as a tag can be."""
        note = f"{verdict}\n\n| curve | meaning |\n|---|---|"
        for curve in sorted(self._curves):
            row = f"\n| {curve} | {description_of(curve)} |"
            note += row if len(note) + len(row) <= _LONGEST_TAG else ""
        return note

    def registered_version(self, name: str, tags: Mapping[str, str]) -> int | None:
        """The version of a registered model that was made from this run with these tags; None if there is none."""
        with self._reaching():
            found = self.client.search_model_versions(f"name = '{name.replace(chr(39), '')}'")
            same = (each for each in found if each.run_id == self.run_id and tags.items() <= each.tags.items())
            return next((int(each.version) for each in same), None)

    def register(self, name: str, tags: Mapping[str, str]) -> int:
        """Register the run's policy as a new version, and return its number."""
        from mlflow.exceptions import MlflowException

        with self._reaching():
            try:
                self.client.get_registered_model(name)
            except MlflowException:
                self.client.create_registered_model(name)
            source = f"runs:/{self.run_id}/policy"
            return int(self.client.create_model_version(name, source, self.run_id, dict(tags)).version)

    def give_alias(self, name: str, alias: str, version: int) -> None:
        """Move an alias to a version."""
        with self._reaching():
            self.client.set_registered_model_alias(name, alias, str(version))

    def end(self, status: Status, ended: int | None = None) -> None:
        """Set the run's state and its end."""
        with self._reaching():
            if status == "RUNNING":
                self.client.update_run(self.run_id, status=status)
            else:
                self.client.set_terminated(self.run_id, status, ended)

    def close(self) -> None:
        """Do nothing: there is one request at a time."""

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn whatever the server or database refuses into an InputError."""
        expected = "an MLflow server or database that accepts this experiment, run and points"
        try:
            from mlflow.exceptions import MlflowException
            from sqlalchemy.exc import SQLAlchemyError

            try:
                yield
            except (MlflowException, SQLAlchemyError, OSError) as error:
                found = (str(error).strip() or type(error).__name__).splitlines()[0]
                found = found.replace(self.destination.address, self.shown)
                raise InputError.of(self.shown, "", found, expected) from None
        except ImportError as error:
            if error.name not in (None, "mlflow", "sqlalchemy"):
                raise InputError.of(self.shown, "", f"no module {error.name}", expected) from None
            expected = "MLflow: pip install 'townlet[mlflow]'"
            raise InputError.of("options", self.destination.tool, "no MLflow", expected) from None
