"""Interface of a tracked run, which each tool implements, and the points that one lacks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from townlet.errors import InputError
from townlet.telemetry.curves import Point, depends_on_clock
from townlet.tracking.facts import Facts

#: States of a run, by MLflow's names.
Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]

#: Values of one curve, by step.
Held = Mapping[int, Sequence[float]]

#: Relative difference up to which values are equal; TensorBoard keeps single precision.
_SINGLE_PRECISION = 1e-6


class TrackedRun(Protocol):
    """One training in another tool. Its methods raise InputError if the tool cannot be reached or refuses."""

    shown: str
    """Where it is, for messages."""
    run_id: str
    """What finds the run again; empty before :meth:`open`."""

    def prepare(self) -> None:
        """Check that the destination can be used, before there is a run."""

    def open(self, name: str, run_id: str | None) -> None:
        """Begin a run, or go on with the one of this id; an id that is not there any more begins another run."""

    def describe(self, facts: Facts) -> None:
        """Write parameters and tags; those that are there already stay, or are replaced where the tool can do that."""

    def identify(self, first_record_sha256: str) -> None:
        """Write by which log an export finds the run."""

    def held(self, curves: Iterable[str]) -> Iterator[tuple[str, Held]]:
        """Yield the points that the run has, curve by curve: those of ``curves``, and of others that it has."""

    def add(self, points: Sequence[Point]) -> None:
        """Add points, record by record in their order."""

    def note_curves(self, curves: Iterable[str]) -> None:
        """Note curves that the run has already, for its description."""

    def keep(self, files: Mapping[Path, str], summary: str, page: str) -> None:
        """Keep files, each in its folder, and the log's summary as Markdown and as a page of HTML."""

    def end(self, status: Status, ended: int | None = None) -> None:
        """Set the state, and the end in milliseconds since 1970, by default now."""

    def close(self) -> None:
        """Release what the run holds open."""


class Missing(NamedTuple):
    """The points of a log that a run lacks."""

    points: list[Point]
    beyond: dict[str, frozenset[int]]
    """Steps after the log's end that the run has already, by curve: an earlier attempt wrote them."""


def missing_points(run: TrackedRun, points: Iterable[Point], log: object) -> Missing:
    """Compare a log's points with a run's.

    Points are the same if curve and step are: a resumed training repeats its epochs with equal values, but other times.

    Raises InputError if the run has another value at a step, or a point between the log's that the log lacks.
    """
    wanted: dict[str, dict[int, list[Point]]] = defaultdict(dict)
    last = -1
    for point in points:
        wanted[point.curve].setdefault(point.step, []).append(point)
        last = max(last, point.step)
    lacking: list[Point] = []
    beyond = {}
    for curve, held in run.held(sorted(wanted)):
        own = wanted.pop(curve, {})
        for step, values in held.items():
            if step <= last and not _agree(own.get(step, []), values, depends_on_clock(curve)):
                expected = "a log that continues this run; delete the run or use another experiment"
                found = f"no {curve} of {values[0]:g} at step {step} as in run {run.run_id}"
                raise InputError.of(log, "", found, expected)
        beyond[curve] = frozenset(step for step in held if step > last)
        lacking += [each for step, those in own.items() if step not in held for each in those]
    lacking += [each for steps in wanted.values() for those in steps.values() for each in those]
    lacking.sort(key=lambda point: point.step)
    return Missing(lacking, {curve: steps for curve, steps in beyond.items() if steps})


def _agree(own: Sequence[Point], held: Sequence[float], clock: bool) -> bool:
    if clock or not own:
        return clock or not held
    return all(any(math.isclose(p.value, h, rel_tol=_SINGLE_PRECISION, abs_tol=1e-30) for p in own) for h in held)
