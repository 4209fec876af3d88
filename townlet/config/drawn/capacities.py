"""Capacities of a drawn town: people, buildings and the objects in them, from ample to scarce."""

from __future__ import annotations

from typing import NamedTuple

from townlet.config.blueprint.draws import Draws
from townlet.config.drawn.uses import Uses, draw_demand, draw_uses, shower_counts, with_showers

#: People of a drawn town, fewest and most.
PEOPLE = (4, 16)
#: Most people in one home, and most who share a workplace during a shift.
FAMILY, COLLEAGUES = 4, 2
#: Highest demand on beds and on stoves, as if all meals were cooked.
_MOST_DEMAND = 0.65
#: Fall of energy per tick of work, at most, and ticks of the longest shift.
_TIRING, LONGEST_SHIFT = 0.0014, 400

#: Kinds of buildings, with the types of object in each.
OBJECTS = {
    "home": ("bed", "fridge"),
    "cafe": ("counter", "stove"),
    "office": ("desk",),
    "gym": ("shower",),
    "grocer": ("shelf",),
}
#: Kinds of jobs, with building and object.
JOBS = {"barista": ("cafe", "counter"), "clerk": ("office", "desk"), "grocer": ("grocer", "shelf")}


class Capacities(NamedTuple):
    """Numbers of people, homes and objects, and the people in each job and its shifts."""

    people: int
    homes: int
    objects: dict[str, int]
    """Objects of each type in one building."""
    workers: dict[str, int]
    shifts: dict[str, int]


def draw_capacities(number: int) -> tuple[Capacities, Uses]:
    """Draw how many there are of everything, and uses that go with it."""
    draws = Draws(number, "capacities")
    people = PEOPLE[0] + draws.below(PEOPLE[1] - PEOPLE[0] + 1)
    uses, demand = draw_uses(number), draw_demand(number)
    showers = _one_of(draws, shower_counts(uses, demand, people))
    uses = with_showers(uses, number, demand, showers / people)
    family = 1 + draws.below(FAMILY)
    homes = -(-people // family)
    tired = uses.decay["energy"] + _TIRING * LONGEST_SHIFT / 1000
    per_bed = people * uses.load("sleep") * tired / uses.decay["energy"] / homes
    workers = _shares(draws, people)
    shifts = {job: min(1 + draws.below(2), workers[job]) for job in JOBS}
    objects = {
        "bed": _between(draws, per_bed / _MOST_DEMAND, family),
        "fridge": 1 + draws.below(2),
        "stove": _between(draws, people * uses.load("cook") / _MOST_DEMAND, people // 3),
        "shower": showers,
    }
    for job, (_, kind) in JOBS.items():
        objects[kind] = _between(draws, workers[job] / shifts[job] / COLLEAGUES, -(-workers[job] // shifts[job]))
    return Capacities(people, homes, objects, workers, shifts), uses


def _one_of(draws: Draws, values: list[int]) -> int:
    return values[draws.below(len(values))]


def _between(draws: Draws, least: float, most: int) -> int:
    """A number between two bounds, of which the lower one counts most."""
    lowest = max(int(-(-least // 1)), 1)
    return lowest + draws.below(max(most - lowest, 0) + 1)


def _shares(draws: Draws, people: int) -> dict[str, int]:
    """All people, distributed over the jobs; everybody has one, and every job somebody."""
    weights = [draws.between((0.2, 1.0)) for _ in JOBS]
    workers, left = {}, people
    for place, job in enumerate(JOBS):
        others = len(JOBS) - place - 1
        workers[job] = min(max(round(left * weights[place] / sum(weights[place:])), 1), left - others)
        left -= workers[job]
    return workers
