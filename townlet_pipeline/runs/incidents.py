"""What a person needs who finds a failed run: one page per failure, and a message to whoever should hear of it."""

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
from townlet.text.markdown import code, fenced, plain
from townlet_pipeline.instance.project import project_root, shown
from townlet_pipeline.runs.masking import masked
from townlet_pipeline.runs.webhook import WEBHOOK, post, webhook
from townlet_pipeline.runs.worker import worker_of

_LOG_LINES = 40
#: How far back the sensor's first look goes. What failed before has nobody waiting for it.
_LOOK_BACK_SECONDS = 7 * 86400
#: A run's entry may be written a little later than its time says; looked at twice, it has one page.
_OVERLAP_SECONDS = 60
#: So many messages, each with its deadline, are within what a sensor may take.
_RUNS_AT_ONCE = 4
#: How Dagster begins the sentence on a run whose process ended before the run did.
_CRASH = "Run execution process for"
#: What Dagster says where whoever closed a run said nothing.
_SAID_NOTHING = "This run has been marked as failed from outside the execution context."
#: How the reasons begin that are about options, which re-executing takes as they were.
_OPTIONS = re.compile(r"[a-z ]*options: ")


def incidents_folder() -> Path:
    """Where incident files lie."""
    return project_root() / "runs" / "incidents"


def report_incident(instance: DagsterInstance, run: DagsterRun, folder: Path) -> tuple[Path, str] | None:
    """Write ``<time>-<run>.md`` and ``.json`` for a failed run, and post it where ``$TOWNLET_WEBHOOK`` says.

    Returns the page and a sentence on the message; None if the run has its incident already. A message that cannot be
    posted loses nothing: the files are written first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # A terminal reports its own run, which the sensor sees as well.
    with filelock.FileLock(folder / ".writing.lock"):
        if any(folder.glob(f"*-{run.run_id}.json")):
            return None
        incident = describe(instance, run)
        moment = datetime.fromisoformat(incident["failed_at"]).strftime("%Y%m%dT%H%M%SZ")
        page = folder / f"{moment}-{run.run_id}.md"
        write_atomically(page, as_markdown(incident))
        write_atomically(page.with_suffix(".json"), pretty_json(incident))
    url = webhook()
    return page, post(url, _message(incident, page)) if url else f"nobody was told: {WEBHOOK} is not set"


def describe(instance: DagsterInstance, run: DagsterRun) -> dict[str, Any]:
    """What failed, why, what the log said last, and how to go on, without secrets; it can be written as JSON."""
    record = instance.get_run_record_by_id(run.run_id)
    ended = record.end_time if record is not None and record.end_time else datetime.now(UTC).timestamp()
    steps = [_step(entry) for entry in instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE)]
    last = instance.get_records_for_run(run.run_id, limit=_LOG_LINES, ascending=False).records
    partition = run.tags.get("dagster/partition")
    incident = {
        "run_id": run.run_id,
        "job": run.job_name,
        "scenario": partition,
        "failed_at": datetime.fromtimestamp(ended, UTC).isoformat(timespec="seconds"),
        "kind": "step" if steps else "interrupted",
        "reason": steps[0]["error"] if steps else _interruption(instance, run),
        "steps": steps,
        "tags": {name: value for name, value in run.tags.items() if not name.startswith(".dagster/")},
        "run_config": run.run_config,
        "how_to_resume": _how_to_resume(run, steps, partition),
        "log_tail": [_line(record.event_log_entry) for record in reversed(last)],
    }
    return {name: masked(value) for name, value in incident.items()}


def as_markdown(incident: Mapping[str, Any]) -> str:
    """The incident as a page; texts of people and programs are shown as they are, not read as markup."""
    where = f" of {plain(incident['scenario'])}" if incident["scenario"] else ""
    reason = [plain(line) for line in incident["reason"].splitlines() if line.strip()]
    lines = [f"# {plain(incident['job'])}{where} failed", "", "\n\n".join(reason), ""]
    for step in incident["steps"]:
        lines += [f"- step {code(step['step'])}"]
    lines += [
        f"- run {code(incident['run_id'])}, {incident['failed_at']}",
        *(f"- {plain(name)}: {plain(value)}" for name, value in sorted(incident["tags"].items())),
        *["", "## What to do", ""],
        *(f"{number}. {plain(what)}" for number, what in enumerate(incident["how_to_resume"], 1)),
        *["", "## What it was told", "", fenced(json.dumps(incident["run_config"], indent=2), "json")],
        *["", "## The log's last lines", "", fenced("\n".join(incident["log_tail"])), ""],
    ]
    return "\n".join(lines)


def _message(incident: Mapping[str, Any], page: Path) -> dict[str, Any]:
    """What is posted: the incident, and its gist under ``text``, as chats expect it."""
    where = f" of {incident['scenario']}" if incident["scenario"] else ""
    text = f"{incident['job']}{where} failed: {incident['reason']}\n{shown(page)}"
    return {"text": text, "incident": dict(incident)}


@sensor(
    name="incidents",
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Writes a page about each failed run into runs/incidents, those of the week before its first look "
    f"included, and posts it as JSON where ${WEBHOOK} says.",
)
def incidents(context: SensorEvaluationContext) -> SensorResult:
    """See :func:`report_incident`; the cursor is the time up to which runs were looked at."""
    since = float(context.cursor) if context.cursor else time.time() - _LOOK_BACK_SECONDS
    failed = RunsFilter(
        statuses=[DagsterRunStatus.FAILURE],
        updated_after=datetime.fromtimestamp(since - _OVERLAP_SECONDS, UTC),
    )
    records = context.instance.get_run_records(failed, order_by="update_timestamp", ascending=True)
    reported: list[str] = []
    for record in records:
        told = report_incident(context.instance, record.dagster_run, incidents_folder())
        since = max(since, record.update_timestamp.timestamp())
        if told is not None:
            context.log.warning(f"{shown(told[0])}; {told[1]}")
            reported.append(shown(told[0]))
        if len(reported) == _RUNS_AT_ONCE:
            break
    return SensorResult(cursor=str(since), skip_reason=", ".join(reported) or "every failed run has its page")


def _step(entry: EventLogEntry) -> dict[str, str]:
    """A failed step, with the reason it gave or, without one, the innermost error."""
    data: Any = entry.get_dagster_event().step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return {"step": str(entry.step_key), "error": data.user_failure_data.description}
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return {"step": str(entry.step_key), "error": error.message.strip() if error else "no reason given"}


def _interruption(instance: DagsterInstance, run: DagsterRun) -> str:
    """Why a run ended whose steps did not fail: what whoever closed it said."""
    kinds = {DagsterEventType.ENGINE_EVENT, DagsterEventType.RUN_FAILURE}
    said = [_told(entry) for entry in instance.all_logs(run.run_id, of_type=kinds)]
    for crash in (told for told in said if _CRASH in told):
        return f"The run's worker, {worker_of(run) or 'a process'}, is gone: it was killed, or ended itself.\n{crash}"
    return "\n".join(dict.fromkeys([told for told in said if told != _SAID_NOTHING][-2:])) or _SAID_NOTHING


def _how_to_resume(run: DagsterRun, steps: Sequence[Mapping[str, str]], partition: str | None) -> list[str]:
    # The daemon starts only runs again that it knows how to start: none that a terminal ran in its own process.
    if run.tags.get("dagster/will_retry") == "true" and run.remote_job_origin is not None:
        return ["Nothing: it is started again from failure by itself, and a training goes on from its last checkpoint."]
    launch = (
        f"In the UI open the run {run.run_id}, choose Open in Launchpad, change what the reason names, and launch it; "
        "in a terminal, give the command another option. Re-executed, it would get the same options and fail again."
    )
    if steps and all(_OPTIONS.match(step["error"]) for step in steps):
        return [launch]
    terminal = f"; in a terminal: make run SCENARIO={partition}" if run.job_name == "train_scenario" else ""
    again = (
        f"In the UI open the run {run.run_id} and choose Re-execute, From failure{terminal}. Finished steps are kept, "
        "and a training goes on from its last checkpoint if its options are the same."
    )
    if not steps:
        return [again]
    return [f"If a file or the machine was at fault, put that right. {again}", f"If an option was at fault: {launch}"]


def _line(entry: EventLogEntry) -> str:
    moment = datetime.fromtimestamp(entry.timestamp, UTC).strftime("%H:%M:%S")
    kind = f" {entry.dagster_event.event_type_value}" if entry.dagster_event else ""
    return f"{moment}{kind} {entry.step_key or '-'}: {_told(entry)}"


def _told(entry: EventLogEntry) -> str:
    event = entry.dagster_event
    return (event.message if event else entry.user_message) or ""
