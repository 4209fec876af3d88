"""Plots of a capture: needs, rewards, conflicts and grudges over time; and a table of its people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from townlet.telemetry.formatting import count, number
from townlet.view.event_groups import CONFLICTS, COURTESIES
from townlet.view.style import PALETTE, Plot

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes

    from townlet.capture import Capture

#: Most people who are drawn with a line each; a larger town is drawn as mean and range.
_OWN_LINES = 8
#: Most bins that ticks are grouped into.
_BINS = 40

#: Columns of the table of people: metric, heading, unit.
AGENT_COLUMNS = (
    ("reward_mean", "reward", "per tick"),
    ("needs_mean", "needs", "mean of all three, 0 to 1"),
    ("waiting_ticks", "waiting", "ticks per world"),
    ("uses_completed", "uses", "per world"),
    ("conflicts_caused", "conflicts caused", "per world"),
    ("conflicts_suffered", "conflicts suffered", "per world"),
    ("intensity_suffered", "intensity suffered", "per world"),
    ("rivalry_max_mean", "strongest rivalry", "mean over ticks"),
    ("late_arrivals", "late arrivals", "per world"),
)


def agent_rows(metrics: Mapping[str, Any]) -> list[dict[str, str | float]]:
    """Table rows from a capture's metrics, one per person: ``agent`` and the columns of :data:`AGENT_COLUMNS`."""
    people: Mapping[str, Mapping[str, float]] = metrics["people"]
    return [
        {"agent": name, **{column: float(values[column]) for column, _, _ in AGENT_COLUMNS}}
        for name, values in people.items()
    ]


def capture_plots(capture: Capture, events: pa.Table) -> list[Plot]:
    """Plot needs, reward, conflicts by kind, and rivalry with courtesies over the ticks of an episode.

    ``events`` is the events table of the same capture. All values are means over worlds.
    """
    manifest = capture.manifest
    names = [str(feature["name"]) for feature in manifest.observation]
    needs = [names.index(name) for name in names if name.startswith("need_")]
    alive = capture.buffer.alive
    levels = capture.buffer.observation[..., needs].min(axis=-1)
    rivalry = capture.buffer.observation[..., names.index("rivalry_strongest")]
    smooth = max(1, manifest.ticks // _BINS)
    series = {
        "Lowest need of each person": (_over_worlds(levels, alive), "level; 1 is satisfied"),
        f"Reward, mean over {count(smooth, 'tick')}": (
            _smoothed(_over_worlds(capture.buffer.reward, alive), smooth),
            "reward per tick",
        ),
    }
    strongest = _over_worlds(rivalry, alive)
    return [
        *(_person_plot(title, values, unit, manifest.people) for title, (values, unit) in series.items()),
        _conflict_plot(events, manifest.ticks, manifest.worlds),
        _rivalry_plot(strongest, events, manifest.ticks, manifest.worlds),
    ]


def _over_worlds(values: NDArray[np.float32], alive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean over the worlds in which the slot is occupied, float64 [T, A]; NaN if there is none."""
    present = alive.sum(axis=1)
    total = np.where(alive, values, 0.0).sum(axis=1, dtype=np.float64)
    mean = np.full(total.shape, np.nan)
    np.divide(total, present, out=mean, where=present > 0)
    return mean


def _smoothed(values: NDArray[np.float64], ticks: int) -> NDArray[np.float64]:
    """Moving average of ``values`` [T, A] over the last ``ticks`` ticks (fewer at the start), float64 [T, A]."""
    total = np.cumsum(np.nan_to_num(values), axis=0)
    seen = np.cumsum(np.isfinite(values), axis=0)
    total[ticks:], seen[ticks:] = total[ticks:] - total[:-ticks], seen[ticks:] - seen[:-ticks]
    mean = np.full(total.shape, np.nan)
    np.divide(total, seen, out=mean, where=seen > 0)
    return mean


def _person_plot(title: str, values: NDArray[np.float64], unit: str, people: Sequence[str]) -> Plot:
    low, high = number(float(np.nanmin(values))), number(float(np.nanmax(values)))
    alt = f"{title} over {count(len(values), 'tick')} for {count(len(people), 'person', 'people')}: {low} to {high}"

    def draw(axes: Axes) -> None:
        ticks = np.arange(len(values))
        if len(people) <= _OWN_LINES:
            for index, name in enumerate(people):
                axes.plot(ticks, values[:, index], color=PALETTE[index], label=name)
        else:
            axes.fill_between(ticks, np.nanmin(values, 1), np.nanmax(values, 1), color=PALETTE[0], alpha=0.2)
            axes.plot(ticks, np.nanmean(values, 1), color=PALETTE[0], label=f"mean of {len(people)} people")
        axes.legend(ncols=4 if len(people) > 3 else 3)
        axes.set_ylabel(unit)
        axes.set_xlabel("tick")
        axes.margins(y=0.2)

    return Plot(title, alt, draw)


def _per_bin(events: pa.Table, kind: str, ticks: int, worlds: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Edges of the bins, [B + 1], and the events of a kind in each bin per world, [B]."""
    import pyarrow.compute as pc

    width = -(-ticks // _BINS)
    edges = np.arange(0, ticks + width, width)
    ticks_of_events = events.filter(pc.equal(events["kind"].cast("string"), kind))["tick"].to_numpy()
    return edges, np.histogram(ticks_of_events, edges)[0] / worlds


def _conflict_plot(events: pa.Table, ticks: int, worlds: int) -> Plot:
    counts = {kind: _per_bin(events, kind, ticks, worlds) for kind in CONFLICTS}
    totals = ", ".join(f"{number(values.sum())} {kind}" for kind, (_, values) in counts.items() if values.any())
    alt = f"Conflicts over {count(ticks, 'tick')}, per world: {totals or 'none'}"

    def draw(axes: Axes) -> None:
        base: float | NDArray[np.float64] = 0.0
        for color, (kind, (edges, values)) in zip(PALETTE, counts.items(), strict=False):
            if values.any():
                label = kind.replace("_", " ")
                axes.bar(edges[:-1], values, np.diff(edges), bottom=base, align="edge", color=color, label=label)
                base = base + values
        _finish_counts(axes, ticks)
        if totals:
            axes.legend(ncols=2)
            axes.set_ylim(top=1.4 * axes.get_ylim()[1])
        else:
            axes.set_yticks([])
            axes.text(0.5, 0.5, "no conflict", transform=axes.transAxes, ha="center", va="center")

    return Plot("Conflicts by kind, per world", alt, draw)


def _rivalry_plot(rivalry: NDArray[np.float64], events: pa.Table, ticks: int, worlds: int) -> Plot:
    edges, courtesies = _per_bin(events, COURTESIES[0], ticks, worlds)
    for kind in COURTESIES[1:]:
        courtesies = courtesies + _per_bin(events, kind, ticks, worlds)[1]
    strength = np.nan_to_num(np.nanmean(rivalry, axis=1)) if np.isfinite(rivalry).any() else np.zeros(ticks)
    alt = (
        f"Strongest rivalry, mean over people, up to {number(float(strength.max()))}, "
        f"and {number(float(courtesies.sum()))} courtesies per world, over {count(ticks, 'tick')}"
    )

    def draw(axes: Axes) -> None:
        if courtesies.any():
            label = "hand-overs and other courtesies"
            axes.bar(
                edges[:-1],
                courtesies,
                np.diff(edges),
                align="edge",
                color=PALETTE[2],
                alpha=0.35,
                label=label,
            )
        _finish_counts(axes, ticks)
        second = axes.twinx()
        second.plot(np.arange(ticks), strength, color=PALETTE[3], label="strongest rivalry, mean (right)")
        second.set_ylim(0, max(0.05, 1.35 * float(strength.max())))
        second.grid(False)
        second.spines.right.set_visible(True)
        second.set_ylabel("strength")
        handles = [*axes.get_legend_handles_labels()[0], *second.get_legend_handles_labels()[0]]
        second.legend(handles=handles, loc="upper right")
        axes.set_ylim(top=1.35 * axes.get_ylim()[1])

    return Plot("Rivalry and courtesies, per world", alt, draw)


def _finish_counts(axes: Axes, ticks: int) -> None:
    axes.set_xlim(0, ticks)
    axes.set_ylabel("events per world")
    axes.set_xlabel("tick")
