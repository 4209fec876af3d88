"""``townlet validate``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from townlet.cli.console import finite
from townlet.cli.options import PrintJson, ReferenceFile
from townlet.cli.places import file_option, require_apart
from townlet.errors import Fault, InputError
from townlet.telemetry.comparison import Difference, differences, load_baseline
from townlet.telemetry.table import write_table
from townlet.telemetry.validator import ValidationResult, validate_log


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(validate)


def validate(
    logs: Annotated[list[Path], typer.Argument(metavar="LOG...", help="Telemetry logs (JSONL).")],
    baseline: ReferenceFile = None,
    drift_threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0, callback=finite, help="Fail if a metric of the last record differs by more from --baseline."
        ),
    ] = None,
    relative: Annotated[
        bool, typer.Option(help="Take --drift-threshold as a share of the magnitude in --baseline.")
    ] = False,
    table: Annotated[Path | None, file_option(help="Also write the log, if valid, as a Parquet file.")] = None,
    as_json: PrintJson = False,
) -> int:
    """Check logs against the telemetry schema, and against other numbers.

    The exit code is 1 if a log is invalid or a metric differs from --baseline by more than --drift-threshold.
    """
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
            found = (
                differences(result.records[-1], reference, str(log)) if reference is not None and result.valid else []
            )
        except InputError as error:
            unusable.extend(error.faults)
            continue
        exceeding = [d for d in found if drift_threshold is not None and d.exceeds(drift_threshold, relative)]
        passed = result.valid and not exceeding
        outcomes.append({**result.as_json(), "passed": passed, "drift": _differences_json(found, exceeding)})
        if not as_json:
            _print_result(result, found, exceeding)
        if table is not None and result.valid:
            write_table(log, table)
    if as_json:
        print(json.dumps({"passed": not unusable and all(o["passed"] for o in outcomes), "logs": outcomes}, indent=2))
    if unusable:
        raise InputError(unusable)
    return 0 if all(outcome["passed"] for outcome in outcomes) else 1


def _differences_json(found: Iterable[Difference], exceeding: list[Difference]) -> list[dict[str, Any]]:
    return [{**each.as_json(), "exceeds_threshold": each in exceeding} for each in found]


def _print_result(result: ValidationResult, found: list[Difference], exceeding: list[Difference]) -> None:
    for fault in result.faults:
        print(fault)
    if result.torn:
        print(result.torn)
    for difference in found:
        print(f"{result.path}: {'EXCEEDS ' if difference in exceeding else ''}{difference}")
    records = f"{len(result.records)} record{'' if len(result.records) == 1 else 's'}"
    faults = f"{len(result.faults)} fault{'' if len(result.faults) == 1 else 's'}"
    beyond = f", {len(exceeding)} of {len(found)} metrics differ by more than the threshold" if exceeding else ""
    print(f"{result.path}: {'valid' if result.valid else f'invalid: {faults}'}, {records}{beyond}")
