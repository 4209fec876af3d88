"""Learning curves of a telemetry log, and rates per 1,000 agent-steps of its counters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from townlet.metrics import CONFLICT_INTENSITY, ENTROPY, METRICS, REWARD, Metric
from townlet.telemetry.formatting import count, number
from townlet.telemetry.rates import conflict_intensity
from townlet.view.style import PALETTE, REPLAY_COLOR, ROLLOUT_COLOR, Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Record = Mapping[str, Any]
Records = Sequence[Record]

#: Most points of a curve that are drawn with markers.
_MARKED = 80
_MODES = {"replay": (REPLAY_COLOR, "s"), "rollout": (ROLLOUT_COLOR, "o"), "mixed": (PALETTE[2], "D")}


def learning_curves(records: Records) -> list[Plot]:
    """Plots of reward, conflict, entropy, KL with clip fraction, and losses over epochs, as far as the log has them."""
    plots = [
        _curve(METRICS[REWARD], records, "reward_mean", lambda r: float(r["reward_mean"])),
        _curve(METRICS[CONFLICT_INTENSITY], records, "queue_conflict_intensity_sum", conflict_intensity),
        _curve(METRICS[ENTROPY], records, "batch_entropy_mean", lambda r: float(r["batch_entropy_mean"])),
        Plot(
            "KL divergence and clip fraction",
            f"KL divergence and share of clipped ratios over {count(len(records), 'epoch')}; "
            + describe_curve("the KL divergence", records, lambda r: float(r["kl_divergence"])),
            lambda axes: _draw_divergence(axes, records),
        ),
        Plot(
            "Value loss and total loss",
            f"Value loss and total loss over {count(len(records), 'epoch')}; "
            + describe_curve("the total loss", records, lambda r: float(r["loss_total"])),
            lambda axes: _draw_losses(axes, records, ("value", "total")),
        ),
        Plot(
            "Policy and entropy loss",
            f"Policy loss and entropy bonus term over {count(len(records), 'epoch')}; "
            + describe_curve("the policy loss", records, lambda r: float(r["loss_policy"])),
            lambda axes: _draw_losses(axes, records, ("policy", "entropy")),
        ),
    ]
    return [plot for plot in plots if plot is not None]


def by_mode(records: Records) -> dict[str, list[Record]]:
    """Group records by the source of their data; a record without ``data_mode`` counts as ``rollout``."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(str(record.get("data_mode", "rollout")), []).append(record)
    return groups


def describe_curve(noun: str, records: Records, value: Callable[[Record], float]) -> str:
    """A curve in words: its first value, its last value and its range."""
    values = [value(record) for record in records]
    low, high = number(min(values)), number(max(values))
    return f"{noun} went from {number(values[0])} to {number(values[-1])}, between {low} and {high}"


def _curve(metric: Metric, records: Records, field: str, value: Callable[[Record], float]) -> Plot | None:
    present = [record for record in records if field in record]
    if not present:
        return None
    descriptions = [describe_curve(mode, own, value) for mode, own in by_mode(present).items()]
    alt = f"{metric.title}, {metric.unit}, over {count(len(present), 'epoch')}: {'; '.join(descriptions)}"
    return Plot(metric.title, alt, lambda axes: _draw_by_mode(axes, present, value, metric.unit))


def _draw_by_mode(axes: Axes, records: Records, value: Callable[[Record], float], unit: str) -> None:
    """Draw one line per source of data: recorded data keeps its value, rollouts improve with the policy."""
    marked = len(records) <= _MARKED
    for mode, own in by_mode(records).items():
        color, marker = _MODES[mode]
        axes.plot(
            [record["epoch"] for record in own],
            [value(record) for record in own],
            color=color,
            marker=marker if marked else "",
            markersize=4,
            label={"replay": "replay phases", "rollout": "own rollouts"}.get(mode, mode),
        )
    if len(axes.get_lines()) > 1:
        axes.legend()
    _finish(axes, unit)


def _draw_divergence(axes: Axes, records: Records) -> None:
    epochs = [record["epoch"] for record in records]
    axes.plot(epochs, [r["kl_divergence"] for r in records], color=PALETTE[0], label="KL divergence (left)")
    _finish(axes, "nats")
    second = axes.twinx()
    second.plot(epochs, [r["clip_fraction"] for r in records], color=PALETTE[4], label="clip fraction (right)")
    second.grid(False)
    second.spines.right.set_visible(True)
    second.set_ylabel("share of ratios")
    for side in (axes, second):
        side.set_ylim(0, 1.3 * max(side.get_ylim()[1], 1e-3))
    second.legend(handles=[*axes.get_lines(), *second.get_lines()], ncols=2)


def _draw_losses(axes: Axes, records: Records, names: Sequence[str]) -> None:
    epochs = [record["epoch"] for record in records]
    for color, name in zip((PALETTE[2], PALETTE[6]), names, strict=True):
        axes.plot(epochs, [record[f"loss_{name}"] for record in records], color=color, label=name)
    axes.legend(ncols=2)
    _finish(axes, "loss")


def _finish(axes: Axes, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylabel(unit)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
