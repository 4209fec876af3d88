"""``townlet summary``."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townlet.cli.options import ReferenceFile, TelemetryLog
from townlet.telemetry.comparison import load_baseline
from townlet.telemetry.validator import read_records

if TYPE_CHECKING:
    from townlet.telemetry.summary import Summary


class SummaryFormat(StrEnum):
    """Output formats of a summary."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(summary)


def summary(
    log: TelemetryLog,
    baseline: ReferenceFile = None,
    form: Annotated[SummaryFormat, typer.Option("--format", help="Output format.")] = SummaryFormat.TEXT,
    last: Annotated[int | None, typer.Option(min=1, help="Summarise the last N records only.")] = None,
) -> int:
    """Summarise a valid log.

    Prints the verdict, latest values, ranges, trends, means by mode and by cycle, and differences from --baseline.
    """
    from townlet.telemetry.summary import summarize

    records = read_records(log)
    reference = load_baseline(baseline) if baseline is not None else None
    print(_rendered(summarize(records, reference, last), records[-last:] if last else records, form), end="")
    return 0


def _rendered(summary: Summary, records: list[dict[str, Any]], form: SummaryFormat) -> str:
    if form is SummaryFormat.HTML:
        from townlet.view.report import summary_html

        return str(summary_html(summary, records))
    if form is SummaryFormat.JSON:
        return json.dumps(summary.as_json(), indent=2, allow_nan=False) + "\n"
    from townlet.telemetry.render import render_markdown, render_text

    return render_markdown(summary) if form is SummaryFormat.MARKDOWN else render_text(summary)
