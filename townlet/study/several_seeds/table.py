"""Table of scores that fits a terminal of 80 columns: one row for each policy, behaviour or statistic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from townlet.metrics import (
    ATTENDANCE,
    COMPLETED_USES,
    CONFLICT_INTENSITY,
    FAINTS,
    METRICS,
    NEEDS_OF_RESIDENTS,
    REWARD,
)
from townlet.text import markdown

#: The metrics of a table, where they apply, under headings short enough to stand side by side.
HEADINGS = {
    REWARD: "reward",
    CONFLICT_INTENSITY: "conflict",
    NEEDS_OF_RESIDENTS: "needs",
    COMPLETED_USES: "uses",
    FAINTS: "faints",
    ATTENDANCE: "attendance",
}
#: A row: what it is about, and its value of each metric; None leaves a place empty.
Row = tuple[str, Mapping[str, float | None]]
#: Columns of a terminal, and the least room for a number.
WIDTH, _NUMBER = 80, 10


def shown_metrics(present: Iterable[str]) -> list[str]:
    """The metrics of a table, of those that are present."""
    names = set(present)
    return [name for name in HEADINGS if name in names]


def over_seeds_rows(estimates: Mapping[str, Mapping[str, Any]], label: str = "IQM") -> list[Row]:
    """Three rows of a statistic: its values, and the ends of its intervals; one row where there are none."""
    rows: list[Row] = [(label, {name: each["value"] for name, each in estimates.items()})]
    if all(each["low"] is None for each in estimates.values()):
        return rows
    for end, words in (("low", "  95 %, from"), ("high", "  to")):
        rows.append((words, {name: each[end] for name, each in estimates.items()}))
    return rows


def text_table(rows: Sequence[Row], metrics: Sequence[str], first: str) -> str:
    """The rows as lines of at most 80 characters, numbers aligned; a name that is too long is cut."""
    room = WIDTH - _NUMBER * len(metrics)
    widest = min(room, max(len(words) for words in (first, *(label for label, _ in rows))))
    lines = [first.ljust(widest) + "".join(HEADINGS[name].rjust(_NUMBER) for name in metrics)]
    for label, values in rows:
        shown = label if len(label) <= widest else f"{label[: widest - 1]}…"
        lines.append(shown.ljust(widest) + "".join(score(values.get(name)).rjust(_NUMBER) for name in metrics))
    return "\n".join(line.rstrip() for line in lines)


def markdown_table(rows: Sequence[Row], metrics: Sequence[str], first: str) -> str:
    """The rows as a table of Markdown."""
    header = [first, *(METRICS[name].heading for name in metrics)]
    cells = [[markdown.plain(label.strip()), *(score(values.get(name)) for name in metrics)] for label, values in rows]
    return markdown.table(header, cells, [False] + [True] * len(metrics))


def units(metrics: Sequence[str]) -> str:
    """What the headings stand for, one line each that fits a terminal."""
    return "\n".join(f"  {HEADINGS[name]}: {METRICS[name].heading}" for name in metrics)


def score(value: float | None) -> str:
    """A number with four significant digits, never in exponents; nothing for None."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{4 if magnitude < 1 else 3 if magnitude < 10 else 2 if magnitude < 100 else 1}f}"
