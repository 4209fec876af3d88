"""Report of the study: Markdown, one picture, and a JSON file with every count."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from townlet.files.storage import pretty_json, write_atomically
from townlet.soak.drift_detection import ALARM_RATE, RELEVANT
from townlet.statistics.intervals import exact_interval
from townlet.study.drift.nights import AUTOCORRELATIONS, NOISE
from townlet.study.drift.plan import Findings, Power, as_json
from townlet.study.drift.settings import PLANTED_IN
from townlet.telemetry.formatting import count
from townlet.text.markdown import table
from townlet.view.style import PALETTE, Plot, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEM = "drift-detection"
#: What the study is to show: the largest rate of false alarms, and the least power for the changes below.
MOST_FALSE, LEAST_FOUND = 0.001, 0.95
DEMANDED = (
    "pressure -10 %",
    "pressure +10 %",
    "slower shower",
    "memory leak",
    "speed lost at once",
    "speed lost slowly",
)


def write_drift_report(findings: Findings, folder: Path, command: str, circumstances: str) -> Path:
    """Write ``drift-detection.md``, ``.png`` and ``.json`` into a folder; returns the Markdown file."""
    write_atomically(folder / f"{STEM}.json", pretty_json(as_json(findings)))
    write_atomically(folder / f"{STEM}.png", png([_power_plot(findings), _false_plot(findings)]))
    path = folder / f"{STEM}.md"
    write_atomically(path, _markdown(findings, command, circumstances))
    return path


def _power_plot(findings: Findings) -> Plot:
    alt = "; ".join(f"{one.change.name} {one.not_accepted} of {one.nights}" for one in findings.powers)

    def draw(axes: Axes) -> None:
        rows = np.arange(len(findings.powers))
        for row, one in zip(rows, findings.powers, strict=True):
            share, (low, high) = one.not_accepted / one.nights, exact_interval(one.not_accepted, one.nights)
            axes.plot([100 * low, 100 * high], [row, row], color=PALETTE[0], linewidth=3.0, alpha=0.4)
            axes.plot(100 * share, row, "o", color=PALETTE[0], markersize=4)
        axes.axvline(100 * LEAST_FOUND, color=PALETTE[1], linestyle="--", linewidth=1.0)
        axes.set_yticks(rows, [one.change.name for one in findings.powers], fontsize=7)
        axes.invert_yaxis()
        axes.set_xlim(-2, 102)
        axes.set_xlabel("scheduled nights in which the change was found, %")

    return Plot("Planted changes found", alt, draw)


def _false_plot(findings: Findings) -> Plot:
    alt = "; ".join(f"{one.cycles} cycles: {one.not_accepted} of {one.soaks}" for one in findings.unchanged)

    def draw(axes: Axes) -> None:
        rows = np.arange(len(findings.unchanged))
        for row, one in zip(rows, findings.unchanged, strict=True):
            share, (low, high) = one.not_accepted / one.soaks, exact_interval(one.not_accepted, one.soaks)
            axes.plot([row, row], [100 * low, 100 * high], color=PALETTE[0], linewidth=3.0, alpha=0.4)
            axes.plot(row, 100 * share, "o", color=PALETTE[0], markersize=4)
        axes.axhline(100 * MOST_FALSE, color=PALETTE[1], linestyle="--", linewidth=1.0)
        axes.set_xticks(rows, [str(one.cycles) for one in findings.unchanged])
        axes.set_xlabel("cycles of the soak")
        axes.set_ylabel("unchanged soaks not accepted, %")
        axes.set_ylim(bottom=0)

    return Plot("False alarms", alt, draw)


def _markdown(findings: Findings, command: str, circumstances: str) -> str:
    return f"""# How well the detector tells drift from noise

{_paragraph(_verdict(findings))}

![Power for each planted change; false alarms at each length]({STEM}.png)

## No change

{table(_UNCHANGED_HEADER, _unchanged_rows(findings))}

{_paragraph(_unchanged(findings))}

{table(_KINDS_HEADER, _kind_rows(findings))}

## Planted changes

{table(_PLANTED_HEADER, _planted_rows(findings))}

{_paragraph(_PLANTING)}

## How a soak was simulated

{_paragraph(_simulated(findings))}

{table(_SPEED_HEADER, _speed_rows(findings))}

Measured by

```console
{command}
```

{circumstances}. Every count is in [{STEM}.json]({STEM}.json).
"""


_UNCHANGED_HEADER = ("cycles", "not accepted", "95 % interval", "at most 1 in 1,000", "a resource cannot be told")
_KINDS_HEADER = ("network, memory and speed", "not accepted, all lengths")
_PLANTED_HEADER = ("planted", "what", "dose", "found", "95 % interval", "at least 95 %", "rejected", "metric named")
_SPEED_HEADER = ("recorded soak", "spread of speed", "autocorrelation", "seconds of a cycle")
_PLANTING = (
    f"Changes of the rules are planted in `{PLANTED_IN}`, changes of resources in recorded soaks of every scenario. A "
    "change is found if the soak is not accepted, and named if the metric that should move is flagged. Conflict "
    "intensity is changed by multiplying the weights of all four conflicts and the surcharge per waiting person in "
    "the scenario's rules (`rules.queue.intensity`, `rules.queue.intensity_per_waiter`). The dose is the relative "
    "change of the metric's mean over the pool. The leak in rivalry decay lowers `rules.rivalry.decay_per_tick`, the "
    f"slower shower raises `affordances.shower.ticks`. A certain change below {RELEVANT:.0%} of the baseline's mean "
    "has the verdict *watch* and holds a night; a larger one rejects it."
)


def _verdict(findings: Findings) -> str:
    """The two questions and their answers; the bounds of the intervals decide."""
    highest = max(exact_interval(one.not_accepted, one.soaks)[1] for one in findings.unchanged)
    demanded = [one for one in findings.powers if one.change.name in DEMANDED]
    missed = [one.change.name for one in demanded if not _is_shown(one)]
    soaks = findings.unchanged[0].soaks
    lengths = ", ".join(f"{one.not_accepted} at {one.cycles}" for one in findings.unchanged)
    few = "show" if highest <= MOST_FALSE else "do **not** show"
    shown = [one.change.name for one in demanded if _is_shown(one)]
    return (
        f"Of {count(soaks, 'unchanged soak')} of each length, these were not accepted: {lengths} cycles. The upper "
        f"bounds of the intervals {few} that at most 1 in 1,000 unchanged soaks is not accepted. Shown to be found in "
        f"at least 95 % of scheduled nights: {', '.join(shown) or 'none'}. Not shown: {', '.join(missed) or 'none'}."
    )


def _is_shown(one: Power) -> bool:
    return exact_interval(one.not_accepted, one.nights)[0] >= LEAST_FOUND


def _unchanged(findings: Findings) -> str:
    names = sorted({name for one in findings.unchanged for name in one.flagged})
    flagged = f"Flagged metrics: {', '.join(names)}. " if names else ""
    return (
        f"By design, an unchanged soak is not accepted with a probability of at most {100 * ALARM_RATE} %. {flagged}In "
        "half of the soaks, memory and speed are as recorded. In the others they are autoregressive noise with a "
        f"standard deviation of {NOISE:.0%} of their level and an autocorrelation r of "
        f"{', '.join(map(str, AUTOCORRELATIONS))}. The last column counts soaks that are accepted with the remark that "
        "there is not enough data on a resource."
    )


def _simulated(findings: Findings) -> str:
    settings = findings.settings
    smaller = [
        f"`{name}` {size.worlds} x {size.ticks}" for name, size in settings.scenarios.items() if size.ticks is not None
    ]
    towns = f" The towns are smaller than in a real night (worlds x ticks): {', '.join(smaller)}." if smaller else ""
    return (
        "Soaks are drawn from cycles of real rollouts: one episode of each world under a seed of their own, measured "
        f"by the function that measures a baseline's seeds.{towns} A pool has {settings.pool:,} cycles per scenario. A "
        f"soak draws its cycles and the {settings.seeds} of its baseline without replacement or overlap. Cycles start "
        "from fresh seeds, so they are independent, and every order is equally likely. Soaks drawn from one pool share "
        "cycles; they are not quite independent of each other, and the intervals are a little too narrow. The metrics "
        f"of a network that does not learn are drawn from a real soak of {settings.recorded} cycles. Resources are a "
        "stretch of that soak or of one that learns, as it was measured; for longer ones, blocks of 50 cycles. "
        "Every kind of soak is drawn from every scenario."
    )


def _unchanged_rows(findings: Findings) -> list[list[str]]:
    rows = []
    for one in findings.unchanged:
        low, high = exact_interval(one.not_accepted, one.soaks)
        shown, told = "shown" if high <= MOST_FALSE else "not shown", _percent(one.untold / one.soaks)
        counts = f"{one.not_accepted} of {one.soaks:,}"
        rows.append([str(one.cycles), counts, f"{_percent(low)} to {_percent(high)}", shown, told])
    return rows


def _kind_rows(findings: Findings) -> list[list[str]]:
    kinds = findings.unchanged[0].by_kind
    sums = {kind: [sum(one.by_kind[kind][part] for one in findings.unchanged) for part in (0, 1)] for kind in kinds}
    return [[kind, f"{false} of {soaks:,}"] for kind, (false, soaks) in sorted(sums.items())]


def _planted_rows(findings: Findings) -> list[list[str]]:
    return [
        [
            one.change.name,
            one.change.meaning,
            "" if one.dose is None else f"{one.dose:+.1%}".replace("%", " %"),
            f"{one.not_accepted} of {one.nights}",
            " to ".join(map(_percent, exact_interval(one.not_accepted, one.nights))),
            "shown" if _is_shown(one) else "not shown",
            _percent(one.rejected / one.nights),
            _percent(one.named / one.nights),
        ]
        for one in findings.powers
    ]


def _speed_rows(findings: Findings) -> list[list[str]]:
    return [
        [label, _percent(spread), f"{r:.2f}", f"{findings.seconds[label]:.2f}"]
        for label, (spread, r) in findings.speed.items()
    ]


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if 0 < share < 0.1 else f"{100 * share:.1f} %"
