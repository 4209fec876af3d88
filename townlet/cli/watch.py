"""``townlet watch``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from townlet.cli.console import finite
from townlet.cli.options import TelemetryLog
from townlet.telemetry.epoch_alerts import examine
from townlet.telemetry.follow import follow
from townlet.telemetry.reader import Line, read_log


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(watch)


def _threshold(flag: str, text: str) -> Any:
    return typer.Option(flag, help=text, callback=finite, show_default=False, rich_help_panel="Bounds")


_Follow = Annotated[
    bool,
    typer.Option(
        "--follow",
        help="Wait for new lines until Ctrl-C; the log need not exist yet. On a terminal, shows a live view.",
    ),
]
_Interval = Annotated[float, typer.Option(min=0.01, callback=finite, help="Seconds between two reads of the log.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object per epoch.")]
_Scenario = Annotated[
    Path | None,
    typer.Option(
        metavar="SCENARIO.yaml", help="Scenario to take the thresholds from; the options below override single ones."
    ),
]
_Kl = Annotated[float | None, _threshold("--kl-threshold", "Largest kl_divergence, nats.")]
_Loss = Annotated[float | None, _threshold("--loss-threshold", "Largest magnitude of loss_total.")]
_Grad = Annotated[float | None, _threshold("--grad-threshold", "Largest grad_norm.")]
_Entropy = Annotated[float | None, _threshold("--entropy-threshold", "Smallest batch_entropy_mean, nats.")]
_RewardCorr = Annotated[float | None, _threshold("--reward-corr-threshold", "Smallest reward_advantage_corr.")]
_QueueEvents = Annotated[float | None, _threshold("--queue-events-min", "Fewest queue_conflict_events.")]
_QueueIntensity = Annotated[float | None, _threshold("--queue-intensity-min", "Smallest queue_conflict_intensity_sum.")]
_LateHelp = Annotated[float | None, _threshold("--late-help-min", "Fewest late_help_events.")]
_SharedMeal = Annotated[float | None, _threshold("--shared-meal-min", "Fewest shared_meal_events.")]
_ShiftTakeover = Annotated[float | None, _threshold("--shift-takeover-max", "Most shift_takeover_events.")]
_ChatQuality = Annotated[float | None, _threshold("--chat-quality-min", "Smallest chat_quality_mean.")]
_UtilityOutage = Annotated[float | None, _threshold("--utility-outage-max", "Most utility_outage_events.")]
_Showers = Annotated[float | None, _threshold("--shower-complete-min", "Fewest shower_complete_events.")]
_Sleeps = Annotated[float | None, _threshold("--sleep-complete-min", "Fewest sleep_complete_events.")]


def watch(
    log: TelemetryLog,
    follow_on: _Follow = False,
    interval: _Interval = 1.0,
    as_json: _Json = False,
    thresholds: _Scenario = None,
    kl: _Kl = None,
    loss: _Loss = None,
    grad: _Grad = None,
    entropy: _Entropy = None,
    reward_corr: _RewardCorr = None,
    queue_events_min: _QueueEvents = None,
    queue_intensity_min: _QueueIntensity = None,
    late_help_min: _LateHelp = None,
    shared_meal_min: _SharedMeal = None,
    shift_takeover_max: _ShiftTakeover = None,
    chat_quality_min: _ChatQuality = None,
    utility_outage_max: _UtilityOutage = None,
    shower_complete_min: _Showers = None,
    sleep_complete_min: _Sleeps = None,
) -> int:
    """Print one line per epoch of a log, with its alerts.

    The exit code is 1 if there is any alert. A NaN always gives one.
    """
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
    bounds = _scenario_thresholds(thresholds) if thresholds is not None else {}
    bounds.update({name: value for name, value in given.items() if value is not None})
    if follow_on and not as_json and _on_terminal():
        from townlet.telemetry.dashboard import watch_on_terminal

        return 1 if watch_on_terminal(log, bounds, interval) else 0
    return 1 if _print_reports(log, bounds, interval if follow_on else None, as_json) else 0


def _print_reports(log: Path, bounds: dict[str, float | None], interval: float | None, as_json: bool) -> bool:
    """Print the report of every epoch, with an ``interval`` also of new ones; return whether any alerted."""
    alerted = False
    try:
        for line in _lines(log) if interval is None else follow(log, interval):
            report = examine(line, bounds)
            alerted = alerted or bool(report.alerts)
            print(json.dumps(report.as_json(), allow_nan=False) if as_json else report, flush=True)
    except KeyboardInterrupt:
        if interval is None:
            raise
    return alerted


def _on_terminal() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def _lines(log: Path) -> Iterable[Line]:
    content = read_log(log)
    if content.torn:
        print(content.torn, file=sys.stderr)
    return content.lines


def _scenario_thresholds(scenario: Path) -> dict[str, float | None]:
    from townlet.config import load_scenario

    bounds: dict[str, float | None] = load_scenario(scenario).telemetry.thresholds.model_dump()
    return bounds
