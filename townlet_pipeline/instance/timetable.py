"""The timetable: when each scheduled job starts, and when its assets are due. Environment variables change it."""

import os
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from townlet.errors import Fault, InputError
from townlet_pipeline.instance.environment import environment, timezone

#: Says whether the schedules of a new instance are on.
SCHEDULES = "TOWNLET_SCHEDULES"

#: Added to an asset's time window, because daylight saving may insert an hour.
_SLACK = timedelta(hours=1)
_DAY = timedelta(days=1)
#: Days before and after a moment among which its nearest starts are: the longest job is due within three days.
_NEAR = range(-11, 9)


@dataclass(frozen=True)
class Plan:
    """The start of a job, the assets that are due after it, and how long after it they are."""

    starts: str
    """A cron expression with one start a day: minute, hour, ``*``, ``*`` and days of the week."""
    allowed: timedelta
    assets: tuple[str, ...]
    description: str
    weekly: bool = True
    """Whether the job starts on one day of the week, rather than on each."""
    each: timedelta | None = None
    """The longest time that the job works on one scenario, on two cores; None if nothing bounds it."""

    @property
    def deadline(self) -> str:
        """The cron expression of the moment at which the assets are due."""
        minute, hour, _, _, days = self.starts.split()
        over, moment = divmod(timedelta(hours=int(hour), minutes=int(minute)) + self.allowed, _DAY)
        after = days if days == "*" else ",".join(map(str, sorted({(day + over) % 7 for day in _days(days)})))
        return f"{moment.seconds // 60 % 60} {moment.seconds // 3600} * * {after}"

    @property
    def within(self) -> timedelta:
        """The longest time before the deadline at which the assets may have been made."""
        return self.allowed + _SLACK

    def next_start(self, moment: datetime) -> datetime:
        """Return the first start after a moment, in the time zone of the timetable."""
        return min(start for start in self._starts(moment) if start > moment)

    def last_due(self, moment: datetime) -> datetime:
        """Return the last start whose deadline is over at a moment, in the time zone of the timetable."""
        return max(start for start in self._starts(moment) if start + self.allowed <= moment)

    def _starts(self, moment: datetime) -> Iterator[datetime]:
        minute, hour, _, _, days = self.starts.split()
        zone = zoneinfo.ZoneInfo(timezone())
        for days_later in _NEAR:
            day = moment.astimezone(zone).date() + timedelta(days=days_later)
            if days == "*" or day.isoweekday() % 7 in _days(days):
                yield datetime.combine(day, time(int(hour), int(minute)), zone)


#: Plans by job. Daylight saving skips or repeats none of these hours in most of the world.
_PLANS = {
    "nightly_soak": Plan(
        "0 4 * * *",
        timedelta(hours=4),
        ("soak_run", "soak_drift", "acceptance_report"),
        "A soak of each scenario that has a promoted baseline, and its acceptance report.",
        weekly=False,
        each=timedelta(minutes=10),
    ),
    "weekly_endurance": Plan(
        "0 5 * * 6",
        timedelta(days=2, hours=3),
        ("endurance_run", "endurance_report"),
        "An endurance run of each scenario that has a promoted baseline.",
        each=timedelta(hours=2),
    ),
    "refresh_baselines": Plan(
        "0 5 * * 0",
        timedelta(days=1, hours=3),
        ("conflict_baselines",),
        "Baselines measured again, to compare with the promoted ones. It promotes nothing.",
    ),
    "document_baselines": Plan(
        "30 5 * * 0",
        timedelta(days=1, hours=2, minutes=30),
        ("baseline_document",),
        "The page of all promoted baselines, measured again.",
    ),
    "nightly_policies": Plan(
        "0 6 * * *",
        timedelta(hours=4),
        (),
        "A soak of each policy made elsewhere whose declaration says `nightly: true`, and the report on it.",
        weekly=False,
    ),
    "refresh_morning": Plan(
        "0 8 * * *",
        timedelta(hours=1),
        ("morning_overview",),
        "The morning page, at the deadline of the nightly soaks: what is not there by then was missed.",
        weekly=False,
    ),
}


def variable_of(job: str) -> str:
    """Return the environment variable that sets another start for a job."""
    return f"TOWNLET_{job.upper()}_CRON"


def schedules_on(variables: Mapping[str, str] = os.environ) -> bool:
    """Return whether schedules are on by default: as ``$TOWNLET_SCHEDULES`` says (on or off), else only if shared.

    What somebody switches in the UI counts before that. Raises InputError for another value.
    """
    named = variables.get(SCHEDULES, "").strip()
    if named not in ("", "on", "off"):
        raise InputError.of("environment", SCHEDULES, repr(named), "on or off")
    return named == "on" if named else environment(variables).name == "shared"


def plans(variables: Mapping[str, str] = os.environ) -> dict[str, Plan]:
    """Return the plan of each scheduled job, with the start that its variable sets, if any.

    Raises InputError for each start that is not once a day or, for a weekly job, once a week.
    """
    chosen = {job: variables.get(variable_of(job), "").strip() or plan.starts for job, plan in _PLANS.items()}
    faults = [
        Fault("environment", variable_of(job), repr(starts), _EXPECTED_WEEKLY if plan.weekly else _EXPECTED)
        for job, plan in _PLANS.items()
        if not _is_start(starts := chosen[job], weekly=plan.weekly)
    ]
    if faults:
        raise InputError(faults)
    planned = {job: replace(plan, starts=chosen[job]) for job, plan in _PLANS.items()}
    if not variables.get(variable_of("refresh_morning"), "").strip():
        # When a night is due moves with its start.
        at = planned["nightly_soak"].deadline
        planned["refresh_morning"] = replace(planned["refresh_morning"], starts=at)
    return planned


_EXPECTED = "minute, hour and days of one start a day, such as '30 22 * * *', or '0 4 * * 1-5' for working days only"
_EXPECTED_WEEKLY = "minute, hour and day of one start a week, such as '0 5 * * 6' for Saturdays at 5"


def _is_start(starts: str, *, weekly: bool) -> bool:
    found = re.fullmatch(r"(\d\d?) +(\d\d?) +\* +\* +(\*|[0-6]-[0-6]|[0-6](,[0-6])*)", starts)
    if found is None or int(found[1]) > 59 or int(found[2]) > 23:
        return False
    days = _days(found[3])
    return len(days) == 1 if weekly else found[3] == "*" or bool(days)


def _days(field: str) -> set[int]:
    """Return the days in cron's field of weekdays, Sunday as 0; none for ``*`` and for a backward range."""
    if "-" in field:
        first, last = map(int, field.split("-"))
        return set(range(first, last + 1))
    return {int(day) for day in field.split(",") if day != "*"}
