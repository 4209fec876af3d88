"""Report of the study: Markdown, one picture, and a JSON file with every count."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from townlet.files.storage import pretty_json, write_atomically
from townlet.soak.drift_detection import ALARM_RATE, RELEVANT
from townlet.statistics.intervals import exact_interval
from townlet.study.drift.plan import Findings, Power, as_json
from townlet.study.drift.settings import PLANTED_IN
from townlet.telemetry.formatting import count
from townlet.text.markdown import table
from townlet.view.style import PALETTE, Plot, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEM = "drift-detection"


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
        axes.axvline(95, color=PALETTE[1], linestyle="--", linewidth=1.0)
        axes.set_yticks(rows, [one.change.name for one in findings.powers], fontsize=7)
        axes.invert_yaxis()
        axes.set_xlim(-2, 102)
        axes.set_xlabel("nights in which the change was found, %")

    return Plot("Planted changes found", alt, draw)


def _false_plot(findings: Findings) -> Plot:
    counts = findings.per_baseline
    nights = findings.settings.nights_per_baseline
    alt = f"soaks not accepted out of {nights} for each of {len(counts)} baselines, at most {max(counts)}"

    def draw(axes: Axes) -> None:
        axes.bar(np.arange(1, len(counts) + 1), [100 * one / nights for one in counts], color=PALETTE[0])
        axes.axhline(1.0, color=PALETTE[1], linestyle="--", linewidth=1.0)
        axes.set_xlabel("baseline")
        axes.set_ylabel(f"of {nights} unchanged soaks, %")
        axes.set_ylim(bottom=0)

    return Plot("False alarms under one baseline", alt, draw)


def _markdown(findings: Findings, command: str, circumstances: str) -> str:
    return f"""# How well the detector tells drift from noise

{_paragraph(_verdict(findings))}

![Power for each planted change; false alarms under each of several kept baselines]({STEM}.png)

## Planted changes

{table(_PLANTED_HEADER, _planted_rows(findings))}

{_paragraph(_PLANTING)}

## No change

{table(_UNCHANGED_HEADER, _unchanged_rows(findings))}

{_paragraph(_unchanged(findings))}

## How a night was simulated

{_paragraph(_simulated(findings))}

Measured by

```console
{command}
```

{circumstances}. Every count is in [{STEM}.json]({STEM}.json).
"""


_PLANTED_HEADER = ("planted", "what", "dose", "found", "95 % interval", "rejected", "metric named")
_UNCHANGED_HEADER = ("scenario", "soaks not accepted", "tests in a soak", "spread of cycles", "seconds of a night")
_PLANTING = (
    f"Changes are planted in `{PLANTED_IN}`. A change is found if the soak is not accepted, and named if the metric "
    "that should move is flagged. Conflict intensity is changed by multiplying the weights of all four conflicts and "
    "the surcharge per waiting person in the scenario's rules (`rules.queue.intensity`, "
    "`rules.queue.intensity_per_waiter`). The dose is the relative change of the metric's mean over the pool. The leak "
    "lowers `rules.rivalry.decay_per_tick`, the slower shower raises `affordances.shower.ticks`. Memory and throughput "
    "are changed in series measured in real soaks of all scenarios, each stretch once. A significant change below "
    f"{RELEVANT:.0%} of the baseline's mean has the verdict *watch* and holds a night; a larger one rejects it."
)


def _verdict(findings: Findings) -> str:
    """The two questions and their answers; the bounds of the intervals decide."""
    settings, nights, false = findings.settings, findings.settings.nights, findings.false_nights_of_metrics
    high = exact_interval(false, nights)[1]
    stretches, flagged = _stretches(findings)
    powers = [one for one in findings.powers if one.change.name in ("pressure -10 %", "pressure +10 %")]
    least = min(exact_interval(one.not_accepted, one.nights)[0] for one in powers)
    few_alarms = "shows" if high <= 0.01 else "does **not** show"
    most_found = "show" if least >= 0.95 else "do **not** show"
    return (
        f"Of {count(nights, 'unchanged night')}, each with a soak of {len(settings.scenarios)} scenarios, {false} had "
        f"a metric of the town or the network flagged: {_share_of(false, nights)}. The upper bound {few_alarms} that "
        f"at most 1 night in 100 gives a false alarm. Resources were flagged in {flagged} of "
        f"{count(stretches, 'recorded stretch', 'recorded stretches')} that do not overlap: "
        f"{_share_of(flagged, stretches)}. A change of conflict intensity by 10 % was found "
        f"{' and '.join(map(_found, powers))}. The lower bounds {most_found} that at least 95 % of such changes are "
        "found."
    )


def _found(one: Power) -> str:
    direction = "upwards" if "+" in one.change.name else "downwards"
    return f"{direction} in {one.not_accepted} of {one.nights} nights ({_share_of(one.not_accepted, one.nights)})"


def _share_of(successes: int, trials: int) -> str:
    """A share with its 95 % interval, as text."""
    low, high = exact_interval(successes, trials)
    return f"{_percent(successes / trials)}, 95 % interval {_percent(low)} to {_percent(high)}"


def _stretches(findings: Findings) -> tuple[int, int]:
    """Number of recorded stretches over all scenarios, which do not overlap, and of those with a resource flagged."""
    return sum(one for one, _ in findings.stretches.values()), sum(one for _, one in findings.stretches.values())


def _unchanged(findings: Findings) -> str:
    settings = findings.settings
    soaks, kept = settings.nights * len(settings.scenarios), settings.baselines * settings.nights_per_baseline
    false = sum(findings.false_soaks.values())
    names = ", ".join(f"{name} ({times})" for name, times in sorted(findings.false_metrics.items()))
    return (
        f"Altogether, {false} of {soaks:,} soaks were not accepted, resources included. By design, an unchanged "
        f"soak fails with a probability of at most {ALARM_RATE:.2%}. "
        f"{f'Flagged metrics: {names}. ' if names else ''}The spread is the "
        "standard deviation of conflict intensity over its mean. All nights that keep a baseline share its sampling "
        f"error. Over {settings.baselines} baselines of `{PLANTED_IN}`, each kept for "
        f"{settings.nights_per_baseline} nights, {sum(findings.per_baseline)} of {kept:,} soaks were not accepted, and "
        f"at most {max(findings.per_baseline)} under the same baseline."
    )


def _simulated(findings: Findings) -> str:
    settings = findings.settings
    return (
        f"Nights are drawn from cycles of real rollouts: {settings.worlds} worlds, one episode each, under a seed of "
        "their own, measured by the function that measures a baseline's seeds. A pool has "
        f"{settings.pool:,} cycles per scenario, and {settings.planted_pool:,} per altered scenario. A night draws "
        f"{settings.cycles} cycles for the soak and {settings.seeds} for its baseline, without replacement or overlap. "
        "Cycles start from fresh seeds, so they are independent, and every order is equally likely. Nights drawn from "
        "one pool share cycles; they are not quite independent of each other, and their intervals are a little too "
        "narrow. The network's metrics are drawn in the same way from a real soak of "
        f"{settings.soak_cycles} cycles with learning off. Resources are a stretch of {settings.cycles} cycles of that "
        "soak as it was measured, because there the order matters. Random stretches share most of their cycles, so "
        "nights say little about resources; the claims about them come from stretches that do not overlap, "
        f"{_stretches(findings)[0]} over all scenarios, each used once. A night's soaks of all scenarios took "
        f"{sum(findings.soak_seconds.values()):.0f} s by the clock, on a machine that was busy with other work."
    )


def _planted_rows(findings: Findings) -> list[list[str]]:
    return [
        [
            one.change.name,
            one.change.meaning,
            "" if one.dose is None else f"{one.dose:+.1%}".replace("%", " %"),
            f"{one.not_accepted} of {one.nights}",
            _interval(one),
            _percent(one.rejected / one.nights),
            _percent(one.named / one.nights),
        ]
        for one in findings.powers
    ]


def _unchanged_rows(findings: Findings) -> list[list[str]]:
    return [
        [
            f"`{name}`",
            f"{false} of {findings.settings.nights:,}",
            str(findings.tests[name]),
            _percent(findings.spreads[name]),
            f"{findings.soak_seconds[name]:.0f}",
        ]
        for name, false in findings.false_soaks.items()
    ]


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def _interval(one: Power) -> str:
    low, high = exact_interval(one.not_accepted, one.nights)
    return f"{_percent(low)} to {_percent(high)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if 0 < share < 0.1 else f"{100 * share:.1f} %"
