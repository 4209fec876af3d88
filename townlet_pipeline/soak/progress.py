"""Progress of a soak while it runs: observations on its asset's page, and lines in the run's log."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dagster import AssetExecutionContext, AssetObservation, MetadataValue

#: Shortest time between two reports, because each costs about 40 ms.
SECONDS = 10.0


class Standing(Protocol):
    """Where a soak stands after a cycle."""

    @property
    def done(self) -> int:
        """Cycles done, over all processes of the soak."""

    @property
    def planned(self) -> int | None:
        """Cycles planned; None if only hours are."""

    @property
    def seconds_left(self) -> float | None:
        """About how many seconds of work are left; None while nothing tells."""

    @property
    def farthest(self) -> object | None:
        """The metric that is farthest from the baseline so far, as text; None while nothing tells."""


class LiveSoak:
    """A reporter of cycles as observations of the soak's asset, whose page then says how far the soak is."""

    def __init__(self, context: AssetExecutionContext) -> None:
        self._context = context
        self._began = self._last = time.monotonic()
        self._before: int | None = None

    def __call__(self, standing: Standing) -> None:
        """Report where the soak stands, at most once per interval."""
        now = time.monotonic()
        if now - self._last < SECONDS:
            return
        self._last = now
        metadata: dict[str, Any] = {"cycle": standing.done}
        line = f"soak: cycle {standing.done}"
        if standing.planned is not None:
            metadata["cycles_planned"] = standing.planned
            line += f" of {standing.planned}"
        if standing.seconds_left is not None:
            metadata["expected_end"] = MetadataValue.timestamp(time.time() + standing.seconds_left)
            line += f", {standing.seconds_left:.0f} s left"
        if standing.farthest is not None:
            metadata["farthest_from_the_baseline"] = str(standing.farthest)
            line += f", farthest from the baseline: {standing.farthest}"
        observation = AssetObservation(
            self._context.asset_key, partition=self._context.partition_key, metadata=metadata
        )
        self._context.log_event(observation)
        self._context.log.info(line)

    def after_cycle(self, done: int, planned: int | None, _row: Mapping[str, Any]) -> None:
        """Report a cycle of which only its number is known, with the time left by the mean of this process's cycles."""
        if self._before is None:
            self._before = done - 1
        each = (time.monotonic() - self._began) / (done - self._before)
        self(_Cycle(done, planned, None if planned is None else each * (planned - done)))


@dataclass(frozen=True)
class _Cycle:
    done: int
    planned: int | None
    seconds_left: float | None
    farthest: None = None
