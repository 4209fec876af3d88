"""Reading of nights from a store, and of the incidents of runs that failed. Damaged files become part of the result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.files.artefact_names import ACCEPTANCE_STEM, DRIFT_NAME, NIGHTS, SOAK_NAME
from townlet.files.storage import read_bytes, read_json, require_field, sha256
from townlet.morning.night import HEADLINE_METRICS, Incident, Level, Night, State
from townlet.soak.manifest import CYCLES_NAME
from townlet.soak.next_steps import CRASHED, DAMAGED, UNFINISHED, NextStep

_STATES: Mapping[str, State] = {"accept": "accepted", "hold": "held", "reject": "rejected"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
#: The partition of a night, as Dagster writes it.
_PARTITION = re.compile(r"(\d{4}-\d{2}-\d{2})\|([a-z][a-z0-9_]*)")
_VERDICT = "a verdict on a soak"

#: Incidents by day and scenario.
Incidents = Mapping[tuple[date, str], Incident]


def days_of(store: Path, scenario: str) -> list[date]:
    """The days on which a scenario has a night in the store, in order. Entries with other names are ignored."""
    folder = store / scenario / NIGHTS
    found = (_as_day(entry.name) for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else ()
    return sorted(day for day in found if day is not None)


def scenarios_with_nights(store: Path) -> list[str]:
    """The scenarios that have a night in the store, sorted."""
    if not store.is_dir():
        return []
    return sorted(entry.name for entry in store.iterdir() if days_of(store, entry.name))


def read_incidents(folder: Path) -> tuple[dict[tuple[date, str], Incident], list[str]]:
    """The latest incident of each night, and one line for each file that cannot be read."""
    found: dict[tuple[date, str], Incident] = {}
    faults = []
    # The names begin with the time, so a later incident replaces an earlier one.
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            content = read_json(file, "an incident")
            partition = _PARTITION.fullmatch(str(content.get("scenario")))
            day = _as_day(partition[1]) if partition else None
            if partition and day:
                found[day, partition[2]] = _incident(file, content)
        except InputError as error:
            faults.append(str(error.faults[0]).removeprefix(f"{folder}/"))
    return found, faults


def _incident(file: Path, content: dict[str, Any]) -> Incident:
    def text(name: str) -> str:
        return str(require_field(content, name, file, "a text", str))

    def lines(name: str) -> tuple[str, ...]:
        return tuple(map(str, require_field(content, name, file, "a list of texts", list)))

    return Incident(file, text("run_id"), text("failed_at"), text("reason"), lines("log_tail"), lines("how_to_resume"))


def read_night(store: Path, scenario: str, day: date, incidents: Incidents) -> Night | None:
    """A night as its files tell it; None if there are none and no run of it failed."""
    folder = store / scenario / NIGHTS / day.isoformat()
    soak, drift = folder / "soak_run" / SOAK_NAME, folder / "soak_drift" / DRIFT_NAME
    incident = incidents.get((day, scenario))
    try:
        cycles = _unfinished_cycles(soak) if soak.exists() else None
        if cycles is None and drift.exists():
            return _judged(folder, drift, scenario, day, incident)
    except InputError as error:
        fault = str(error.faults[0]).removeprefix(f"{store}/")
        return Night(scenario, day, "damaged", f"A file is damaged: {fault}.", DAMAGED, incident=incident)
    if incident is not None:
        return Night(scenario, day, "crashed", _why_failed(incident), _after_failure(incident), incident=incident)
    if not soak.exists():
        if not folder.is_dir():
            return None
        why = "The soak has begun, and has no cycle yet."
    else:
        why = cycles or "The soak is finished; there is no verdict yet."
    return Night(scenario, day, "unfinished", why, UNFINISHED)


def _why_failed(incident: Incident) -> str:
    """The first line of the reason, with the project's files named as in its folder."""
    line = next((line.strip() for line in incident.reason.splitlines() if line.strip()), "It gave no reason.")
    project = incident.file.absolute().parents[2]
    return f"The run failed: {line.replace(f'{project}/', '')}"


def _after_failure(incident: Incident) -> NextStep:
    """One short step: the incident's page has the others."""
    first = incident.how_to_resume[0] if incident.how_to_resume else ""
    return NextStep(first if first.startswith("Nothing:") else CRASHED.sentence, CRASHED.handbook)


def _judged(folder: Path, drift: Path, scenario: str, day: date, incident: Incident | None) -> Night:
    """A night with a verdict. Raises InputError for a damaged one, and for a report that says something else."""
    found, content = read_bytes(drift, _VERDICT), read_json(drift, _VERDICT)

    def text(name: str) -> str:
        return str(require_field(content, name, drift, "a text", str))

    for name, expected in (("scenario", scenario), ("night", day.isoformat())):
        if content.get(name) != expected:
            raise InputError.of(drift, name, repr(content.get(name)), f"{expected!r}, as the folder says")
    verdict = text("verdict")
    if verdict not in _STATES:
        raise InputError.of(drift, "verdict", repr(verdict), "accept, hold or reject")
    report = folder / "acceptance_report" / f"{ACCEPTANCE_STEM}.html"
    summary = report.with_suffix(".json")
    # Mostly the two are equal to the byte.
    if summary.exists() and read_bytes(summary, "an acceptance report") != found:
        reported = read_json(summary, "an acceptance report").get("verdict")
        if reported != verdict:
            raise InputError.of(summary, "verdict", repr(reported), f"{verdict!r}, as {DRIFT_NAME} says")
    has_report = report.exists() and summary.exists()
    return Night(
        scenario,
        day,
        _STATES[verdict],
        text("why"),
        NextStep(text("next_step"), text("handbook")),
        report if has_report else None,
        drift,
        sha256(found),
        None if has_report else incident,
        _levels(drift, content),
    )


def _unfinished_cycles(manifest: Path) -> str | None:
    """How far an unfinished soak is, in a sentence; None for a finished one. Raises InputError for a damaged file."""
    content = read_json(manifest, "a soak's manifest")
    if require_field(content, "finished", manifest, "true or false", bool):
        return None
    cycles = manifest.with_name(CYCLES_NAME)
    done = read_bytes(cycles, "the rows of a soak").count(b"\n") if cycles.exists() else 0
    of = f" of {content['cycles']}" if content.get("cycles") else ""
    return f"The soak runs, or stopped, after cycle {done}{of}."


def _levels(drift: Path, content: dict[str, Any]) -> dict[str, Level]:
    """The headline metrics of a verdict. Raises InputError for one that is not a number."""
    levels = {}
    for place, metric in enumerate(require_field(content, "assessment.metrics", drift, "a list of metrics", list)):
        where = f"assessment.metrics.{place}"
        if not isinstance(metric, dict):
            raise InputError.of(drift, where, repr(metric), "a metric")
        if HEADLINE_METRICS.get(str(metric.get("name"))) == metric.get("role") and metric.get("cycles"):
            baseline = metric.get("baseline")
            levels[str(metric["name"])] = Level(
                _number(metric.get("mean"), drift, f"{where}.mean"),
                _number(baseline.get("mean"), drift, f"{where}.baseline.mean") if isinstance(baseline, dict) else None,
            )
    return levels


def _number(value: object, file: Path, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError.of(file, where, repr(value), "a number")
    return float(value)


def _as_day(name: str) -> date | None:
    try:
        return date.fromisoformat(name) if _DAY.fullmatch(name) else None
    except ValueError:
        return None
