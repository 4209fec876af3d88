"""Content of a drawn town's scenario file."""

from __future__ import annotations

from typing import Any

from townlet.config.blueprint import Blueprint
from townlet.config.blueprint.draws import Draws
from townlet.config.blueprint.streets import smallest_map
from townlet.config.drawn.buildings import draw_buildings
from townlet.config.drawn.capacities import draw_capacities
from townlet.config.drawn.common import DAY, OBSERVATIONS, TRAINING
from townlet.config.drawn.rules import draw_jobs, draw_rules
from townlet.config.drawn.uses import Uses, draw_demand, with_showers
from townlet.config.scenario import Scenario
from townlet.config.town import TRAITS
from townlet.errors import InputError

#: Bounds of the number of people that one can ask for.
FEWEST_PEOPLE, MOST_PEOPLE = 4, 500


def drawn_scenario(number: int, *, people: int | None = None) -> Scenario:
    """Return the town of a number, from 0 on; the same number always gives the same town.

    Args:
        number: the number from which everything is drawn; see :mod:`townlet.config.drawn.numbers`.
        people: the size of the population, which is drawn by default. Another size changes the numbers of buildings and
            objects, so that there is about as much of everything per head.

    Raises InputError for a number below 0 or above 2⁶³ − 1, or too few or too many people.
    """
    return Scenario.model_validate(drawn_content(number, people))


def drawn_content(number: int, people: int | None = None) -> dict[str, Any]:
    """Return the content of the scenario file of :func:`drawn_scenario`, with a blueprint."""
    if not 0 <= number < 2**63:
        raise InputError.of("number", "", f"{number}", "a whole number from 0 to 2⁶³ − 1")
    if people is not None and not FEWEST_PEOPLE <= people <= MOST_PEOPLE:
        raise InputError.of("people", "", f"{people}", f"a whole number from {FEWEST_PEOPLE} to {MOST_PEOPLE}")
    capacities, uses = draw_capacities(number)
    inhabitants = capacities.people if people is None else people
    buildings = draw_buildings(number, capacities, inhabitants)
    uses = _with_rounded_showers(uses, number, buildings, inhabitants)
    rules = draw_rules(number, uses)
    living = rules["economy"]["rent_per_day"] + uses.food_cost
    blueprint = {
        "seed": number,
        "street": 2 + Draws(number, "streets").below(3),
        "buildings": buildings,
        "people": _people(number, inhabitants, buildings),
        "jobs": draw_jobs(number, capacities, buildings, inhabitants, living),
    }
    return {
        "name": f"drawn_{number}" if people is None else f"drawn_{number}_with_{people}",
        "description": f"A town of {inhabitants} people, drawn from the number {number}.",
        "ticks": DAY,
        "ticks_per_day": DAY,
        "seed": number,
        "map": _map(number, blueprint),
        "blueprint": blueprint,
        "affordances": uses.affordances,
        "rules": rules,
        **({"observations": OBSERVATIONS} if OBSERVATIONS else {}),
        "training": TRAINING,
    }


def _with_rounded_showers(uses: Uses, number: int, buildings: dict[str, Any], people: int) -> Uses:
    """The uses with the drawn demand on the showers, of which other numbers of people have not quite as many each."""
    gym = buildings["gym"]
    return with_showers(uses, number, draw_demand(number), gym["count"] * gym["objects"]["shower"] / people)


def _people(number: int, count: int, buildings: dict[str, Any]) -> dict[str, Any]:
    draws = Draws(number, "population")
    needs = {need: [draws.between((0.4, 0.6)), draws.between((0.8, 1.0))] for need in ("hunger", "hygiene", "energy")}
    traits = {trait: [draws.between((0.0, 0.4)), draws.between((0.6, 1.0))] for trait in TRAITS}
    per_home = -(-count // buildings["home"]["count"])
    return {"count": count, "home": "home", "per_home": per_home, "needs": needs, "personality": traits}


def _map(number: int, blueprint: dict[str, Any]) -> dict[str, int]:
    """A map on which the buildings fit, with up to a quarter more tiles either way."""
    draws = Draws(number, "map")
    width, height = smallest_map(Blueprint.model_validate(blueprint))
    return {"width": width + draws.below(width // 4 + 1), "height": height + draws.below(height // 4 + 1)}
