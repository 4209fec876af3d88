"""Drawings of the morning page: a strip of nights, and the course of a metric over them, as markup."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from townlet.metrics import METRICS, capitalized
from townlet.morning.night import HEADLINE_METRICS, MARKS, WORDS, Night
from townlet.telemetry.formatting import number

#: Size of a course in its own units.
_WIDTH, _HEIGHT, _MARGIN = 160.0, 40.0, 5.0


@dataclass(frozen=True, slots=True)
class Links:
    """Where the links of a page lead."""

    folder: Path
    """The page's folder: files are linked to relative to it."""
    handbook: str
    """Address of the handbook."""
    runs: str | None = None
    """Beginning of the addresses of Dagster's runs; None to name a run without a link."""
    incidents: str | None = None
    """Beginning of the addresses of incidents' pages; None to link to their files."""

    def file(self, path: Path) -> str:
        """The address of a file."""
        return quote(Path(os.path.relpath(path.absolute(), self.folder)).as_posix())

    def incident(self, page: Path) -> str:
        """The address of an incident's page."""
        return self.file(page) if self.incidents is None else f"{self.incidents}{quote(page.name)}"

    def anchor(self, name: str) -> str:
        """The address of an anchor of the handbook."""
        return f"{self.handbook}#{name}"


def strip(nights: Sequence[Night], links: Links) -> str:
    """A cell for each night: its mark in its colour, which leads to its report, and says verdict and reason."""
    cells = "".join(_cell(night, links) for night in nights)
    first, last = nights[0].day, nights[-1].day
    return (
        f'<div class="strip"><div class="cells">{cells}</div>'
        f'<div class="days"><span>{first:%d %b}</span><span>{last:%d %b}</span></div></div>'
    )


def _cell(night: Night, links: Links) -> str:
    says = escape(f"{night.day}: {WORDS[night.state]}. {night.why}".strip(), quote=True)
    mark = MARKS[night.state].strip()
    if night.report is None:
        return f'<span class="cell {night.state}" role="img" aria-label="{says}" title="{says}">{mark}</span>'
    target = escape(links.file(night.report), quote=True)
    return f'<a class="cell {night.state}" href="{target}" aria-label="{says}" title="{says}">{mark}</a>'


def courses(nights: Sequence[Night]) -> list[str]:
    """A figure for each headline metric that a night has: its course, its last value, and the baseline's."""
    names = dict.fromkeys(name for night in nights for name in night.levels)
    return [_course(name, nights) for name in sorted(names, key=_place)]


def _place(name: str) -> int:
    return list(HEADLINE_METRICS).index(name)


def _course(name: str, nights: Sequence[Night]) -> str:
    values = [night.levels[name].mean if name in night.levels else None for night in nights]
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    last = nights[known[-1][0]]
    level, metric = last.levels[name], METRICS[name]
    beside = ""
    if level.baseline is not None:
        change = f", {_share(level.mean, level.baseline)}" if level.baseline else ""
        beside = f"baseline {amount(name, level.baseline)}{change}"
    elif len(known) > 1 and known[-2][1]:
        beside = f"{_share(known[-1][1], known[-2][1])} since the night before"
    alt = f"{metric.label} over {len(known)} nights, last {amount(name, level.mean)}" + (
        f", {beside}" if beside else ""
    )
    unit = "" if name.endswith("_bytes") else f'<span class="unit">{escape(metric.unit)}</span>'
    drawing = _line(values, level.baseline, last.state, alt)
    return (
        f'<figure class="course"><figcaption><span class="label">{escape(capitalized(metric.label))}</span> '
        f"<b>{amount(name, level.mean)}</b> {unit}</figcaption>{drawing}"
        f'<span class="beside">{escape(beside) or "&nbsp;"}</span></figure>'
    )


def amount(name: str, value: float) -> str:
    """A metric's value for people: bytes in MB."""
    return f"{number(value / 1e6)} MB" if name.endswith("_bytes") else number(value)


def _share(value: float, of: float) -> str:
    """The change from one value, not 0, to another, as a share of its size."""
    return f"{(value - of) / abs(of):+.1%}".replace("%", " %").replace("-0.0 %", "0.0 %").replace("+0.0 %", "0.0 %")


def _line(values: Sequence[float | None], baseline: float | None, state: str, alt: str) -> str:
    """A line through the nights, interrupted where one is missing, with the baseline dashed and a dot on the last."""
    known = [value for value in (*values, baseline) if value is not None]
    low, high = min(known), max(known)
    # The scale spans at least 10 %, so that noise does not look like a change.
    span = max(high - low, 0.1 * max(abs(low), abs(high))) or 1.0
    bottom = (low + high - span) / 2
    step = (_WIDTH - 2 * _MARGIN) / max(len(values) - 1, 1)

    def at(place: int, value: float) -> tuple[str, str]:
        height = (value - bottom) / span * (_HEIGHT - 2 * _MARGIN)
        return f"{_MARGIN + place * step:.1f}", f"{_HEIGHT - _MARGIN - height:.1f}"

    pieces: list[list[tuple[str, str]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(at(place, value))
    drawn = ""
    if baseline is not None:
        _, y = at(0, baseline)
        drawn += f'<line class="baseline" x1="0" x2="{_WIDTH:.0f}" y1="{y}" y2="{y}"/>'
    for piece in pieces:
        if len(piece) > 1:
            drawn += f'<polyline points="{" ".join(map(",".join, piece))}"/>'
        elif piece:
            x, y = piece[0]
            drawn += f'<circle class="single" cx="{x}" cy="{y}" r="1.5"/>'
    x, y = [point for piece in pieces for point in piece][-1]
    drawn += f'<circle class="last {state}" cx="{x}" cy="{y}" r="3.5"/>'
    return (
        f'<svg role="img" aria-label="{escape(alt, quote=True)}" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}">{drawn}</svg>'
    )
