"""Expansion of a scenario's blueprint into walls, objects, jobs and people, as if written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ConfigDict

from townlet.config.base import Section, SomeTicks
from townlet.config.blueprint.building import Building, build
from townlet.config.blueprint.draws import Draws
from townlet.config.blueprint.misfits import Misfit, refusal
from townlet.config.blueprint.model import Blueprint
from townlet.config.blueprint.population import quotas, settle_people
from townlet.config.blueprint.streets import place_buildings
from townlet.config.town import MOST_OBJECTS, AffordanceConfig, MapConfig, Name
from townlet.errors import nearest_name

#: Most buildings in a town, and most pairs of worker and workplace among which to find the nearest.
_MOST_BUILDINGS, _MOST_CHOICES = 10_000, 20_000_000


class Ground(Section):
    """The sections of a scenario with which a blueprint must agree."""

    model_config = ConfigDict(extra="ignore")

    ticks_per_day: SomeTicks = 1000
    map: MapConfig
    affordances: dict[Name, AffordanceConfig] = {}
    blueprint: Blueprint


def expand_blueprint(content: dict[str, Any]) -> dict[str, Any]:
    """Return a scenario's content with walls, objects, jobs and people in place of its blueprint.

    Raises ValidationError with the path of every fault.
    """
    ground = Ground.model_validate(content)
    misfits = [*_given_twice(content), *_unknown_names(ground), *_numbers(ground)] or list(_too_many(ground.blueprint))
    if misfits:
        raise refusal(misfits)
    blueprint = ground.blueprint
    lots = place_buildings(blueprint, ground.map.width, ground.map.height)
    draws = Draws(blueprint.seed, "doors")
    buildings = [build(lot, blueprint.buildings[lot.kind], draws) for lot in lots]
    objects = _objects(buildings)
    jobs, people = settle_people(blueprint, buildings)
    walls = [
        {"corner": list(corner), "opposite": list(opposite)}
        for building in buildings
        for corner, opposite in building.walls
    ]
    rest = {key: value for key, value in content.items() if key != "blueprint"}
    return rest | {"map": content["map"] | {"walls": walls}, "objects": objects, "jobs": jobs, "people": people}


def _objects(buildings: list[Building]) -> dict[str, Any]:
    objects: dict[str, Any] = {}
    for building in buildings:
        for name, (kind, tile) in building.objects.items():
            if name in objects:
                path = ("blueprint", "buildings", building.lot.kind)
                raise refusal([Misfit(path, building.lot.kind, f"another name: there would be two objects {name}")])
            objects[name] = {"type": kind, "at": list(tile)}
    return objects


def _given_twice(content: dict[str, Any]) -> Iterator[Misfit]:
    for section in ("objects", "jobs", "people"):
        if content.get(section):
            yield Misfit((section,), content[section], f"nothing, because the blueprint makes the {section}")
    if content["map"].get("walls"):
        yield Misfit(("map", "walls"), content["map"]["walls"], "nothing, because the blueprint makes the walls")


def _unknown_names(ground: Ground) -> Iterator[Misfit]:
    blueprint = ground.blueprint
    used = {affordance.object for affordance in ground.affordances.values()}
    work = {affordance.object for affordance in ground.affordances.values() if affordance.work}
    for kind, building in blueprint.buildings.items():
        for item in sorted(building.objects.keys() - used):
            where = ("blueprint", "buildings", kind, "objects", item)
            yield Misfit(where, item, f"a type with an affordance, {nearest_name(item, used)}")
    home = blueprint.people.home
    if home not in blueprint.buildings:
        yield Misfit(("blueprint", "people", "home"), home, nearest_name(home, blueprint.buildings))
    for name, job in blueprint.jobs.items():
        path = ("blueprint", "jobs", name)
        place = blueprint.buildings.get(job.building)
        if place is None:
            yield Misfit((*path, "building"), job.building, nearest_name(job.building, blueprint.buildings))
        elif job.object not in place.objects:
            expected = f"an object of {job.building}, {nearest_name(job.object, place.objects)}"
            yield Misfit((*path, "object"), job.object, expected)
        elif job.object in used - work:
            yield Misfit((*path, "object"), job.object, "a type with an affordance that has work: true")


def _too_many(blueprint: Blueprint) -> Iterator[Misfit]:
    """Yield numbers that would take too long to place, or exceed the numbering."""
    buildings, items = blueprint.buildings, 0
    for kind, building in buildings.items():
        items += building.count * sum(building.objects.values())
        if items > MOST_OBJECTS:
            where = ("blueprint", "buildings", kind, "objects")
            yield Misfit(where, building.objects, f"at most {MOST_OBJECTS:,} objects in all buildings together")
            return
    count = sum(building.count for building in buildings.values())
    if count > _MOST_BUILDINGS:
        yield Misfit(("blueprint", "buildings"), count, f"at most {_MOST_BUILDINGS:,} buildings")
    for name, workers in quotas(blueprint).items():
        job = blueprint.jobs[name]
        places = buildings[job.building].count * buildings[job.building].objects[job.object] * len(job.shifts)
        if workers * places > _MOST_CHOICES:
            expected = f"fewer: {workers:,} people cannot be dealt out over {places:,} places and shifts"
            yield Misfit(("blueprint", "jobs", name, "share"), job.share, expected)


def _numbers(ground: Ground) -> Iterator[Misfit]:
    blueprint, day = ground.blueprint, ground.ticks_per_day
    people = blueprint.people
    homes = blueprint.buildings[people.home].count if people.home in blueprint.buildings else people.count
    if people.count > homes * people.per_home:
        expected = f"at most {homes * people.per_home}, with {people.per_home} in each {people.home}"
        yield Misfit(("blueprint", "people", "count"), people.count, expected)
    total = sum(job.share for job in blueprint.jobs.values())
    for name, number in quotas(blueprint).items():
        path = ("blueprint", "jobs", name)
        job = blueprint.jobs[name]
        if total > 1.0 + 1e-9:
            yield Misfit((*path, "share"), job.share, f"shares that add up to at most 1, not {total:.3g}")
        elif number == 0:
            yield Misfit((*path, "share"), job.share, f"at least one of {people.count} people")
        for place, shift in enumerate(job.shifts):
            if shift[1] > day:
                where = (*path, "shifts", str(place), "1")
                yield Misfit(where, shift[1], f"at most ticks_per_day, {day}")
