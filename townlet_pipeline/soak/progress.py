"""Progress of a soak while it runs: observations on its asset's page, and lines in the run's log."""

import time
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, AssetObservation, MetadataValue

if TYPE_CHECKING:
    from townlet.soak.progress import SoakProgress

#: Shortest time between two reports, because each costs about 40 ms.
SECONDS = 10.0


class LiveSoak:
    """A reporter of cycles as observations of the soak's asset, whose page then says how far the soak is."""

    def __init__(self, context: AssetExecutionContext) -> None:
        self._context = context
        self._last = time.monotonic()

    def __call__(self, standing: "SoakProgress") -> None:
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
