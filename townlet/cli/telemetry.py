"""``townlet validate | watch | summary``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townlet.cli.console import finite
from townlet.cli.places import file_option, require_apart
from townlet.errors import Fault, InputError
from townlet.telemetry.comparison import Drift, drifts, load_baseline
from townlet.telemetry.follow import follow
from townlet.telemetry.reader import Line, read_log
from townlet.telemetry.table import write_table
from townlet.telemetry.validator import ValidationResult, read_records, validate_log
from townlet.telemetry.watcher import examine

if TYPE_CHECKING:
    from townlet.telemetry.summary import Summary


class SummaryFormat(StrEnum):
    """Forms of a summary."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


def register(app: typer.Typer) -> None:
    """Add the telemetry commands to the application."""
    app.command("validate")(validate)
    app.command("watch")(watch)
    app.command("summary")(summary)


def _bound(flag: str, text: str) -> Any:
    return typer.Option(flag, help=text, callback=finite, show_default=False, rich_help_panel="Bounds")


BaselineOption = Annotated[
    Path | None,
    typer.Option(help="Reference: a JSON object of metrics and numbers, or a log, whose last record counts."),
]


def validate(
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Telemetry logs (JSONL).")],
    baseline: BaselineOption = None,
    drift_threshold: Annotated[
        float | None,
        typer.Option(min=0.0, callback=finite, help="Fail if a metric of the last record lies farther off."),
    ] = None,
    relative: Annotated[bool, typer.Option(help="The threshold is a share of the reference's magnitude.")] = False,
    table: Annotated[Path | None, file_option(help="Also write the log, if valid, as a Parquet file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> int:
    """Check logs against the telemetry schema, and against a baseline; exit with 1 if invalid or drifted."""
    if baseline is None and (drift_threshold is not None or relative):
        raise typer.BadParameter("needs --baseline FILE", param_hint="--drift-threshold / --relative")
    if table is not None and len(logs) > 1:
        raise typer.BadParameter("takes a single log", param_hint="--table")
    require_apart(table, *logs, baseline)
    reference = load_baseline(baseline) if baseline is not None else None
    unusable: list[Fault] = []
    outcomes: list[dict[str, Any]] = []
    for log in logs:
        try:
            result = validate_log(log)
            found = drifts(result.records[-1], reference, str(log)) if reference is not None and result.valid else []
        except InputError as error:
            unusable.extend(error.faults)
            continue
        drifted = [d for d in found if drift_threshold is not None and d.exceeds(drift_threshold, relative)]
        passed = result.valid and not drifted
        outcomes.append({**result.as_json(), "passed": passed, "drift": _drift_json(found, drifted)})
        if not as_json:
            _print_result(result, found, drifted)
        if table is not None and result.valid:
            write_table(log, table)
    if as_json:
        print(json.dumps({"passed": not unusable and all(o["passed"] for o in outcomes), "logs": outcomes}, indent=2))
    if unusable:
        raise InputError(unusable)
    return 0 if all(outcome["passed"] for outcome in outcomes) else 1


def _drift_json(found: Iterable[Drift], drifted: list[Drift]) -> list[dict[str, Any]]:
    return [{**drift.as_json(), "exceeds_threshold": drift in drifted} for drift in found]


def _print_result(result: ValidationResult, found: list[Drift], drifted: list[Drift]) -> None:
    for fault in result.faults:
        print(fault)
    if result.torn:
        print(result.torn)
    for drift in found:
        print(f"{result.path}: {'DRIFT ' if drift in drifted else ''}{drift}")
    records = f"{len(result.records)} record{'' if len(result.records) == 1 else 's'}"
    faults = f"{len(result.faults)} fault{'' if len(result.faults) == 1 else 's'}"
    beyond = f", {len(drifted)} of {len(found)} metrics drifted beyond the threshold" if drifted else ""
    print(f"{result.path}: {'valid' if result.valid else f'invalid: {faults}'}, {records}{beyond}")


def watch(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Telemetry log (JSONL).")],
    follow_on: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Go on with each new line, until Ctrl-C; the log need not exist yet. On a terminal, a live view.",
        ),
    ] = False,
    interval: Annotated[float, typer.Option(min=0.01, callback=finite, help="Seconds between looks.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per epoch.")] = False,
    thresholds: Annotated[
        Path | None,
        typer.Option(metavar="SCENARIO.yaml", help="Take the bounds from a scenario; options override."),
    ] = None,
    kl: Annotated[float | None, _bound("--kl-threshold", "Largest kl_divergence, nats.")] = None,
    loss: Annotated[float | None, _bound("--loss-threshold", "Largest magnitude of loss_total.")] = None,
    grad: Annotated[float | None, _bound("--grad-threshold", "Largest grad_norm.")] = None,
    entropy: Annotated[float | None, _bound("--entropy-threshold", "Smallest batch_entropy_mean, nats.")] = None,
    reward_corr: Annotated[float | None, _bound("--reward-corr-threshold", "Smallest reward_advantage_corr.")] = None,
    queue_events_min: Annotated[float | None, _bound("--queue-events-min", "Fewest queue_conflict_events.")] = None,
    queue_intensity_min: Annotated[
        float | None, _bound("--queue-intensity-min", "Smallest queue_conflict_intensity_sum.")
    ] = None,
    late_help_min: Annotated[float | None, _bound("--late-help-min", "Fewest late_help_events.")] = None,
    shared_meal_min: Annotated[float | None, _bound("--shared-meal-min", "Fewest shared_meal_events.")] = None,
    shift_takeover_max: Annotated[float | None, _bound("--shift-takeover-max", "Most shift_takeover_events.")] = None,
    chat_quality_min: Annotated[float | None, _bound("--chat-quality-min", "Smallest chat_quality_mean.")] = None,
    utility_outage_max: Annotated[float | None, _bound("--utility-outage-max", "Most utility_outage_events.")] = None,
    shower_complete_min: Annotated[
        float | None, _bound("--shower-complete-min", "Fewest shower_complete_events.")
    ] = None,
    sleep_complete_min: Annotated[float | None, _bound("--sleep-complete-min", "Fewest sleep_complete_events.")] = None,
) -> int:
    """Print one line per epoch with its alerts; exit with 1 if anything alerted. A NaN always alerts."""
    given = {
        "kl": kl,
        "loss": loss,
        "grad": grad,
        "entropy": entropy,
        "reward_corr": reward_corr,
        "queue_events_min": queue_events_min,
        "queue_intensity_min": queue_intensity_min,
        "late_help_min": late_help_min,
        "shared_meal_min": shared_meal_min,
        "shift_takeover_max": shift_takeover_max,
        "chat_quality_min": chat_quality_min,
        "utility_outage_max": utility_outage_max,
        "shower_complete_min": shower_complete_min,
        "sleep_complete_min": sleep_complete_min,
    }
    bounds = _scenario_bounds(thresholds) if thresholds is not None else {}
    bounds.update({name: value for name, value in given.items() if value is not None})
    if follow_on and not as_json and _on_terminal():
        from townlet.telemetry.dashboard import watch_on_terminal

        return 1 if watch_on_terminal(log, bounds, interval) else 0
    alerted = False
    try:
        for line in follow(log, interval) if follow_on else _lines(log):
            report = examine(line, bounds)
            alerted = alerted or bool(report.alerts)
            print(json.dumps(report.as_json(), allow_nan=False) if as_json else report, flush=True)
    except KeyboardInterrupt:
        if not follow_on:
            raise
    return 1 if alerted else 0


def _on_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def _lines(log: Path) -> Iterable[Line]:
    content = read_log(log)
    if content.torn:
        print(content.torn, file=sys.stderr)
    return content.lines


def _scenario_bounds(scenario: Path) -> dict[str, float | None]:
    from townlet.config import load_scenario

    bounds: dict[str, float | None] = load_scenario(scenario).telemetry.thresholds.model_dump()
    return bounds


def summary(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="Telemetry log (JSONL).")],
    baseline: BaselineOption = None,
    form: Annotated[SummaryFormat, typer.Option("--format", help="Form of the output.")] = SummaryFormat.TEXT,
    last: Annotated[int | None, typer.Option(min=1, help="Only the last N records.")] = None,
) -> int:
    """Summarise a valid log: verdict, latest values, ranges and trends, by mode and by cycle, drift."""
    from townlet.telemetry.summary import summarize

    records = read_records(log)
    reference = load_baseline(baseline) if baseline is not None else None
    print(_rendered(summarize(records, reference, last), records[-last:] if last else records, form), end="")
    return 0


def _rendered(told: Summary, records: list[dict[str, Any]], form: SummaryFormat) -> str:
    if form is SummaryFormat.HTML:
        from townlet.view.report import summary_html

        return str(summary_html(told, records))
    if form is SummaryFormat.JSON:
        return json.dumps(told.as_json(), indent=2, allow_nan=False) + "\n"
    from townlet.telemetry.render import render_markdown, render_text

    return render_markdown(told) if form is SummaryFormat.MARKDOWN else render_text(told)
