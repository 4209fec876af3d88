"""Population of a blueprint: homes, personalities, and jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from townlet.config.blueprint.building import Building
from townlet.config.blueprint.draws import Draws
from townlet.config.blueprint.misfits import Misfit, refusal
from townlet.config.blueprint.model import Blueprint, JobBlueprint, PeopleBlueprint
from townlet.config.blueprint.names import name_people
from townlet.config.town import TRAITS, Tile

#: A workplace's name, and the number of a shift of its job.
Post = tuple[str, int]


def settle_people(blueprint: Blueprint, buildings: Sequence[Building]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return jobs and people as in a scenario file. Raises ValidationError if homes are too small."""
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
    """Return the number of people with each job; running totals are rounded, so that rounding errors do not add up."""
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
    """The people at each workplace and shift, by kind of job."""
    waiting = Draws(blueprint.seed, "jobs").shuffled(range(len(starts)))
    posts = {}
    for name, number in quotas(blueprint).items():
        job = blueprint.jobs[name]
        workers, waiting = waiting[:number], waiting[number:]
        workplaces = {
            item: tile
            for building in buildings
            if building.lot.kind == job.building
            for item, (kind, tile) in building.objects.items()
            if kind == job.object
        }
        posts[name] = _deal(job, workers, workplaces, starts)
    return posts


def _deal(
    job: JobBlueprint, workers: list[int], workplaces: dict[str, Tile], starts: list[Tile]
) -> dict[Post, list[int]]:
    """Distribute workers over shifts in turn, each to the nearest object with a vacancy."""
    staff: dict[Post, list[int]] = {(item, shift): [] for item in workplaces for shift in range(len(job.shifts))}
    most = -(-len(workers) // len(staff))
    for turn, worker in enumerate(workers):
        shift, (x, y) = turn % len(job.shifts), starts[worker]
        open_places = [item for item in workplaces if len(staff[item, shift]) < most]
        nearest = min(open_places, key=lambda item: abs(workplaces[item][0] - x) + abs(workplaces[item][1] - y))
        staff[nearest, shift].append(worker)
    return staff


def _name_jobs(blueprint: Blueprint, posts: dict[str, dict[Post, list[int]]]) -> tuple[dict[str, Any], dict[int, str]]:
    """The jobs that people have, named ``barista_1``, ``barista_2``, and each worker's job."""
    jobs: dict[str, Any] = {}
    job_of: dict[int, str] = {}
    for kind, staff in posts.items():
        job = blueprint.jobs[kind]
        taken = [post for post, workers in staff.items() if workers]
        for number, (item, shift) in enumerate(taken, 1):
            name = f"{kind}_{number}"
            start, end = job.shifts[shift]
            jobs[name] = {"workplace": item, "start": start, "end": end, "wage": job.wage}
            job_of.update((worker, name) for worker in staff[item, shift])
    return jobs, job_of
