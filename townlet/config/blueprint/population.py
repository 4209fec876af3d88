"""The people of a blueprint: where each lives, what it is like, and where and when it works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from townlet.config.blueprint.building import Building
from townlet.config.blueprint.draws import Draws
from townlet.config.blueprint.faults import Misfit, refusal
from townlet.config.blueprint.model import Blueprint, JobBlueprint, PeopleBlueprint
from townlet.config.blueprint.names import name_people
from townlet.config.town import TRAITS, Tile

#: Name of a workplace, and number of the shift in its job.
Post = tuple[str, int]


def settle_people(blueprint: Blueprint, buildings: Sequence[Building]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Jobs and people as a scenario file would have them. Raises ValidationError if homes are too small."""
    people = blueprint.people
    starts = _start_tiles(people, buildings, Draws(blueprint.seed, "homes"))
    posts = _posts(blueprint, buildings, starts)
    jobs, job_of = _name_jobs(blueprint, posts)
    draws = Draws(blueprint.seed, "characters")
    entries = {}
    for person, name in enumerate(name_people(people.count)):
        entries[name] = {
            "at": list(starts[person]),
            "needs": {need: draws.between(bounds) for need, bounds in people.needs.items()},
            "job": job_of.get(person),
            "personality": {trait: draws.between(getattr(people.personality, trait)) for trait in TRAITS},
        }
    return jobs, entries


def quotas(blueprint: Blueprint) -> dict[str, int]:
    """How many people have each job; the sum of all of them is rounded, not each."""
    numbers = {}
    given, total = 0, 0.0
    for name, job in blueprint.jobs.items():
        total += job.share
        upto = min(round(total * blueprint.people.count), blueprint.people.count)
        numbers[name] = upto - given
        given = upto
    return numbers


def _start_tiles(people: PeopleBlueprint, buildings: Sequence[Building], draws: Draws) -> list[Tile]:
    homes = [building for building in buildings if building.lot.kind == people.home]
    members: list[list[int]] = [[] for _ in homes]
    for person in range(people.count):
        members[person * len(homes) // people.count].append(person)
    starts: dict[int, Tile] = {}
    for home, family in zip(homes, members, strict=True):
        if len(family) > len(home.free):
            path = ("blueprint", "people", "per_home")
            expected = f"at most {len(home.free)}, the number of free tiles in {home.lot.name}"
            raise refusal([Misfit(path, people.per_home, expected)])
        starts.update(zip(family, draws.shuffled(home.free), strict=False))
    return [starts[person] for person in range(people.count)]


def _posts(blueprint: Blueprint, buildings: Sequence[Building], starts: list[Tile]) -> dict[str, dict[Post, list[int]]]:
    """Who works where and when, by kind of job."""
    waiting = Draws(blueprint.seed, "jobs").shuffled(range(len(starts)))
    posts = {}
    for name, number in quotas(blueprint).items():
        job = blueprint.jobs[name]
        workers, waiting = waiting[:number], waiting[number:]
        workplaces = {
            thing: tile
            for building in buildings
            if building.lot.kind == job.building
            for thing, (kind, tile) in building.objects.items()
            if kind == job.object
        }
        posts[name] = _deal(job, workers, workplaces, starts)
    return posts


def _deal(
    job: JobBlueprint, workers: list[int], workplaces: dict[str, Tile], starts: list[Tile]
) -> dict[Post, list[int]]:
    """Workers over shifts by turns, and in each to the nearest object that still wants somebody."""
    staff: dict[Post, list[int]] = {(thing, shift): [] for thing in workplaces for shift in range(len(job.shifts))}
    most = -(-len(workers) // len(staff))
    for turn, worker in enumerate(workers):
        shift, (x, y) = turn % len(job.shifts), starts[worker]
        open_places = [thing for thing in workplaces if len(staff[thing, shift]) < most]
        nearest = min(open_places, key=lambda thing: abs(workplaces[thing][0] - x) + abs(workplaces[thing][1] - y))
        staff[nearest, shift].append(worker)
    return staff


def _name_jobs(blueprint: Blueprint, posts: dict[str, dict[Post, list[int]]]) -> tuple[dict[str, Any], dict[int, str]]:
    """The jobs that somebody has, as ``barista_1``, ``barista_2``, and who has which."""
    jobs: dict[str, Any] = {}
    job_of: dict[int, str] = {}
    for kind, staff in posts.items():
        job = blueprint.jobs[kind]
        taken = [post for post, workers in staff.items() if workers]
        for number, (thing, shift) in enumerate(taken, 1):
            name = f"{kind}_{number}"
            start, end = job.shifts[shift]
            jobs[name] = {"workplace": thing, "start": start, "end": end, "wage": job.wage}
            job_of.update((worker, name) for worker in staff[thing, shift])
    return jobs, job_of
