"""Schedule of the nights: on which days they begin, and by when they are due."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from townlet.errors import InputError

#: The variables that set the schedule of the pipeline, and its time zone.
CRON_VARIABLE, ZONE_VARIABLE = "TOWNLET_NIGHTLY_SOAK_CRON", "TOWNLET_TIMEZONE"
DEFAULT_CRON = "0 4 * * *"
#: Time from the start of a night until it is due.
ALLOWED = timedelta(hours=4)

_CRON = re.compile(r"(\d\d?) +(\d\d?) +\* +\* +(\*|[0-6]-[0-6]|[0-6](?:,[0-6])*)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """One start a day, on some or all days of the week."""

    start: time
    weekdays: frozenset[int]
    """Monday is 0."""
    zone: str = "UTC"
    allowed: timedelta = ALLOWED

    def includes(self, day: date) -> bool:
        """Whether a night begins on a day."""
        return day.weekday() in self.weekdays

    def starts(self, day: date) -> datetime:
        """When the night of a day begins."""
        return datetime.combine(day, self.start, zoneinfo.ZoneInfo(self.zone))

    def due(self, day: date) -> datetime:
        """When the night of a day is due."""
        return self.starts(day) + self.allowed

    def today(self, now: datetime) -> date:
        """The day of a moment in the schedule's time zone."""
        return now.astimezone(zoneinfo.ZoneInfo(self.zone)).date()


def read_schedule(cron: str = DEFAULT_CRON, zone: str = "UTC", allowed: timedelta = ALLOWED) -> Schedule:
    """The schedule that a cron expression with one start a day sets, such as ``30 22 * * 1-5``.

    Raises InputError for another expression and for an unknown time zone.
    """
    found = _CRON.fullmatch(cron.strip())
    if found is None or int(found[1]) > 59 or int(found[2]) > 23 or not (days := _weekdays(found[3])):
        expected = "minute, hour and days of one start a day, such as '0 4 * * *'"
        raise InputError.of("environment", CRON_VARIABLE, repr(cron), expected)
    if zone not in zoneinfo.available_timezones():
        raise InputError.of("environment", ZONE_VARIABLE, repr(zone), "a zone such as Europe/Berlin")
    return Schedule(time(int(found[2]), int(found[1])), days, zone, allowed)


def read_moment(text: str | None) -> datetime:
    """A moment in ISO 8601 with its offset from UTC; the present if there is none. Raises InputError for others."""
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError.of("options", "--now", repr(text), "a moment such as 2026-11-30T09:00+00:00")
    return moment


def read_day(text: str, where: str = "--day") -> date:
    """A day in ISO 8601. Raises InputError for anything else."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise InputError.of("options", where, repr(text), "a day such as 2026-11-30") from None


def _weekdays(field: str) -> frozenset[int]:
    """The days in cron's field of weekdays, in which Sunday is 0; none for a backward range."""
    if field == "*":
        return frozenset(range(7))
    first, _, last = field.partition("-")
    days = range(int(first), int(last) + 1) if last else map(int, field.split(","))
    return frozenset((day - 1) % 7 for day in days)
