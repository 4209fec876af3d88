"""Checks across sections of a scenario: every name refers to something, and everything fits on the map."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from townlet.config.scenario import Scenario
from townlet.config.town import OBJECT_VERBS, PLAIN_VERBS, Instruction, Tile
from townlet.config.training import combination_faults
from townlet.errors import nearest_name

#: A path inside the scenario, what was found, and what was expected.
Finding = tuple[str, str, str]

#: Most tiles of wall, overlapping ones counted each time, as a multiple of the map's tiles.
_MOST_WALLS = 16
#: Most bytes of a town's route tables (see townlet/world/state/layout.py), and their bytes per tile of the map.
_MOST_BYTES, _BYTES_PER_TYPE, _BYTES_PER_WORKPLACE = 2**30, 36, 4


def find_broken_references(scenario: Scenario) -> list[Finding]:
    """Return all faults that no single section can detect."""
    oversize = list(_sizes(scenario))
    if oversize:
        return oversize
    return [
        *_objects_and_affordances(scenario),
        *_jobs_and_people(scenario),
        *_tiles(scenario),
        *_schedules(scenario),
        *_money(scenario),
        *_perturbations(scenario),
        *((f"training.{name}", found, expected) for name, found, expected in combination_faults(scenario.training)),
    ]


def _unknown(path: str, name: str, known: Iterable[str], what: str = "") -> Iterator[Finding]:
    known = list(known)
    if name not in known:
        yield path, repr(name), f"{what}{nearest_name(name, known)}"


def _objects_and_affordances(scenario: Scenario) -> Iterator[Finding]:
    placed = {item.type for item in scenario.objects.values()}
    for name, item in scenario.objects.items():
        yield from _unknown(f"objects.{name}.type", item.type, scenario.object_types, "a type with an affordance, ")
    for name, affordance in scenario.affordances.items():
        yield from _unknown(f"affordances.{name}.object", affordance.object, placed, "the type of an object, ")
        if not affordance.work and not affordance.effects:
            yield f"affordances.{name}.effects", "no effect", "an effect on a need, or work: true"
        workplaces = [scenario.objects.get(job.workplace) for job in scenario.jobs.values()]
        if affordance.work and not any(place is None or place.type == affordance.object for place in workplaces):
            yield f"affordances.{name}.work", "true", f"a job whose workplace is a {affordance.object}"


def _jobs_and_people(scenario: Scenario) -> Iterator[Finding]:
    work_types = {affordance.object for affordance in scenario.affordances.values() if affordance.work}
    for name, job in scenario.jobs.items():
        path = f"jobs.{name}.workplace"
        yield from _unknown(path, job.workplace, scenario.objects)
        if job.workplace in scenario.objects and scenario.objects[job.workplace].type not in work_types:
            yield path, repr(job.workplace), "an object whose type has an affordance with work: true"
        if job.end > scenario.ticks_per_day:
            yield f"jobs.{name}.end", str(job.end), f"at most ticks_per_day, {scenario.ticks_per_day}"
        if not any(person.job == name for person in scenario.people.values()):
            yield f"jobs.{name}", "a job that nobody has", "people with this job"
    for name, person in scenario.people.items():
        if person.job is not None:
            yield from _unknown(f"people.{name}.job", person.job, scenario.jobs)


def _tiles(scenario: Scenario) -> Iterator[Finding]:
    import numpy as np

    width, height = scenario.map.width, scenario.map.height
    walled = np.full((height, width), -1, np.int32)
    for index, wall in enumerate(scenario.map.walls):
        for corner in ("corner", "opposite"):
            yield from _outside(scenario, f"map.walls.{index}.{corner}", getattr(wall, corner))
        (x1, x2), (y1, y2) = (sorted(pair) for pair in zip(wall.corner, wall.opposite, strict=True))
        walled[y1 : y2 + 1, x1 : x2 + 1] = index
    places = [(f"objects.{name}.at", item.at) for name, item in scenario.objects.items()]
    places += [(f"people.{name}.at", person.at) for name, person in scenario.people.items()]
    taken: dict[Tile, str] = {}
    for path, tile in places:
        yield from _outside(scenario, path, tile)
        if tile not in taken and tile[0] < width and tile[1] < height and walled[tile[1], tile[0]] >= 0:
            taken[tile] = f"map.walls.{walled[tile[1], tile[0]]}"
        if tile in taken:
            yield path, str(list(tile)), f"a tile that {taken[tile]} does not occupy"
        taken[tile] = path.removesuffix(".at")


def _sizes(scenario: Scenario) -> Iterator[Finding]:
    """Yield what would need too much memory or time, however few worlds there are."""
    width, height = scenario.map.width, scenario.map.height
    walls = sum(
        math.prod(abs(first - last) + 1 for first, last in zip(wall.corner, wall.opposite, strict=True))
        for wall in scenario.map.walls
    )
    if walls > _MOST_WALLS * width * height:
        expected = f"at most {_MOST_WALLS} times the map's {width * height:,}"
        yield "map.walls", f"{walls:,} tiles of wall", expected
    workplaces, types = len({job.workplace for job in scenario.jobs.values()}), len(scenario.object_types)
    needed = width * height * (types * _BYTES_PER_TYPE + workplaces * _BYTES_PER_WORKPLACE)
    if needed > _MOST_BYTES:
        found = f"{width}×{height} tiles, {types} types of object and {workplaces} workplaces"
        yield (
            "map",
            found,
            f"route tables of at most 1 GiB, not {needed / 2**30:.1f}; use a smaller map, or fewer types or workplaces",
        )


def _outside(scenario: Scenario, path: str, tile: Tile) -> Iterator[Finding]:
    width, height = scenario.map.width, scenario.map.height
    if tile[0] >= width or tile[1] >= height:
        yield path, str(list(tile)), f"a tile inside the {width}×{height} map, [0, 0] to [{width - 1}, {height - 1}]"


def _schedules(scenario: Scenario) -> Iterator[Finding]:
    for name, instructions in scenario.schedule.items():
        yield from _unknown(f"schedule.{name}", name, scenario.people)
        last = -1
        for index, instruction in enumerate(instructions):
            path = f"schedule.{name}.{index}"
            if not last < instruction.at < scenario.ticks:
                earlier = f"after {last} and " if last >= 0 else ""
                yield f"{path}.at", str(instruction.at), f"a tick {earlier}before the end, {scenario.ticks}"
            else:
                last = instruction.at
            yield from _instruction(f"{path}.do", instruction, scenario)


def _instruction(path: str, instruction: Instruction, scenario: Scenario) -> Iterator[Finding]:
    if instruction.do in PLAIN_VERBS:
        return
    verb, _, target = instruction.do.partition(" ")
    if verb not in OBJECT_VERBS:
        verbs = [*PLAIN_VERBS, *(f"{known} {kind}" for known in OBJECT_VERBS for kind in scenario.object_types)]
        yield path, repr(instruction.do), nearest_name(instruction.do, verbs)
    elif target not in {*scenario.object_types, *(item.type for item in scenario.objects.values())}:
        yield path, repr(instruction.do), f"{verb} and an object type, {nearest_name(target, scenario.object_types)}"


def _money(scenario: Scenario) -> Iterator[Finding]:
    economy, life, reward = scenario.rules.economy, scenario.rules.lifecycle, scenario.rules.reward
    sellers = {affordance.object for affordance in scenario.affordances.values() if affordance.uses_stock}
    for name, units in economy.stock_per_day.items():
        path = f"rules.economy.stock_per_day.{name}"
        if name in scenario.object_types and name not in sellers:
            yield path, str(units), f"an affordance of the {name} with uses_stock: true"
        yield from _unknown(path, name, scenario.object_types, "a type of object, ")
    earned = any(job.wage > 0.0 for job in scenario.jobs.values())
    for name, affordance in scenario.affordances.items():
        if affordance.uses_stock and affordance.object not in economy.stock_per_day:
            yield f"affordances.{name}.uses_stock", "true", f"{affordance.object} in rules.economy.stock_per_day"
        if affordance.price > economy.start_wallet and not earned:
            payable = f"at most rules.economy.start_wallet, {economy.start_wallet:g}, or a job with a wage"
            yield f"affordances.{name}.price", f"{affordance.price:g}", payable
    if life.eviction_debt > 0.0 and economy.rent_per_day == 0.0:
        yield "rules.lifecycle.eviction_debt", f"{life.eviction_debt:g}", "0, or rules.economy.rent_per_day above 0"
    if reward.eviction > 0.0 and life.eviction_debt == 0.0:
        yield "rules.reward.eviction", f"{reward.eviction:g}", "0, or rules.lifecycle.eviction_debt above 0"


def _perturbations(scenario: Scenario) -> Iterator[Finding]:
    fate, affordances = scenario.rules.perturbations, scenario.affordances.values()
    needed = {
        "power_outage": (any(use.utility == "power" for use in affordances), "an affordance with utility: power"),
        "water_outage": (any(use.utility == "water" for use in affordances), "an affordance with utility: water"),
        "price_spike": (any(use.price > 0.0 for use in affordances), "an affordance with a price"),
    }
    for kind, (there, what) in needed.items():
        chance = getattr(fate, kind).per_day
        if chance > 0.0 and not there:
            yield f"rules.perturbations.{kind}.per_day", f"{chance:g}", f"0, or {what}"
    if fate.closure.per_day > 0.0:
        path = "rules.perturbations.closure.object"
        yield from _unknown(path, fate.closure.object, scenario.object_types, "a type of object, ")
