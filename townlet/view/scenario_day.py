"""Tables of the day in a scenario: shifts and scripts, and the rules that are in force."""

from __future__ import annotations

from collections.abc import Iterator

from townlet.config.rules import OutageRules
from townlet.config.scenario import Scenario
from townlet.config.town import Personality
from townlet.telemetry.formatting import count
from townlet.view.scenario_tables import Rows, named

SHIFT_COLUMNS = ("job", "day", "shift", "workplace", "wage", "who")
SCRIPT_COLUMNS = ("person", "script, from tick to tick")
RULE_COLUMNS = ("rules in force", "here")
#: Width of a day, in characters.
_DAY = 20


def shift_rows(scenario: Scenario) -> Rows:
    """One row of :data:`SHIFT_COLUMNS` per job."""
    holders: dict[str, list[str]] = {}
    for name, person in scenario.people.items():
        if person.job is not None:
            holders.setdefault(person.job, []).append(name)
    day = scenario.ticks_per_day
    rows: Rows = []
    for name, job in scenario.jobs.items():
        begin, end = (min(round(_DAY * tick / day), _DAY) for tick in (job.start, job.end))
        end = max(end, begin + 1)
        bar = f"{'·' * begin}{'█' * (end - begin)}{'·' * (_DAY - end)}"
        wage, who = f"{job.wage:g}", named(holders.get(name, []))
        rows.append((name, bar, f"{job.start}–{job.end}", job.workplace, wage, who))
    return rows


def script_rows(scenario: Scenario) -> Rows:
    """One row of :data:`SCRIPT_COLUMNS` per person with a schedule."""
    return [
        (name, ", ".join(f"{entry.at} {entry.do}" for entry in entries)) for name, entries in scenario.schedule.items()
    ]


def rule_rows(scenario: Scenario) -> Rows:
    """One row of :data:`RULE_COLUMNS` per rule that is in force, with its constants."""
    groups = (_of_queues, _of_people, _of_work, _of_the_town)
    return [row for group in groups for row in group(scenario)]


def _of_queues(scenario: Scenario) -> Iterator[tuple[str, str]]:
    queue, rivalry = scenario.rules.queue, scenario.rules.rivalry
    yield "capacity", "an object serves one person at a time; the others queue"
    if queue.cooldown_ticks:
        yield "cooldown", f"{_ticks(queue.cooldown_ticks)} after a use before one can queue for the same object"
    yield "ghost step", f"a holder who does nothing for {_ticks(queue.ghost_step_after)} goes to the end of the queue"
    yield "overstay", f"{_ticks(queue.fair_use_ticks)} of repeated use while others wait are a conflict"
    if queue.age_priority_weight:
        yield "age priority", "people who have waited long resist being passed"
    if queue.patience_ticks:
        yield "patience", f"waiting {_ticks(queue.patience_ticks)} makes people of average patience resent the holder"
    yield (
        "grudges",
        f"{rivalry.increment_per_conflict:g} per unit of a conflict's intensity, {rivalry.decay_per_tick:g} "
        f"less per tick; from {rivalry.avoid_threshold:g} on the other is avoided",
    )


def _of_people(scenario: Scenario) -> Iterator[tuple[str, str]]:
    needs, ties, rules = scenario.rules.needs, scenario.rules.relationships, scenario.rules
    if any(fall > 0.0 for fall in needs.decay.values()):
        yield (
            "fainting",
            f"after {_ticks(needs.faint_after)} with a need at 0; a newcomer arrives "
            f"{_ticks(needs.newcomer_after)} later",
        )
    if rules.personality.strength and any(person.personality != Personality() for person in scenario.people.values()):
        yield "personality", f"strength {rules.personality.strength:g}"
    if ties.max_ties:
        meals = ", shared meals" if ties.shared_meals else ""
        yield "ties", f"up to {ties.max_ties} per person, by chats{meals} and help"
    lifecycle = rules.lifecycle
    if lifecycle.eviction_debt:
        yield "eviction", f"at a debt of {lifecycle.eviction_debt:g} when rent is due"
    if lifecycle.departure_after:
        yield (
            "moving away",
            f"after {_ticks(lifecycle.departure_after)} with average needs below {lifecycle.departure_mood:g}",
        )


def _of_work(scenario: Scenario) -> Iterator[tuple[str, str]]:
    work, economy = scenario.rules.employment, scenario.rules.economy
    if any(person.job for person in scenario.people.values()):
        yield (
            "shifts",
            f"due {_ticks(work.due_before)} before the start; late after {_ticks(work.grace_ticks)}, "
            f"absent after {work.absent_after}",
        )
    if work.late_help:
        yield "late help", "a chat or a call reminds a colleague, and their lateness costs nothing"
    if work.takeover:
        yield "takeover", "a colleague may do the work of somebody late or absent, for the wage"
    if economy.rent_per_day or economy.start_wallet:
        yield "money", f"{economy.start_wallet:g} on arrival, rent {economy.rent_per_day:g} per day"
    for kind, units in economy.stock_per_day.items():
        yield "stock", f"each {kind} sells {units} per day"


def _of_the_town(scenario: Scenario) -> Iterator[tuple[str, str]]:
    events = scenario.rules.perturbations
    for name in type(events).model_fields:
        event: OutageRules = getattr(events, name)
        if event.per_day:
            what = f" of a {events.closure.object}" if name == "closure" else ""
            yield name.replace("_", " ") + what, f"with probability {event.per_day:g} a day, for {_ticks(event.ticks)}"


def _ticks(amount: int) -> str:
    return count(amount, "tick")
