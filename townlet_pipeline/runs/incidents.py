"""Incidents: a page about each failed run, for the person who finds it, and a message to a webhook."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock
from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    EventLogEntry,
    RunsFilter,
    SensorEvaluationContext,
    SensorResult,
    sensor,
)

from townlet.files.storage import pretty_json, write_atomically
from townlet.text.markdown import code, fenced, link, plain
from townlet_pipeline.instance.pages import handbook_url, incident_url, run_url
from townlet_pipeline.instance.project import command_line, project_root, shown
from townlet_pipeline.runs.failures import failure_reason
from townlet_pipeline.runs.masking import mask_secrets
from townlet_pipeline.runs.webhook import WEBHOOK, post, webhook_address
from townlet_pipeline.runs.worker import worker_of

_LOG_LINES = 40
#: How far back the sensor looks at first. Nobody waits for a page about an older failure.
_LOOK_BACK_SECONDS = 7 * 86400
#: A run's record may be written a little later than its time stamp says. A run seen twice still has one page.
_OVERLAP_SECONDS = 60
#: Reports in one tick of the sensor. This many messages, each with its own deadline, fit into the time it may take.
_REPORTS_PER_TICK = 4
#: How Dagster begins the sentence about a process that ended before its run did.
_CRASH = "Run execution process for"
#: What Dagster says of a run that was closed without a reason.
_NO_REASON = "This run has been marked as failed from outside the execution context."
#: How a reason begins if an option is at fault; re-executing the run would use the same options.
_OPTIONS = re.compile(r"[a-z ]*options: ")


def incidents_folder() -> Path:
    """Return the folder of incident files."""
    return project_root() / "runs" / "incidents"


def report_incident(instance: DagsterInstance, run: DagsterRun, folder: Path) -> tuple[Path, str] | None:
    """Write ``<time>-<run>.md`` and ``.json`` about a failed run, and post the latter to ``$TOWNLET_WEBHOOK``.

    Returns the page and a sentence on the message's outcome, or None if the run already has its page. The files are
    written first, so nothing is lost if the message cannot be posted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A terminal reports its own run, and the sensor sees the same run.
    with filelock.FileLock(folder / ".writing.lock"):
        if any(folder.glob(f"*-{run.run_id}.json")):
            return None
        incident = describe_incident(instance, run)
        moment = datetime.fromisoformat(incident["failed_at"]).strftime("%Y%m%dT%H%M%SZ")
        page = folder / f"{moment}-{run.run_id}.md"
        write_atomically(page, as_markdown(incident))
        write_atomically(page.with_suffix(".json"), pretty_json(incident))
    url = webhook_address()
    return page, post(url, _webhook_message(incident, page)) if url else f"no message was sent: {WEBHOOK} is not set"


def describe_incident(instance: DagsterInstance, run: DagsterRun) -> dict[str, Any]:
    """Return what failed, why, the log's last lines and how to resume, as JSON values without secrets."""
    record = instance.get_run_record_by_id(run.run_id)
    ended = record.end_time if record is not None and record.end_time else datetime.now(UTC).timestamp()
    steps = [_failed_step(entry) for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE)]
    last = instance.get_records_for_run(run.run_id, limit=_LOG_LINES, ascending=False).records
    partition = run.tags.get("dagster/partition")
    incident = {
        "run_id": run.run_id,
        "job": run.job_name,
        "scenario": partition,
        "failed_at": datetime.fromtimestamp(ended, UTC).isoformat(timespec="seconds"),
        "kind": "step" if steps else "interrupted",
        "reason": steps[0]["error"] if steps else _interruption_reason(instance, run),
        "steps": steps,
        "tags": {name: value for name, value in run.tags.items() if not name.startswith(".dagster/")},
        "run_config": run.run_config,
        "how_to_resume": _how_to_resume(run, steps, partition),
        "log_tail": [_log_line(record.event_log_entry) for record in reversed(last)],
    }
    return {name: mask_secrets(value) for name, value in incident.items()}


def as_markdown(incident: Mapping[str, Any]) -> str:
    """Return the incident as a page. Texts of people and programs are escaped, so that none of them acts as markup."""
    reason = [plain(line) for line in incident["reason"].splitlines() if line.strip()]
    row = "night-failed" if incident["job"] == "nightly_soak" else "something-is-red"
    lines = [f"# {plain(_title(incident))}", "", "\n\n".join(reason), ""]
    lines += [
        *["## What to do", ""],
        *(f"{number}. {plain(action)}" for number, action in enumerate(incident["how_to_resume"], 1)),
        *["", f"If that does not help: {link('Handbook', handbook_url(row))}", "", "## The run", ""],
        f"- run {link(incident['run_id'], run_url(incident['run_id']))}, {incident['failed_at']}",
        *(f"- step {code(step['step'])}" for step in incident["steps"]),
        *(f"- {plain(name)}: {plain(value)}" for name, value in sorted(incident["tags"].items())),
        *["", "## Options of the run", "", fenced(json.dumps(incident["run_config"], indent=2), "json")],
        *["", "## Last lines of the log", "", fenced("\n".join(incident["log_tail"])), ""],
    ]
    return "\n".join(lines)


def _webhook_message(incident: Mapping[str, Any], page: Path) -> dict[str, Any]:
    """Return what is posted: the incident, and a summary under ``text``, where chats expect it."""
    text = f"{_title(incident)}: {incident['reason']}\nWhat to do: {incident_url(page.name)}"
    return {"text": text, "incident": dict(incident)}


def _title(incident: Mapping[str, Any]) -> str:
    """Return what failed: the job, and the partition with its parts set apart for people."""
    partition = incident["scenario"]
    return (
        f"{incident['job']} of {', '.join(partition.split('|'))} failed" if partition else f"{incident['job']} failed"
    )


@sensor(
    name="incidents",
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Writes a page about each failed run into runs/incidents, at first for the runs of the past week, "
    f"and posts it as JSON to ${WEBHOOK}.",
)
def incidents(context: SensorEvaluationContext) -> SensorResult:
    """Report failed runs: see :func:`report_incident`. The cursor is the time up to which runs have been reported."""
    since = float(context.cursor) if context.cursor else time.time() - _LOOK_BACK_SECONDS
    failed = RunsFilter(
        statuses=[DagsterRunStatus.FAILURE],
        updated_after=datetime.fromtimestamp(since - _OVERLAP_SECONDS, UTC),
    )
    records = context.instance.get_run_records(failed, order_by="update_timestamp", ascending=True)
    reported: list[str] = []
    for record in records:
        report = report_incident(context.instance, record.dagster_run, incidents_folder())
        since = max(since, record.update_timestamp.timestamp())
        if report is not None:
            page, outcome = report
            context.log.warning(f"{shown(page)}; {outcome}")
            reported.append(shown(page))
        if len(reported) == _REPORTS_PER_TICK:
            break
    return SensorResult(cursor=str(since), skip_reason=", ".join(reported) or "every failed run has its page")


def _failed_step(entry: EventLogEntry) -> dict[str, str]:
    return {"step": str(entry.step_key), "error": failure_reason(entry.get_dagster_event())}


def _interruption_reason(instance: DagsterInstance, run: DagsterRun) -> str:
    """Return why a run ended in which no step failed: its dead worker, else the log's last two explanations."""
    kinds = {DagsterEventType.ENGINE_EVENT, DagsterEventType.RUN_FAILURE}
    messages = [_message_of(entry) for entry in instance.all_logs(run.run_id, of_type=kinds)]
    for crash in (message for message in messages if _CRASH in message):
        return f"The run's worker, {worker_of(run) or 'a process'}, is dead: it was killed, or ended itself.\n{crash}"
    return "\n".join(dict.fromkeys([message for message in messages if message != _NO_REASON][-2:])) or _NO_REASON


def _how_to_resume(run: DagsterRun, steps: Sequence[Mapping[str, str]], partition: str | None) -> list[str]:
    # The daemon restarts only runs with a remote origin: a run in a terminal's own process has none.
    if run.tags.get("dagster/will_retry") == "true" and run.remote_job_origin is not None:
        return [
            "Nothing: Dagster restarts the run from failure, and trainings and soaks resume from their last checkpoint."
        ]
    launch = (
        f"In the UI, open the run {run.run_id}, choose Open in Launchpad, change the option that the reason names, and "
        "launch the run. In a terminal, change the command's option. A re-executed run would have the same options "
        "and fail again."
    )
    if steps and all(_OPTIONS.match(step["error"]) for step in steps):
        return [launch]
    terminal = f" (in a terminal: {command_line('run', partition or '')})" if run.job_name == "train_scenario" else ""
    reexecute = (
        f"In the UI, open the run {run.run_id} and choose Re-execute, From failure{terminal}. Finished steps are kept, "
        "and a training or soak with the same options resumes from its last checkpoint."
    )
    if not steps:
        return [reexecute]
    return [
        f"If a file or the machine was at fault, fix that first. {reexecute}",
        f"If an option was at fault, correct it. {launch}",
    ]


def _log_line(entry: EventLogEntry) -> str:
    moment = datetime.fromtimestamp(entry.timestamp, UTC).strftime("%H:%M:%S")
    kind = f" {entry.dagster_event.event_type_value}" if entry.dagster_event else ""
    return f"{moment}{kind} {entry.step_key or '-'}: {_message_of(entry)}"


def _message_of(entry: EventLogEntry) -> str:
    event = entry.dagster_event
    return (event.message if event else entry.user_message) or ""
