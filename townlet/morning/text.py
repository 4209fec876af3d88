"""Text forms of the morning overview: lines of at most 80 columns for a terminal, and Markdown for Dagster."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from townlet.morning.night import MARKS, WORDS, Night
from townlet.morning.overview import HOW_TO_BEGIN, Overview
from townlet.text import markdown
from townlet.text.terminal import printable

_COLUMNS = 80
_HEADER = ("verdict", "scenario", "why", "next step", "report")


def terminal_lines(overview: Overview) -> list[str]:
    """The overview as lines: the headline, then each scenario with its last nights, why, and what to do next.

    An accepted night takes one line. Paths are not broken, so they may be longer than 80 columns.
    """
    lines = _wrapped(overview.headline, "")
    if not any(night.state != "none" for night in overview.nights):
        lines += ["", *_wrapped(HOW_TO_BEGIN, "")]
    if overview.nights:
        widest = max(len(night.scenario) for night in overview.nights)
        lines.append("")
        for night in overview.nights:
            marks = "".join(MARKS[each.state] for each in overview.strips[night.scenario])
            verdict = f"{MARKS[night.state]} {night.word}"
            lines.append(f"{verdict:<17} {printable(night.scenario):<{widest}}  {marks}".rstrip())
            if night.state not in ("accepted", "none"):
                lines += _details(night)
        first = overview.nights[0]
        key = ", ".join(f"{mark} {WORDS[state]}" for state, mark in MARKS.items() if mark.strip())
        days = f"Nights from {overview.strips[first.scenario][0].day} to {overview.day}"
        lines += ["", *_wrapped(f"{days}: {key}.", "")]
    for fault in overview.faults:
        lines += _wrapped(f"cannot be read: {fault}", "")
    return lines


def _details(night: Night) -> list[str]:
    lines = _wrapped(night.why, "  ")
    if night.step is not None:
        lines += _wrapped(f"Next: {night.step.sentence}", "  ")
        lines.append(f"  Handbook: docs/OPS_HANDBOOK.md#{night.step.handbook}")
    if night.report is not None:
        lines.append(f"  Report: {printable(str(night.report))}")
    if night.incident is not None:
        lines.append(f"  Incident: {printable(str(night.incident.file.with_suffix('.md')))}")
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    """A text in lines of at most 80 columns; a word that is longer stays whole."""
    return textwrap.wrap(
        printable(text),
        _COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def markdown_table(
    overview: Overview,
    *,
    handbook: Callable[[str], str],
    page: Callable[[Path], str | None],
    incident: Callable[[Path], str],
) -> str:
    """The last night as Markdown: the headline, and a row for each scenario with absolute links.

    Args:
        overview: what to show.
        handbook: the address of an anchor of the handbook.
        page: the address of a page; None if it has none.
        incident: the address of an incident's page.
    """
    rows = [_row(night, handbook, page, incident) for night in overview.nights]
    parts = [f"**{markdown.plain(overview.headline)}**", markdown.table(_HEADER, rows) if rows else HOW_TO_BEGIN]
    return "\n\n".join(parts) + "\n"


def _row(
    night: Night,
    handbook: Callable[[str], str],
    page: Callable[[Path], str | None],
    incident: Callable[[Path], str],
) -> Sequence[str]:
    step = ""
    if night.step is not None:
        step = f"{markdown.plain(night.step.sentence)} {markdown.link('Handbook', handbook(night.step.handbook))}"
    address = page(night.report) if night.report else None
    path = markdown.code(str(night.report)) if night.report else ""
    report = markdown.link("report", address) if address else path
    if night.incident is not None:
        report = f"{report} {markdown.link('incident', incident(night.incident.file.with_suffix('.md')))}".strip()
    verdict = f"{MARKS[night.state].strip()} {night.word}".strip()
    return [markdown.plain(verdict), markdown.plain(night.scenario), markdown.plain(night.why), step, report]
