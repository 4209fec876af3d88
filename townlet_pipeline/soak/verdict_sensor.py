"""Sensor that tells people of held and rejected soaks, and of missed nights."""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, DefaultSensorStatus, SensorEvaluationContext, SensorResult, sensor
from pydantic import BaseModel

from townlet_pipeline.instance.dagster_definitions import get_current_datetime
from townlet_pipeline.instance.project import shown
from townlet_pipeline.instance.switches import switch_of
from townlet_pipeline.instance.timetable import plans
from townlet_pipeline.runs.incidents import incidents_folder
from townlet_pipeline.runs.webhook import POSTED, WEBHOOK, webhook_address
from townlet_pipeline.soak.alarms import Alarm, missed_night_alarm, post_alarm, verdict_alarm
from townlet_pipeline.soak.night_states import night_states
from townlet_pipeline.soak.verdict_record import verdicts_since

REPORTS = ("acceptance_report", "endurance_report", "outside_report")

_NIGHTLY = "nightly_soak"
#: How far back the sensor looks at first. Nobody waits for a message about an older night.
_LOOK_BACK_SECONDS = 2 * 86400.0
#: A record may reach the instance later than its time stamp says. A verdict seen twice is told once.
_OVERLAP_SECONDS = 600.0
#: Alarms in one tick of the sensor. This many messages, each with its own deadline, fit into the time it may take.
_ALARMS_PER_TICK = 4
#: How long a message that could not be posted is tried again.
_RETRY_SECONDS = 86400.0
#: A daemon that was down at the start of a night makes up for it at once. So a night without a run is missed only if
#: there is still none this much later.
_PATIENCE_SECONDS = 120.0


class Memory(BaseModel):
    """What the sensor remembers between two ticks; its cursor as JSON."""

    since: dict[str, float] = {}
    """Up to when each asset's verdicts were told, in seconds since the epoch."""
    unsent: dict[str, float] = {}
    """Names of alarms' files whose message could not be posted, and when that was first tried."""
    night: str = ""
    """The last night whose deadline was over when the sensor looked, and that is told or needs no message."""
    overdue: dict[str, float] = {}
    """When the sensor first saw that the night after it is overdue, by that night; empty if it is not."""


@sensor(
    name="verdicts",
    default_status=DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Writes a page about each soak that was held or rejected, and about each night that was missed while "
    f"its schedule was on, into runs/incidents, and posts it as JSON to ${WEBHOOK}.",
)
def verdicts(context: SensorEvaluationContext) -> SensorResult:
    """Post an alarm for each held or rejected verdict and each missed night: see :func:`post_alarms`."""
    memory = Memory.model_validate_json(context.cursor) if context.cursor else Memory()
    told = post_alarms(context.instance, memory, get_current_datetime(), context.log)
    reason = ", ".join(told) or "every held, rejected or missed night has its page"
    return SensorResult(cursor=memory.model_dump_json(), skip_reason=reason)


def post_alarms(instance: DagsterInstance, memory: Memory, moment: datetime, log: logging.Logger) -> list[str]:
    """Tell of verdicts and missed nights, each once, and return the new pages.

    A message that cannot be posted is tried again for a day. The memory is updated.

    Args:
        instance: the Dagster instance.
        memory: what the last call left.
        moment: the present.
        log: gets a line for each page and each message.
    """
    outbox = _Outbox(memory, moment.timestamp(), log)
    outbox.try_again()
    for alarm in _new_alarms(instance, memory, moment):
        if outbox.is_full():
            break
        outbox.tell(alarm)
    return outbox.told


class _Outbox:
    """The alarms of one tick: posted, unless the webhook has just failed, and written."""

    def __init__(self, memory: Memory, now: float, log: logging.Logger) -> None:
        self._memory, self._now, self._log, self._url = memory, now, log, webhook_address()
        self._works = self._url is not None
        self._tried = 0
        self.told: list[str] = []

    def is_full(self) -> bool:
        """Return whether nothing more fits into the tick."""
        return self._tried >= _ALARMS_PER_TICK

    def try_again(self) -> None:
        """Post what could not be posted before, the oldest first, until one message fails again."""
        for name, first in sorted(self._memory.unsent.items(), key=lambda item: item[1]):
            file = incidents_folder() / name
            if not file.exists() or self._url is None:
                del self._memory.unsent[name]
            elif self._now - first > _RETRY_SECONDS:
                del self._memory.unsent[name]
                self._log.error(f"{shown(file)}: given up after a day of attempts to post it")
            elif self._works and not self.is_full() and self._post(json.loads(file.read_text("utf-8")), file):
                del self._memory.unsent[name]

    def tell(self, alarm: Alarm) -> None:
        """Write and post an alarm, unless it was told before.

        Its page is written first: a full disk must not post it at every tick. It is marked as told last: if the process
        is killed in between, it is posted twice rather than never.
        """
        if alarm.is_told():
            return
        page = alarm.write_page()
        if self._url is None:
            self._log.info(f"no message is sent: {WEBHOOK} is not set")
        elif not (self._works and self._post(alarm.content, alarm.file)):
            self._memory.unsent[alarm.file.name] = self._now
        alarm.mark_told()
        self._log.warning(f"{alarm.content['title']}. {alarm.content['reason']} {shown(page)}")
        self.told.append(shown(page))

    def _post(self, content: Mapping[str, Any], file: Path) -> bool:
        """Return whether a message has arrived. If it has not, no other one is tried in this tick."""
        assert self._url is not None
        outcome = post_alarm(self._url, content, file)
        self._tried += 1
        self._works = outcome.startswith(POSTED)
        self._log.info(f"{file.name}: {outcome}" + ("" if self._works else "; it is tried again"))
        return self._works


def _new_alarms(instance: DagsterInstance, memory: Memory, moment: datetime) -> Iterator[Alarm]:
    """Yield alarms that may be new; the memory counts each as told once the next one is asked for."""
    for asset in REPORTS:
        since = memory.since.get(asset, moment.timestamp() - _LOOK_BACK_SECONDS)
        memory.since.setdefault(asset, since)
        for record in verdicts_since(instance, asset, since - _OVERLAP_SECONDS):
            if record.verdict != "accept":
                yield verdict_alarm(record)
            memory.since[asset] = max(memory.since[asset], record.made_at)
    yield from _missed_night(instance, memory, moment)


def _missed_night(instance: DagsterInstance, memory: Memory, moment: datetime) -> Iterator[Alarm]:
    """Yield the alarm about the last night that is due, if some of its scenarios have no verdict."""
    plan = plans()[_NIGHTLY]
    start = plan.last_due(moment)
    day = start.date().isoformat()
    if memory.night == day:
        return
    switch = switch_of(instance, _NIGHTLY)
    states = night_states(instance, day) if switch.since is not None and switch.since <= start else {}
    if not all(state.has_verdict for state in states.values()):
        memory.overdue = {day: memory.overdue.get(day, moment.timestamp())}
        if moment.timestamp() - memory.overdue[day] < _PATIENCE_SECONDS:
            return
        yield missed_night_alarm(day, list(states.values()), start + plan.allowed)
    memory.night, memory.overdue = day, {}
