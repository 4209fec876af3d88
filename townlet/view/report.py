"""HTML report of a training: one self-contained page without scripts, for desktop and phone, light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from townlet.telemetry.formatting import count, number
from townlet.telemetry.summary import HIGHLIGHTS, GroupSummary, Summary
from townlet.view.html_page import Section, page, section_html
from townlet.view.key_figures import KeyFigure, key_figures
from townlet.view.learning_curves import learning_curves


def summary_html(
    summary: Summary,
    records: Sequence[Mapping[str, Any]],
    *,
    title: str = "Training report",
    reproduce: Sequence[str] = ("townlet validate LOG", "townlet summary LOG --format html > report.html"),
    sections: Sequence[Section] = (),
) -> str:
    """Build the page for a summary and the records that it summarises.

    ``reproduce`` holds the shell commands that reproduce the report; ``sections`` follow the learning curves. Equal
    arguments give equal bytes.
    """
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in summary.remarks)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict">{escape(summary.verdict)}</p>',
        f"<ul>{remarks}</ul>" if remarks else "",
        _figures(records),
        section_html(Section("Learning curves", _CURVES, learning_curves(records))),
        *(section_html(section) for section in sections),
        section_html(_differences(summary)) if summary.differences else "",
        _groups("By source of the data", summary.by_mode),
        _groups("By rollout cycle", summary.by_cycle),
        section_html(_every_metric(summary)),
        '<section><h2>How to reproduce</h2><pre tabindex="0">' + escape("\n".join(reproduce)) + "</pre></section>",
    ]
    return page(title, parts)


_CURVES = (
    "One point per epoch. Replayed data is recorded and does not change; rollouts are the policy's own and show "
    "what it has learnt. People who never queue have no queue conflicts, so read conflict intensity together with "
    "completed uses."
)


def _figures(records: Sequence[Mapping[str, Any]]) -> str:
    cards = "".join(
        f'<div class="figure"><span class="label">{escape(figure.label)}</span>'
        f'<span class="value">{number(figure.before)} → <strong>{number(figure.after)}</strong></span>'
        f'<span class="unit">{escape(figure.unit)}</span>{_recorded(figure)}</div>'
        for figure in key_figures(records)
    )
    return f'<section class="figures" aria-label="Key figures, first against last">{cards}</section>'


def _recorded(figure: KeyFigure) -> str:
    if figure.recorded is None:
        return ""
    return f'<span class="unit">recorded behaviour: {number(figure.recorded)}</span>'


def _groups(title: str, groups: Sequence[GroupSummary]) -> str:
    if not groups:
        return ""
    names = [name for name in HIGHLIGHTS if any(name in group.means for group in groups)]
    rows = [
        [group.label, f"{group.epochs:,}", f"{group.transitions:,}"]
        + [number(group.means[name]) if name in group.means else "" for name in names]
        for group in groups[-_SHOWN_GROUPS:]
    ]
    text = "Means over the epochs."
    if left_out := len(groups) - len(rows):
        text += f" {count(left_out, 'earlier row')} omitted."
    return section_html(Section(title, text, header=["", "epochs", "agent-steps", *names], rows=rows))


_SHOWN_GROUPS = 12


def _differences(summary: Summary) -> Section:
    rows = [
        [
            each.metric,
            number(each.value),
            number(each.reference),
            number(each.absolute),
            "from 0" if each.relative is None else f"{each.relative:+.1%}",
        ]
        for each in summary.differences
    ]
    header = ["metric", "last epoch", "baseline", "difference", "relative"]
    return Section("Difference from the baseline", header=header, rows=rows)


def _every_metric(summary: Summary) -> Section:
    moving = [metric for metric in summary.metrics if metric.minimum != 0 or metric.maximum != 0]
    idle = [metric.name for metric in summary.metrics if metric not in moving]
    rows = [
        [m.name, number(m.latest), number(m.minimum), number(m.maximum), m.trend, m.unit, m.meaning] for m in moving
    ]
    text = f"Always 0: {', '.join(idle)}." if idle else ""
    return Section(
        "Every metric", text, header=["metric", "latest", "min", "max", "trend", "unit", "meaning"], rows=rows
    )
