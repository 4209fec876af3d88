"""Blueprints expand to towns that could have been written by hand, in which everybody can walk everywhere."""

from __future__ import annotations

import copy
import json
from collections import Counter
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support.villages import VILLAGE, assert_everything_is_in_reach, village

from townlet.config import Scenario
from townlet.config.blueprint import BuildingBlueprint
from townlet.config.blueprint.building import build
from townlet.config.blueprint.draws import Draws
from townlet.config.blueprint.names import name_people
from townlet.config.blueprint.streets import Lot


@st.composite
def towns(draw: st.DrawFn) -> dict[str, Any]:
    """Scenarios with arbitrary blueprints, most of which can be built."""
    types = ["bed", "desk", "stone"]
    contents = st.dictionaries(st.sampled_from(types), st.integers(1, 3))
    sides = st.one_of(st.integers(3, 12), st.integers(8, 12), st.integers(8, 12))
    buildings: dict[str, dict[str, Any]] = {
        kind: {
            "count": draw(st.integers(1, 6)),
            "size": [draw(sides), draw(sides)],
            "doors": draw(st.integers(1, 4)),
            "door_width": draw(st.sampled_from([1, 1, 1, 2, 3])),
            "objects": draw(contents),
        }
        for kind in ["home", "mill", "shop"][: draw(st.integers(1, 3))]
    }
    level = st.floats(0, 1)
    bounds = st.tuples(level, level).map(lambda pair: [min(pair), max(pair)])
    works = [(kind, thing) for kind, building in buildings.items() for thing in building["objects"]]
    jobs = {
        name: {
            "building": place[0],
            "object": place[1],
            "share": draw(st.sampled_from([0.25, 0.3, 0.5])),
            "shifts": draw(st.lists(st.sampled_from([[0, 10], [5, 20], [15, 30]]), min_size=1, max_size=3)),
            "wage": 0.1,
        }
        for name, place in zip(["clerk", "miller"], draw(st.permutations(works)), strict=False)
    }
    used = sorted({thing for building in buildings.values() for thing in building["objects"]})
    worked = {job["object"] for job in jobs.values()}
    return {
        "name": "anywhere",
        "description": "Any town.",
        "ticks": 10,
        "ticks_per_day": 30,
        "map": {"width": draw(st.integers(30, 90)), "height": draw(st.integers(30, 90))},
        "blueprint": {
            "seed": draw(st.integers(0, 1000)),
            "street": draw(st.integers(1, 3)),
            "buildings": buildings,
            "people": {
                "count": draw(st.integers(3, 12)),
                "home": draw(st.sampled_from(sorted(buildings))),
                "per_home": draw(st.integers(4, 12)),
                "needs": draw(st.dictionaries(st.sampled_from(["hunger", "energy"]), bounds)),
                "personality": {"ambition": draw(bounds)},
            },
            "jobs": jobs,
        },
        "affordances": {
            f"use_{thing}": {"object": thing, "ticks": 2, "effects": {"hunger": 0.1}, "work": thing in worked}
            for thing in used
        },
    }


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(towns())
def test_any_blueprint_is_refused_at_its_fields_or_becomes_one_whole_town(content: dict[str, Any]) -> None:
    before = copy.deepcopy(content)
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        event("refused")
        assert {(fault["type"], fault["loc"][0]) for fault in error.errors()} == {("blueprint", "blueprint")}
        return
    event("built")
    assert content == before
    assert_everything_is_in_reach(scenario)
    blueprint = content["blueprint"]
    standing = Counter(thing.type for thing in scenario.objects.values())
    for building in blueprint["buildings"].values():
        standing.subtract({thing: number * building["count"] for thing, number in building["objects"].items()})
    assert not any(standing.values())
    assert len(scenario.people) == blueprint["people"]["count"]
    assert sum(person.job is not None for person in scenario.people.values()) == min(
        round(sum(job["share"] for job in blueprint["jobs"].values()) * len(scenario.people)), len(scenario.people)
    )
    again = Scenario.model_validate(content)
    assert again == scenario and list(again.objects) == list(scenario.objects)
    low, high = blueprint["people"]["personality"]["ambition"]
    assert all(low <= person.personality.ambition <= high for person in scenario.people.values())


def test_an_expanded_scenario_is_as_if_written_by_hand() -> None:
    scenario = village()
    assert scenario.blueprint is None
    for mode in ("python", "json"):
        written = scenario.model_dump(mode=mode)
        assert "blueprint" not in written
        assert Scenario.model_validate(written) == scenario
    by_hand = Scenario.model_validate(json.loads(scenario.model_dump_json()))
    assert (by_hand.digest, by_hand.town_digest) == (scenario.digest, scenario.town_digest)


def test_equal_seeds_make_equal_towns_and_different_seeds_different_ones() -> None:
    assert village().digest == village(seed=3).digest
    digests = {village(seed=seed).digest for seed in range(20)}
    assert len(digests) == 20


def test_more_objects_change_nobodys_personality() -> None:
    content = yaml.safe_load(VILLAGE)["blueprint"]
    mill = content["buildings"]["mill"] | {"objects": {"stone": 3}}
    before, after = village().people, village(buildings=content["buildings"] | {"mill": mill}).people
    assert [(p.needs, p.personality) for p in before.values()] == [(p.needs, p.personality) for p in after.values()]


def test_people_start_at_home_with_drawn_needs_and_traits_and_readable_names() -> None:
    scenario = village()
    assert list(scenario.people) == ["anna", "ben", "cara", "dan", "erin", "finn"]
    for place, person in enumerate(scenario.people.values()):
        beds = [scenario.objects[f"bed_home_{1 + place // 3}_{number}"].at for number in (1, 2, 3)]
        assert min(abs(person.at[0] - x) + abs(person.at[1] - y) for x, y in beds) <= 8
        assert 0.25 <= person.needs["energy"] <= 0.75 and 0.0 <= person.personality.patience <= 0.2
        assert person.personality.ambition == 0.5
    assert len({person.needs["energy"] for person in scenario.people.values()}) > 3


def test_a_job_is_dealt_out_over_its_shifts_and_workplaces() -> None:
    scenario = village()
    assert {(job.workplace, job.start, job.end) for job in scenario.jobs.values()} <= {
        (f"stone_mill_1_{number}", *shift) for number in (1, 2) for shift in ((5, 20), (15, 30))
    }
    assert sorted(person.job for person in scenario.people.values() if person.job) == [
        "miller_1",
        "miller_2",
        "miller_3",
    ]


def test_names_are_readable_and_each_is_given_once() -> None:
    for count in (1, 8, 1000, 10_000):
        names = name_people(count)
        assert len(set(names)) == count
    assert name_people(1000)[62] == "anna_carter"
    assert all(name.count("_") == 1 for name in name_people(1000))


@pytest.mark.parametrize("doors", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(20))
def test_nobody_blocks_a_door_by_using_something(doors: int, seed: int) -> None:
    plan = BuildingBlueprint(size=(9, 7), doors=doors, door_width=2, objects={"stone": 2})
    house = build(Lot("mill", 1, 9, 7, x=1, y=1), plan, Draws(seed, "doors"))
    walls = {
        (x, y)
        for (left, top), (right, bottom) in house.walls
        for x in range(left, right + 1)
        for y in range(top, bottom + 1)
    }
    doorways = {(x, y) for x in range(1, 10) for y in range(1, 8) if x in (1, 9) or y in (1, 7)} - walls
    assert len(doorways) == 2 * doors
    behind = {
        (x, y)
        for i, j in doorways
        for x, y in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1))
        if 1 < x < 9 and 1 < y < 7
    }
    for x, y in doorways | behind:
        assert (x, y) not in house.free
        assert all(max(abs(x - i), abs(y - j)) > 1 for _, (i, j) in house.objects.values())


def test_the_json_schema_describes_blueprints_and_wants_people_or_one() -> None:
    schema = Scenario.model_json_schema()
    assert "people" not in schema["required"]
    assert schema["anyOf"] == [{"required": ["people"]}, {"required": ["blueprint"]}]
    share = schema["$defs"]["JobBlueprint"]["properties"]["share"]
    assert "distributed over shifts" in share["description"]
