"""Timeline of the queues of one captured world: each person's role by tick, every conflict, and grudges."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from townlet.view.style import PALETTE, style
from townlet.world import CONFLICT_KINDS

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes

    from townlet.capture import Capture

#: Observation features for a person's role in a queue, with colour and label.
_ROLES = (
    ("waiting", "#e6b35a", "waits"),
    ("holding", "#c9d6e2", "holds, unused"),
    ("using", PALETTE[0], "uses"),
    ("finished", "#7fb2d9", "just finished"),
)
_MARKS = dict(zip(CONFLICT_KINDS, "Xv*D", strict=True))


def queue_timeline_png(capture: Capture, events: pa.Table, world: int = 0) -> bytes:
    """Draw one world of a capture as a PNG image, about 1,100 pixels wide: roles above, grudges below.

    ``events`` is the events table of the same capture.
    """
    from matplotlib.figure import Figure

    people = len(capture.manifest.people)
    with style():
        figure = Figure(figsize=(11.0, 3.6 + 0.45 * people), layout="constrained")
        roles, grudges = figure.subplots(2, 1, sharex=True, height_ratios=[1.0 + 0.3 * people, 1.3])
        _draw_roles(roles, capture, events, world)
        _draw_grudges(grudges, capture, world)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


def _draw_roles(axes: Axes, capture: Capture, events: pa.Table, world: int) -> None:
    people = capture.manifest.people
    column = {str(feature["name"]): index for index, feature in enumerate(capture.manifest.observation)}
    for feature, color, label in _ROLES:
        shown = capture.buffer.observation[:, world, :, column[feature]] > 0
        for row in range(len(people)):
            spans = [(float(tick) - 1.0, 1.0) for tick in np.flatnonzero(shown[:, row])]
            axes.broken_barh(spans, (row - 0.35, 0.7), color=color, label=label if row == 0 else None)
    for kind, mark in _MARKS.items():
        rows = [event for event in _events(events, world) if event["kind"] == kind]
        if rows:
            ticks = [event["tick"] for event in rows]
            actors = [people.index(event["actor"]) for event in rows]
            axes.scatter(ticks, actors, marker=mark, s=70, color=PALETTE[1], zorder=3, label=kind.replace("_", " "))
    axes.set_title(
        f"{capture.manifest.scenario.name}: who waited for, held or used an object, and who caused a conflict"
    )
    axes.set_yticks(range(len(people)), people)
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    _finish(axes, capture)


def _events(events: pa.Table, world: int) -> list[dict[str, Any]]:
    return [event for event in events.to_pylist() if event["world"] == world]


def _draw_grudges(axes: Axes, capture: Capture, world: int) -> None:
    names = [feature["name"] for feature in capture.manifest.observation]
    strongest = capture.buffer.observation[:, world, :, names.index("rivalry_strongest")]
    for row, person in enumerate(capture.manifest.people):
        axes.plot(strongest[:, row], color=PALETTE[row % len(PALETTE)], label=person)
    axes.set_title("Each person's strongest grudge")
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("tick")
    _finish(axes, capture)


def _finish(axes: Axes, capture: Capture) -> None:
    axes.set_xlim(0, capture.buffer.ticks)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
