"""Alarms about nights and weekends: a page and a message for each held or rejected soak, and for each missed night."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from townlet.files.storage import pretty_json, write_atomically
from townlet.text.markdown import link, plain
from townlet_pipeline.instance.pages import handbook_url, incident_url, run_url
from townlet_pipeline.instance.project import shown
from townlet_pipeline.runs.incidents import incidents_folder
from townlet_pipeline.runs.masking import mask_secrets
from townlet_pipeline.runs.webhook import post
from townlet_pipeline.soak.night_states import NightState
from townlet_pipeline.soak.verdict_record import VerdictRecord

_SAID = {"hold": "held", "reject": "rejected"}


@dataclass(frozen=True)
class Alarm:
    """What is to be told once."""

    name: str
    """The end of the name of its files. An alarm whose JSON file exists was told."""
    moment: datetime
    content: dict[str, Any]
    """What is written and posted, as JSON values: `kind`, `title`, `reason`, `next_step` and what they are about."""

    @property
    def file(self) -> Path:
        """The JSON file of the alarm, with a page of the same name beside it."""
        return incidents_folder() / f"{self.moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{self.name}.json"

    def is_told(self) -> bool:
        """Return whether the alarm was told, whenever that was."""
        return any(incidents_folder().glob(f"*-{self.name}.json"))

    def write_page(self) -> Path:
        """Write the page, and return it."""
        page = self.file.with_suffix(".md")
        page.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(page, _as_markdown(self.content))
        return page

    def mark_told(self) -> None:
        """Write the JSON file."""
        write_atomically(self.file, pretty_json(self.content))


def verdict_alarm(record: VerdictRecord) -> Alarm:
    """Return the alarm about a soak that was not accepted. A later verdict of the same kind gives the same name."""
    which = "weekend" if record.asset == "endurance_report" else "night"
    said = _SAID.get(record.verdict, record.verdict)
    content = {
        "kind": "verdict",
        "title": f"{record.scenario}: the {which} of {record.when} is {said}",
        "scenario": record.scenario,
        which: record.when,
        "verdict": record.verdict,
        "reason": record.why,
        "next_step": record.next_step,
        "report": record.page or shown(record.file),
        "handbook": handbook_url(record.handbook),
        "run_id": record.run_id,
    }
    name = f"{which}-{record.when}-{record.scenario}-{said}"
    return Alarm(name, datetime.fromtimestamp(record.made_at, UTC), mask_secrets(content))


def missed_night_alarm(day: str, states: Sequence[NightState], moment: datetime) -> Alarm:
    """Return the alarm about the scenarios of a night that have no verdict at its deadline."""
    without = [state for state in states if not state.has_verdict]
    rows = [
        {
            "scenario": state.scenario,
            "state": state.state,
            "reason": state.why,
            "next_step": state.next_step,
            "handbook": handbook_url(state.handbook),
            "run_id": state.run_id,
            "incident": incident_url(state.incident.name) if state.incident else None,
        }
        for state in without
    ]
    some = f"{len(without)} of {len(states)} scenarios" if len(without) < len(states) else "any scenario"
    content = {
        "kind": "missed night",
        "title": f"The night of {day} has no verdict on {some}",
        "night": day,
        "reason": f"{'; '.join(map(_brief, without))}.",
        "next_step": "Do what each scenario's row says.",
        "scenarios": rows,
    }
    return Alarm(f"night-{day}-missed", moment, mask_secrets(content))


def _brief(state: NightState) -> str:
    return f"{state.scenario} {state.state}, {state.why[:1].lower()}{state.why[1:].removesuffix('.')}"


def post_alarm(url: str, content: Mapping[str, Any], file: Path) -> str:
    """Post the content of an alarm, in the form of an incident; return a sentence on the outcome.

    ``file`` is the alarm's JSON file, whether or not it exists yet.
    """
    return post(url, {"text": _as_text(content, file), "incident": dict(content)})


def _as_text(content: Mapping[str, Any], file: Path) -> str:
    """Return the summary that chats show."""
    lines = [f"{content['title']}. {content['reason']}"]
    for row in content.get("scenarios", ()):
        lines += [f"{row['scenario']}: {row['next_step']}{_see(row['incident'])} {row['handbook']}"]
    if content["kind"] == "verdict":
        lines += [f"Next step: {content['next_step']} {content['handbook']}", f"Report: {content['report']}"]
    return "\n".join([*lines, f"Page: {incident_url(file.with_suffix('.md').name)}"])


def _see(incident: str | None) -> str:
    return f" ({incident})" if incident else ""


def _as_markdown(content: Mapping[str, Any]) -> str:
    """Return the page. Texts are escaped, so that none of them acts as markup."""
    lines = [f"# {plain(content['title'])}", "", plain(content["reason"]), "", "## What to do", ""]
    rows = content.get("scenarios")
    if rows is None:
        lines += [f"{plain(content['next_step'])} {link('Handbook', content['handbook'])}", ""]
        lines += [f"- report: {_address(content['report'])}", f"- run: {_address(run_url(content['run_id']))}"]
    for row in rows or ():
        incident = f" {link('Incident', row['incident'])}." if row["incident"] else ""
        handbook = link("Handbook", row["handbook"])
        lines += [f"- {plain(row['scenario'])}: {plain(row['next_step'])}{incident} {handbook}"]
    return "\n".join([*lines, ""])


def _address(text: str) -> str:
    """Return an address as a link, or another text as it is."""
    return f"<{text}>" if text.startswith("http") else plain(text)
