"""What a person needs who finds a failed run: one page per failure, and a message to whoever should hear of it."""

import json
import os
import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DefaultSensorStatus,
    EventLogEntry,
    RunFailureSensorContext,
    run_failure_sensor,
)

from townlet.storage import pretty_json, write_atomically
from townlet_pipeline.project import project_root, shown

#: Names where incidents are posted as JSON, such as an incoming webhook of a chat.
WEBHOOK = "TOWNLET_WEBHOOK"

_LOG_LINES = 40
_TIMEOUT_SECONDS = 10.0


def incidents_folder() -> Path:
    """Where incident files lie."""
    return project_root() / "runs" / "incidents"


def report_incident(instance: DagsterInstance, run: DagsterRun, folder: Path) -> tuple[Path, str] | None:
    """Write ``<time>-<run>.md`` and ``.json`` for a failed run, and post it where ``$TOWNLET_WEBHOOK`` says.

    Returns the page and a sentence on the message; None if the run has its incident already. A message that cannot be
    posted loses nothing: the files are written first.
    """
    if any(folder.glob(f"*-{run.run_id}.json")):
        return None
    incident = describe(instance, run)
    moment = datetime.fromisoformat(incident["failed_at"]).strftime("%Y%m%dT%H%M%SZ")
    page = folder / f"{moment}-{run.run_id}.md"
    write_atomically(page, as_markdown(incident))
    write_atomically(page.with_suffix(".json"), pretty_json(incident))
    url = os.environ.get(WEBHOOK)
    return page, post(url, incident, page) if url else f"nobody was told: {WEBHOOK} is not set"


def describe(instance: DagsterInstance, run: DagsterRun) -> dict[str, Any]:
    """What failed, why, what the log said last, and how to go on; all of it can be written as JSON."""
    record = instance.get_run_record_by_id(run.run_id)
    ended = record.end_time if record is not None and record.end_time else datetime.now(UTC).timestamp()
    steps = [_step(entry) for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE)]
    last = instance.get_records_for_run(run.run_id, limit=_LOG_LINES, ascending=False).records
    partition = run.tags.get("dagster/partition")
    return {
        "run_id": run.run_id,
        "job": run.job_name,
        "scenario": partition,
        "failed_at": datetime.fromtimestamp(ended, UTC).isoformat(timespec="seconds"),
        "kind": "step" if steps else "interrupted",
        "reason": steps[0]["error"] if steps else _interruption(instance, run.run_id),
        "steps": steps,
        "tags": {name: value for name, value in run.tags.items() if not name.startswith(".dagster/")},
        "run_config": run.run_config,
        "how_to_resume": _how_to_resume(run, steps, partition),
        "log_tail": [_line(record.event_log_entry) for record in reversed(last)],
    }


def as_markdown(incident: Mapping[str, Any]) -> str:
    """The incident as a page."""
    where = f" of {incident['scenario']}" if incident["scenario"] else ""
    lines = [f"# {incident['job']}{where} failed", "", incident["reason"], ""]
    for step in incident["steps"]:
        lines += [f"- step `{step['step']}`"]
    lines += [
        f"- run `{incident['run_id']}`, {incident['failed_at']}",
        *(f"- {name}: {value}" for name, value in sorted(incident["tags"].items())),
        *["", "## What to do", ""],
        *(f"{number}. {what}" for number, what in enumerate(incident["how_to_resume"], 1)),
        *["", "## What it was told", "", "```json", json.dumps(incident["run_config"], indent=2), "```"],
        *["", "## The log's last lines", "", "```text", *incident["log_tail"], "```", ""],
    ]
    return "\n".join(lines)


def post(url: str, incident: Mapping[str, Any], page: Path) -> str:
    """Post an incident as JSON, with its gist under ``text`` as chats expect it; say how that went."""
    where = f" of {incident['scenario']}" if incident["scenario"] else ""
    text = f"{incident['job']}{where} failed: {incident['reason']}\n{shown(page)}"
    body = json.dumps({"text": text, "incident": incident}).encode()
    try:
        if not url.startswith(("http://", "https://")):
            return f"{WEBHOOK} could not be reached: it does not begin with http:// or https://"
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            return f"posted to {WEBHOOK}: status {answer.status}"
    except (OSError, HTTPException, ValueError) as error:
        return f"{WEBHOOK} could not be reached: {_without_address(error)}"


def _without_address(error: Exception) -> str:
    """Why a message could not be posted; most errors quote the address, or a part of it, which may be a secret."""
    if isinstance(error, HTTPError):
        return f"status {error.code}"
    reason = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
    told = reason.strerror if isinstance(reason, OSError) and not isinstance(reason, ssl.SSLError) else None
    return told or type(reason).__name__


@run_failure_sensor(
    name="incidents",
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    monitor_all_code_locations=True,
    description="Writes a page about each failed run into runs/incidents, those started from a terminal included, and "
    f"posts it as JSON where ${WEBHOOK} says.",
)
def incidents(context: RunFailureSensorContext) -> None:
    """See :func:`report_incident`."""
    told = report_incident(context.instance, context.dagster_run, incidents_folder())
    if told is not None:
        context.log.warning(f"{shown(told[0])}; {told[1]}")


def _step(entry: EventLogEntry) -> dict[str, str]:
    """A failed step, with the reason it gave or, without one, the innermost error."""
    data: Any = entry.get_dagster_event().step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return {"step": str(entry.step_key), "error": data.user_failure_data.description}
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return {"step": str(entry.step_key), "error": error.message.strip() if error else "no reason given"}


def _interruption(instance: DagsterInstance, run_id: str) -> str:
    """Why a run ended whose steps did not fail: what whoever closed it said."""
    kinds = {DagsterEventType.ENGINE_EVENT, DagsterEventType.RUN_FAILURE}
    said = [_told(entry) for entry in instance.all_logs(run_id, of_type=kinds)][-2:]
    return "\n".join(dict.fromkeys(said))


def _how_to_resume(run: DagsterRun, steps: Sequence[Mapping[str, str]], partition: str | None) -> list[str]:
    # The daemon starts only runs again that it knows how to start: none that a terminal ran in its own process.
    if run.tags.get("dagster/will_retry") == "true" and run.remote_job_origin is not None:
        return ["Nothing: it is started again from failure by itself, and a training goes on from its last checkpoint."]
    terminal = f"; in a terminal: make run SCENARIO={partition}" if run.job_name == "train_scenario" else ""
    again = (
        f"In the UI open the run {run.run_id} and choose Re-execute, From failure{terminal}. Finished steps are kept, "
        "and a training goes on from its last checkpoint if its options are the same."
    )
    return [*(["Change what the reason names, if it names an input or an option."] if steps else []), again]


def _line(entry: EventLogEntry) -> str:
    moment = datetime.fromtimestamp(entry.timestamp, UTC).strftime("%H:%M:%S")
    kind = f" {entry.dagster_event.event_type_value}" if entry.dagster_event else ""
    return f"{moment}{kind} {entry.step_key or '-'}: {_told(entry)}"


def _told(entry: EventLogEntry) -> str:
    event = entry.dagster_event
    return (event.message if event else entry.user_message) or ""
