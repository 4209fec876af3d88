"""The two shipped towns: one for learning, and one with a thousand people for speed."""

from __future__ import annotations

import time
from collections import Counter

from support.places import SCENARIOS
from support.villages import assert_everything_is_in_reach

from townlet.config import load_scenario
from townlet.config.town import Need


def test_town_day_is_one_town_with_fewer_showers_stoves_and_counters_than_people() -> None:
    scenario = load_scenario(SCENARIOS / "town_day.yaml")
    assert_everything_is_in_reach(scenario)
    assert (scenario.map.width, scenario.map.height, len(scenario.people)) == (48, 48, 8)
    assert (scenario.ticks, scenario.ticks_per_day) == (1000, 1000)
    things = Counter(thing.type for thing in scenario.objects.values())
    assert things["bed"] == 8 and all(things[kind] < 8 for kind in ("shower", "stove", "counter"))
    assert all(person.job for person in scenario.people.values())
    assert len({(job.start, job.end) for job in scenario.jobs.values()}) >= 4


def test_town_day_leaves_time_for_all_needs_and_work() -> None:
    scenario = load_scenario(SCENARIOS / "town_day.yaml")
    decay = scenario.rules.needs.decay
    busy = 0.0
    uses: dict[Need, str] = {"hunger": "cook", "hygiene": "wash", "energy": "sleep"}
    for need, use in uses.items():
        affordance = scenario.affordances[use]
        busy += decay[need] * scenario.ticks_per_day / affordance.effects[need] * affordance.ticks
    work = max(job.end - job.start for job in scenario.jobs.values())
    assert 0.5 * scenario.ticks_per_day < busy + work < 0.8 * scenario.ticks_per_day


def test_town_large_is_one_town_of_a_thousand_and_loads_in_less_than_two_seconds() -> None:
    begun = time.process_time()
    scenario = load_scenario(SCENARIOS / "town_large.yaml")
    assert time.process_time() - begun < 2.0
    assert (scenario.map.width, scenario.map.height, len(scenario.people)) == (192, 192, 1000)
    assert_everything_is_in_reach(scenario)


def test_town_large_has_the_rules_of_town_day_and_as_much_of_everything_per_head() -> None:
    day, large = (load_scenario(SCENARIOS / f"{name}.yaml") for name in ("town_day", "town_large"))
    assert (large.rules, large.affordances) == (day.rules, day.affordances)
    counts = [Counter(thing.type for thing in town.objects.values()) for town in (day, large)]
    assert {kind: number * 125 for kind, number in counts[0].items()} == counts[1]
