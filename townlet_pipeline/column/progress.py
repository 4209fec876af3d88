"""Progress of a training while it runs: curves on the asset's page, and lines in the run's log."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetObservation, MetadataValue

#: Telemetry fields that are shown live, under their own names.
_SHOWN = (
    "epoch",
    "steps",
    "reward_mean",
    "loss_total",
    "batch_entropy_mean",
    "kl_divergence",
    "agent_steps_per_second",
)
_BARS = "▁▂▃▄▅▆▇█"
#: Most bars in a curve; in a longer training a bar stands for several epochs.
_WIDTH = 40


class LiveProgress:
    """A reporter of epochs as observations of the telemetry asset, whose page shows curves during the training."""

    def __init__(self, context: AssetExecutionContext, seconds: float, planned: int) -> None:
        self._context, self._seconds, self._planned = context, seconds, planned
        self._began = self._last = time.monotonic()
        self._before: int | None = None
        self._rewards: list[float] = []

    def __call__(self, fields: Mapping[str, Any]) -> None:
        """Report an epoch's telemetry fields, at most once per interval, because each observation costs about 40 ms."""
        now, epoch = time.monotonic(), int(fields["epoch"])
        if self._before is None:
            self._before = epoch - 1
        self._rewards.append(float(fields["reward_mean"]))
        if now - self._last < self._seconds:
            return
        self._last = now
        shown = {name: fields[name] for name in _SHOWN if name in fields}
        # A hand-over adds epochs of cloning that the plan does not foresee.
        planned = max(self._planned, epoch)
        left = (now - self._began) / (epoch - self._before) * (planned - epoch)
        self._context.log_event(
            AssetObservation(
                AssetKey("ppo_telemetry"),
                partition=self._context.partition_key,
                metadata={
                    **shown,
                    "epochs_planned": planned,
                    "expected_end": MetadataValue.timestamp(time.time() + left),
                    "reward_curve": curve(self._rewards),
                },
            )
        )
        line = " ".join(f"{name}={_brief(value)}" for name, value in shown.items())
        self._context.log.info(f"training {line} epochs_planned={planned} seconds_left={left:.0f}")


def curve(values: Sequence[float]) -> str:
    """Return a curve as a line of text: first value, bars that are means of equally many values, last value."""
    per_bar = math.ceil(len(values) / _WIDTH)
    means = [sum(part) / len(part) for start in range(0, len(values), per_bar) if (part := values[start:][:per_bar])]
    low, high = min(means), max(means)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    bars = "".join(_BARS[round((mean - low) * scale)] for mean in means)
    return f"{values[0]:.4g} {bars} {values[-1]:.4g}"


def _brief(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
