"""Summaries of a log as plain text and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from townlet.telemetry.environments import ENVIRONMENT_FIELDS
from townlet.telemetry.formatting import count, number
from townlet.telemetry.record import BY_NAME
from townlet.telemetry.summary import HIGHLIGHTS, GroupSummary, MetricSummary, Summary
from townlet.text import markdown
from townlet.text.terminal import printable

#: Cycles that a breakdown lists; earlier ones are only counted.
SHOWN_CYCLES = 12

Rows = Sequence[Sequence[str]]
TableRenderer = Callable[[Sequence[str], Rows], str]
NameRenderer = Callable[[str], str]


def render_text(summary: Summary) -> str:
    """Render a summary for a terminal, with aligned columns."""
    return _render(summary, heading=lambda title: f"{title}\n{'-' * len(title)}", table=_text_table, code=printable)


def render_markdown(summary: Summary) -> str:
    """Render a summary as Markdown: the verdict, the key figures, then every metric with its meaning."""
    return _render(summary, heading=lambda title: f"## {title}", table=_markdown_table, code=_code_span)


def _render(summary: Summary, heading: Callable[[str], str], table: TableRenderer, code: NameRenderer) -> str:
    blocks = [summary.verdict, *(f"- {remark}" for remark in summary.remarks), _extent(summary)]
    key = [metric for name in HIGHLIGHTS if (metric := summary.metric(name))]
    blocks += [heading("Key figures"), _key_figures(key, table, code)]
    if summary.differences:
        rows = [
            [
                code(each.metric),
                number(each.value),
                number(each.reference),
                number(each.absolute),
                "from 0" if each.relative is None else f"{each.relative:+.1%}",
            ]
            for each in summary.differences
        ]
        header = ["metric", "last epoch", "baseline", "difference", "relative"]
        blocks += [heading("Difference from the baseline"), table(header, rows)]
    blocks += [heading("By source of the data"), _groups(summary.by_mode, table, code)] if summary.by_mode else []
    if summary.by_cycle:
        shown = summary.by_cycle[-SHOWN_CYCLES:]
        blocks += [heading("By rollout cycle"), _groups(shown, table, code)]
        if left_out := len(summary.by_cycle) - len(shown):
            blocks.append(f"{count(left_out, 'earlier cycle')} left out; the JSON form has them all.")
    moving = [metric for metric in summary.metrics if metric.minimum != 0 or metric.maximum != 0]
    blocks += [heading("Every metric"), _every_metric(moving, table, code)]
    if idle := [code(metric.name) for metric in summary.metrics if metric not in moving]:
        blocks.append(f"Always 0: {', '.join(idle)}.")
    return "\n\n".join(blocks) + "\n"


def _extent(summary: Summary) -> str:
    schema = " and ".join(str(version) for version in summary.versions)
    took = "" if summary.duration_sec is None else f", {number(summary.duration_sec)} s of training"
    return (
        f"Epochs {summary.first_epoch} to {summary.last_epoch}, {count(summary.records, 'record')} of schema"
        f" {schema}{took}. A trend smaller than the scatter about it counts as steady. If the training also"
        " replays, the figures describe only its own rollouts."
    )


def _key_figures(metrics: Sequence[MetricSummary], table: TableRenderer, code: NameRenderer) -> str:
    rows = [[code(m.name), number(m.first), number(m.latest), m.trend, m.unit, m.meaning] for m in metrics]
    return table(["metric", "first", "latest", "trend", "unit", "meaning"], rows)


def _every_metric(metrics: Sequence[MetricSummary], table: TableRenderer, code: NameRenderer) -> str:
    rows = [
        [
            code(m.name),
            number(m.latest),
            number(m.minimum),
            number(m.maximum),
            number(m.mean),
            number(m.slope),
            m.unit,
            m.meaning,
        ]
        for m in metrics
    ]
    header = ["metric", "latest", "minimum", "maximum", "mean", "slope per epoch", "unit", "meaning"]
    return table(header, rows)


def _groups(groups: Sequence[GroupSummary], table: TableRenderer, code: NameRenderer) -> str:
    names = [name for name in HIGHLIGHTS if any(name in group.means for group in groups)]
    rows = [
        [group.label, f"{group.epochs:,}", f"{group.transitions:,}"]
        + [number(group.means[name]) if name in group.means else "" for name in names]
        for group in groups
    ]
    header = ["", "epochs", "agent-steps", *(code(name) for name in names)]
    fields = (BY_NAME.get(name) or ENVIRONMENT_FIELDS[name] for name in names)
    units = [f"{field.name} in {field.unit}" for field in fields if field.unit]
    return table(header, rows) + f"\n\nMeans over the epochs; {', '.join(units)}."


def _text_table(header: Sequence[str], rows: Rows) -> str:
    """Pad columns to their widest cell, and right-align those that hold numbers."""
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [_is_numeric(column[1:]) for column in columns]
    lines = []
    for row in [header, *rows]:
        cells = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _markdown_table(header: Sequence[str], rows: Rows) -> str:
    columns = zip(header, *rows, strict=True)
    return markdown.table(header, rows, right=[_is_numeric(column[1:]) for column in columns])


def _code_span(name: str) -> str:
    return markdown.code(printable(name))


def _is_numeric(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(cell[0] in "+-0123456789" and cell[-1] in "0123456789%" for cell in filled)
