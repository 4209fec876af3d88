"""Tables of a scenario for a reader: its people, its objects and their uses, and what is different from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from townlet.config.drawn import demands
from townlet.config.rules import RulesConfig
from townlet.config.scenario import Scenario
from townlet.config.town import NEEDS, TRAITS, AffordanceConfig, Personality
from townlet.view.floor_plan import FloorPlan

#: A table's rows, of cells.
Rows = list[tuple[str, ...]]

#: Most people who are listed by name in a cell.
_NAMED = 4

PEOPLE_COLUMNS = ("person", "home", "job", "shift", "workplace", "wage", "personality")
USE_COLUMNS = ("object", "count", "use", "ticks", "gives", "price", "when", "used by", "demand")


def people_rows(scenario: Scenario, plan: FloorPlan) -> Rows:
    """One row of :data:`PEOPLE_COLUMNS` per person; their home is the room in which they start, if that is one.

    Personalities are left empty where all are average.
    """
    rows: Rows = []
    differ = any(person.personality != Personality() for person in scenario.people.values())
    for name, person in scenario.people.items():
        room = int(plan.rooms[person.at[1], person.at[0]])
        job = scenario.jobs[person.job] if person.job is not None else None
        rows.append(
            (
                name,
                plan.names[room] if room >= 0 else "",
                person.job or "",
                f"{job.start}–{job.end}" if job else "",
                job.workplace if job else "",
                f"{job.wage:g}" if job else "",
                " ".join(f"{getattr(person.personality, trait):.1f}" for trait in TRAITS) if differ else "",
            )
        )
    return rows


def use_rows(scenario: Scenario) -> Rows:
    """One row of :data:`USE_COLUMNS` per affordance; the demand on a type of object is in the row of its first use."""
    placed, demand = Counter(item.type for item in scenario.objects.values()), demands(scenario)
    rows: Rows = []
    for name, use in scenario.affordances.items():
        relieves = any(effect > 0.0 for effect in use.effects.values())
        share = demand.pop(use.object, None) if relieves else None
        rows.append(
            (
                use.object,
                str(placed[use.object]),
                f"{name} (work)" if use.work else name,
                str(use.ticks),
                ", ".join(f"{need} {effect:+g}" for need, effect in use.effects.items()),
                f"{use.price:g}" if use.price else "",
                use.when or "",
                users_of(scenario, use),
                f"{share:.0%}" if share is not None else "",
            )
        )
    return rows


def users_of(scenario: Scenario, use: AffordanceConfig) -> str:
    """Who can use it, or does by the scenario's script: names, a number of people, or ``everybody``."""
    if use.work:
        places = {name for name, item in scenario.objects.items() if item.type == use.object}
        jobs = {name for name, job in scenario.jobs.items() if job.workplace in places}
        return named([name for name, person in scenario.people.items() if person.job in jobs])
    if scenario.schedule:
        does = {name for name, entries in scenario.schedule.items() if use.object in {each.target for each in entries}}
        return named([name for name in scenario.people if name in does])
    return "everybody"


def named(names: list[str]) -> str:
    """People by name, or their number if they are many."""
    return (", ".join(names) or "nobody") if len(names) <= _NAMED else f"{len(names)} people"


def differences(scenario: Scenario, other: Scenario | None) -> Rows:
    """The constants of rules and affordances that differ from another scenario's: name, here, there.

    Without another scenario, rules are compared with their defaults.
    """
    here = _constants(scenario.rules.model_dump(), "rules")
    there = _constants((other.rules if other else RulesConfig()).model_dump(), "rules")
    if other is not None:
        for each, into in ((scenario, here), (other, there)):
            for name, use in each.affordances.items():
                into |= _constants(use.model_dump(), f"affordances.{name}")
    names = dict.fromkeys([*here, *there])
    return [(name, here.get(name, "—"), there.get(name, "—")) for name in names if here.get(name) != there.get(name)]


def comparable(scenario: Scenario, other: Scenario) -> bool:
    """Whether two scenarios are different ones with the same uses of the same objects."""
    return scenario.name != other.name and [(name, use.object) for name, use in scenario.affordances.items()] == [
        (name, use.object) for name, use in other.affordances.items()
    ]


def summary_lines(scenario: Scenario) -> list[str]:
    """Sentences about size and needs."""
    decay = scenario.rules.needs.decay
    falls = ", ".join(f"{need} in {1 / decay[need]:,.0f}" for need in NEEDS if decay.get(need, 0.0) > 0.0)
    return [
        f"{scenario.map.width}×{scenario.map.height} tiles; people: {len(scenario.people):,}; objects: "
        f"{len(scenario.objects):,}; an episode has {scenario.ticks:,} ticks and a day {scenario.ticks_per_day:,}",
        f"ticks in which a need falls from 1 to 0: {falls}" if falls else "needs do not fall",
    ]


def _constants(section: Mapping[str, Any], path: str) -> dict[str, str]:
    return dict(_flat(section, path))


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}")
    else:
        yield path, f"{value:g}" if isinstance(value, float) else str(value)
