"""Run of TensorBoard that tracks a training: a folder of event files."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from townlet.errors import InputError
from townlet.files.outputs import folder_place, make_folder
from townlet.telemetry.curves import Point, description_of
from townlet.tracking.destination import Destination
from townlet.tracking.facts import Facts
from townlet.tracking.run import Held, Status

if TYPE_CHECKING:
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

_EVENT_FILES = "events.out.tfevents.*"
#: Names by which TensorBoard's page of hyper-parameters finds a run's values and its end.
_HPARAMS_START, _HPARAMS_END = "_hparams_/session_start_info", "_hparams_/session_end_info"


class TensorboardRun:
    """A folder of event files below the destination's folder, or that folder itself."""

    def __init__(self, destination: Destination, *, own_folder: bool = True) -> None:
        self.destination, self.shown, self.run_id = destination, destination.shown, ""
        self._own_folder = own_folder
        self._writer: EventFileWriter | None = None
        self._described: set[str] = set()
        self._step, self._seconds = 0, 0.0

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return Path(self.destination.address) / self.run_id if self._own_folder else Path(self.destination.address)

    @property
    def link(self) -> str:
        """The command that shows the run beside the others of its folder."""
        return f"tensorboard --logdir {self.destination.address}"

    def prepare(self) -> None:
        """Check that TensorBoard is installed and the folder can be written. Raises InputError if not."""
        with self._writing():
            import tensorboard.summary.writer.event_file_writer  # noqa: F401 (tells whether it is installed)

            place = folder_place(Path(self.destination.address))
            make_folder(place)
            if not os.access(place, os.W_OK | os.X_OK):
                raise PermissionError(13, os.strerror(13), str(place))

    def open(self, name: str, run_id: str | None) -> None:
        """Make the run's folder, named after the training, or go on with the one that is there."""
        known = run_id if run_id and (Path(self.destination.address) / run_id).is_dir() else None
        self.run_id = known or f"{name}-{uuid4().hex[:8]}"
        with self._writing():
            make_folder(self.folder)

    def describe(self, facts: Facts) -> None:
        """Write the parameters for TensorBoard's page of hyper-parameters, and the tags as a text, once per run."""
        from tensorboard.plugins.hparams.plugin_data_pb2 import SessionStartInfo

        if _HPARAMS_START in self._values_held():
            return
        start = SessionStartInfo(start_time_secs=time.time())
        for name, value in facts.parameters.items():
            if isinstance(value, bool):
                start.hparams[name].bool_value = value
            elif isinstance(value, int | float):
                start.hparams[name].number_value = value
            else:
                start.hparams[name].string_value = value
        self._write([_hparams(_HPARAMS_START, session_start_info=start), _text("run/tags", _table(facts.tags))])

    def identify(self, first_record_sha256: str) -> None:
        """Do nothing: an export makes a folder of its own."""

    def held(self, curves: Iterable[str]) -> Iterator[tuple[str, Held]]:
        """Read the run's points back from its event files; a record torn by a kill ends its file."""
        self.close()
        found = self._values_held()
        self._described = set(found)
        for curve in sorted({*curves, *(name for name in found if not name.startswith(("_hparams_", "run/")))}):
            yield curve, found.get(curve, {})

    def add(self, points: Sequence[Point]) -> None:
        """Write one event per record; its wall time is training time since the start, in seconds."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        for (step, seconds), those in itertools.groupby(points, key=lambda point: (point.step, point.seconds)):
            values = []
            for point in those:
                value = Summary.Value(tag=point.curve, simple_value=float(point.value))
                if point.curve not in self._described:
                    self._described.add(point.curve)
                    value.metadata.CopyFrom(_scalar_metadata(point.curve))
                values.append(value)
            self._write(values, step, seconds)
        self._flush()

    def note_curves(self, curves: Iterable[str]) -> None:
        """Do nothing: each curve is described with its first point."""

    def keep(self, files: Mapping[Path, str], summary: str, page: str) -> None:
        """Write the summary as a text, and where the files lie: TensorBoard keeps none."""
        places = _table({file.name: str(file.absolute()) for file in files})
        texts = [_text("run/summary", summary)] if summary else []
        self._write([*texts, _text("run/files", places)], self._step, self._seconds)

    def end(self, status: Status, ended: int | None = None) -> None:
        """Write the session's end for the page of hyper-parameters.

        A killed training may go on, and TensorBoard shows the first end that it reads; so it gets none.
        """
        from tensorboard.plugins.hparams import api_pb2
        from tensorboard.plugins.hparams.plugin_data_pb2 import SessionEndInfo

        if status in ("FINISHED", "FAILED"):
            state = api_pb2.STATUS_SUCCESS if status == "FINISHED" else api_pb2.STATUS_FAILURE
            finish = SessionEndInfo(status=state, end_time_secs=time.time() if ended is None else ended / 1000)
            self._write([_hparams(_HPARAMS_END, session_end_info=finish)], self._step, self._seconds)
        self._flush()

    def close(self) -> None:
        """Close the event file; more points begin another."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with self._writing():
                writer.close()

    def _write(self, values: Sequence[Any], step: int = 0, seconds: float = 0.0) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._step, self._seconds = max(step, self._step), max(seconds, self._seconds)
        with self._writing():
            if self._writer is None:
                self._writer = EventFileWriter(str(self.folder))
            self._writer.add_event(Event(step=step, wall_time=seconds, summary=Summary(value=values)))

    def _flush(self) -> None:
        if self._writer is not None:
            with self._writing():
                self._writer.flush()

    def _values_held(self) -> dict[str, dict[int, list[float]]]:
        """The values in the run's event files, by name and step."""
        from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

        found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        with self._writing():
            for file in sorted(self.folder.glob(_EVENT_FILES)):
                for event in LegacyEventFileLoader(str(file)).Load():
                    for value in event.summary.value:
                        found[value.tag][event.step].append(value.simple_value)
        return found

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except ImportError:
            expected = "TensorBoard: pip install 'townlet[tensorboard]'"
            raise InputError.of("options", "tensorboard", "no TensorBoard", expected) from None
        except OSError as error:
            expected = "a folder that TensorBoard's files can be written to"
            raise InputError.of(error.filename or self.shown, "", error.strerror or str(error), expected) from None


def _scalar_metadata(curve: str) -> Any:
    """The description of a curve, which TensorBoard shows beside its plot."""
    from tensorboard.compat.proto.summary_pb2 import SummaryMetadata

    metadata = SummaryMetadata(summary_description=description_of(curve))
    metadata.plugin_data.plugin_name = "scalars"
    return metadata


def _hparams(tag: str, **content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.metadata import NULL_TENSOR, PLUGIN_DATA_VERSION, PLUGIN_NAME
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    value = Summary.Value(tag=tag, tensor=NULL_TENSOR)
    value.metadata.plugin_data.plugin_name = PLUGIN_NAME
    value.metadata.plugin_data.content = HParamsPluginData(version=PLUGIN_DATA_VERSION, **content).SerializeToString()
    return value


def _text(tag: str, text: str) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    value = Summary.Value(tag=tag, tensor=TensorProto(dtype="DT_STRING", string_val=[text.encode()]))
    value.metadata.plugin_data.plugin_name = "text"
    return value


def _table(rows: Mapping[str, str]) -> str:
    lines = (f"| {name} | {value} |" for name, value in rows.items())
    return "\n".join(["| | |", "|---|---|", *lines])
