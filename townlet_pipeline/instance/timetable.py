"""When what happens by itself begins, and by when its assets must be there; whoever runs it may choose other hours."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from townlet.errors import Fault, InputError

#: By how much longer ago an asset may have been made: the hour that daylight saving can put in between.
_SLACK = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Plan:
    """When a job begins, how long after that its assets must be there, and which ones those are."""

    starts: str
    """One start on each of some days of the week, as cron has it: minute, hour, ``*``, ``*`` and the days."""
    allowed: timedelta
    assets: tuple[str, ...]
    told: str
    weekly: bool = True
    """Whether it is for one day of the week, not for each."""

    @property
    def deadline(self) -> str:
        """By when the assets must be there, as cron has it."""
        minute, hour, _, _, days = self.starts.split()
        over, moment = divmod(timedelta(hours=int(hour), minutes=int(minute)) + self.allowed, _DAY)
        after = days if days == "*" else ",".join(map(str, sorted({(day + over) % 7 for day in _days(days)})))
        return f"{moment.seconds // 60 % 60} {moment.seconds // 3600} * * {after}"

    @property
    def within(self) -> timedelta:
        """How long before the deadline the assets may have been made."""
        return self.allowed + _SLACK


#: By job. The hours are not among those that daylight saving skips or repeats in most of the world.
_PLANS = {
    "nightly_soak": Plan(
        "0 4 * * *",
        timedelta(hours=4),
        ("soak_run", "soak_drift", "acceptance_report"),
        "A soak of each scenario that has a promoted baseline, and its acceptance report.",
        weekly=False,
    ),
    "weekly_endurance": Plan(
        "0 5 * * 6",
        timedelta(days=2, hours=3),
        ("endurance_run", "endurance_report"),
        "An endurance run of each scenario that has a promoted baseline.",
    ),
    "refresh_baselines": Plan(
        "0 5 * * 0",
        timedelta(days=1, hours=3),
        ("conflict_baselines",),
        "The baselines measured anew, to be compared with the promoted ones. It promotes nothing.",
    ),
    "document_baselines": Plan(
        "30 5 * * 0",
        timedelta(days=1, hours=2, minutes=30),
        ("baseline_document",),
        "The page of the promoted baselines, measured anew once for all of them.",
    ),
}


def variable_of(job: str) -> str:
    """The environment variable with which a job begins at another time."""
    return f"TOWNLET_{job.upper()}_CRON"


def plans(variables: Mapping[str, str] = os.environ) -> dict[str, Plan]:
    """The plan of each job that has one, each with the start that its variable names, if it names one.

    Raises InputError for each that is not one start a day, or a week, on days of the week.
    """
    chosen = {job: variables.get(variable_of(job), "").strip() or plan.starts for job, plan in _PLANS.items()}
    faults = [
        Fault("environment", variable_of(job), repr(starts), _EXPECTED_WEEKLY if plan.weekly else _EXPECTED)
        for job, plan in _PLANS.items()
        if not _is_start(starts := chosen[job], weekly=plan.weekly)
    ]
    if faults:
        raise InputError(faults)
    return {job: replace(plan, starts=chosen[job]) for job, plan in _PLANS.items()}


_EXPECTED = "minute, hour and days of one start a day, such as '30 22 * * *', or '0 4 * * 1-5' for working days alone"
_EXPECTED_WEEKLY = "minute, hour and day of one start a week, such as '0 5 * * 6' for Saturdays at 5"


def _is_start(starts: str, *, weekly: bool) -> bool:
    found = re.fullmatch(r"(\d\d?) +(\d\d?) +\* +\* +(\*|[0-6]-[0-6]|[0-6](,[0-6])*)", starts)
    if found is None or int(found[1]) > 59 or int(found[2]) > 23:
        return False
    days = _days(found[3])
    return len(days) == 1 if weekly else found[3] == "*" or bool(days)


def _days(field: str) -> set[int]:
    """The days in cron's field of them, Sunday as 0; none for ``*``, and for a range that runs backwards."""
    if "-" in field:
        first, last = map(int, field.split("-"))
        return set(range(first, last + 1))
    return {int(day) for day in field.split(",") if day != "*"}
