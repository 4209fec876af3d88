"""Towns drawn from a number: always valid, with the observations and actions of ``town_day``, and fit to live in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from townlet.behavior.heuristic import HeuristicBehavior
from townlet.config import Scenario, load_scenario
from townlet.config.drawn import (
    FEWEST_PEOPLE,
    READERS,
    TEST,
    TRAINING,
    VALIDATION,
    demands,
    drawn_content,
    drawn_scenario,
    drawn_yaml,
    shower_demand,
)
from townlet.config.drawn.common import DECAY
from townlet.config.find import scenario_of
from townlet.config.validate_scenario import validated_scenario
from townlet.errors import InputError
from townlet.study.conflict.evaluate import evaluate
from townlet.world import Town
from townlet.world.state.routes import UNREACHABLE

NUMBERS = st.integers(0, 2**31)
TOWN_DAY = Town(scenario_of("town_day"), worlds=1, seed=0)


@settings(max_examples=60)
@given(NUMBERS)
def test_any_number_gives_a_town_with_the_observations_and_actions_of_town_day(number: int) -> None:
    scenario = validated_scenario(drawn_content(number), "drawn")
    assert scenario == drawn_scenario(number)
    town = Town(scenario, worlds=1, seed=0)
    assert town.observation_schema == TOWN_DAY.observation_schema
    assert town.action_names == TOWN_DAY.action_names
    assert list(scenario.affordances) == list(TOWN_DAY.scenario.affordances)
    assert 4 <= len(scenario.people) <= 16
    starts = [person.at[1] * scenario.map.width + person.at[0] for person in scenario.people.values()]
    assert len(np.unique(town.layout.region[starts])) == 1
    assert all(person.job is not None for person in scenario.people.values())
    assert (town.layout.near_distance[starts][:, :, 0] < UNREACHABLE).all()


@given(NUMBERS)
def test_needs_can_be_met(number: int) -> None:
    scenario = drawn_scenario(number)
    demand = demands(scenario)
    assert 0.3 <= demand["shower"] == shower_demand(scenario) <= 0.9
    assert max(demand["bed"], demand["stove"]) < 0.7
    for need, fall in scenario.rules.needs.decay.items():
        assert 0.69 < fall / DECAY[need] < 1.31


@given(NUMBERS, st.none() | st.integers(FEWEST_PEOPLE, 60))
def test_a_punctual_worker_can_pay_for_rent_and_meals(number: int, people: int | None) -> None:
    scenario = drawn_scenario(number, people=people)
    cook, rules = scenario.affordances["cook"], scenario.rules
    living = rules.economy.rent_per_day + rules.needs.decay["hunger"] * 1000 / cook.effects["hunger"] * cook.price
    jobs = [scenario.jobs[person.job] for person in scenario.people.values() if person.job is not None]
    colleagues = Counter((job.workplace, job.start) for job in jobs)
    assert all(job.wage * (job.end - job.start) / colleagues[job.workplace, job.start] > 1.3 * living for job in jobs)
    assert people is not None or max(colleagues.values()) <= 2


@given(NUMBERS, st.integers(FEWEST_PEOPLE, 60))
def test_any_number_of_people_gets_a_valid_town_with_the_same_demand_on_showers(number: int, people: int) -> None:
    scenario = validated_scenario(drawn_content(number, people), "drawn")
    assert len(scenario.people) == people
    assert shower_demand(scenario) == pytest.approx(shower_demand(drawn_scenario(number)), abs=0.005)


@pytest.mark.parametrize("number", [VALIDATION[0], 12345, 7])
def test_two_hundred_people_have_as_much_of_everything_each(number: int) -> None:
    small, large = drawn_scenario(number), validated_scenario(drawn_content(number, 200), "drawn")
    assert len(large.people) == 200
    for kind, count in objects_per_head(small).items():
        assert objects_per_head(large)[kind] == pytest.approx(count, rel=0.15)
    gyms = {name.split("_")[2] for name, item in large.objects.items() if item.type == "shower"}
    assert len(gyms) > 10
    town = Town(large, worlds=1, seed=0)
    assert town.observation_schema == TOWN_DAY.observation_schema
    metrics = evaluate(HeuristicBehavior(), large, worlds=1, seed=number)
    assert metrics["needs_mean_of_residents"] > 0.5 and metrics["attendance"] > 0.9


def objects_per_head(scenario: Scenario) -> dict[str, float]:
    counts = Counter(item.type for item in scenario.objects.values())
    return {kind: count / len(scenario.people) for kind, count in counts.items()}


def test_towns_differ_and_showers_are_scarce_in_about_half_of_them() -> None:
    towns = [drawn_scenario(number) for number in range(300)]
    scarce = sum(shower_demand(town) > 0.6 for town in towns) / len(towns)
    assert 0.4 < scarce < 0.6
    assert {len(town.people) for town in towns} == set(range(4, 17))
    assert len({town.town_digest for town in towns}) == len(towns)
    assert len({(town.map.width, town.map.height) for town in towns}) > 100


def test_people_live_well_under_the_heuristic() -> None:
    for number in VALIDATION[:6]:
        metrics = evaluate(HeuristicBehavior(), drawn_scenario(number), worlds=4, seed=number)
        assert metrics["needs_mean_of_residents"] > 0.5
        assert metrics["attendance"] > 0.85
        assert metrics["faints_per_1000"] < 0.1


@settings(max_examples=30)
@given(NUMBERS, st.none() | st.integers(FEWEST_PEOPLE, 30))
def test_its_file_is_read_as_the_same_town(
    tmp_path_factory: pytest.TempPathFactory, number: int, people: int | None
) -> None:
    scenario = drawn_scenario(number, people=people)
    file = tmp_path_factory.mktemp("drawn") / f"{scenario.name}.yaml"
    file.write_text(drawn_yaml(number, people), encoding="utf-8")
    assert load_scenario(file).digest == scenario.digest


def test_the_same_number_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    program = "from townlet.config.drawn import drawn_yaml; print(drawn_yaml(12345), drawn_yaml(7, 200), end='')"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
        assert done.stdout == f"{drawn_yaml(12345)} {drawn_yaml(7, 200)}", done.stderr


def test_no_number_serves_two_purposes() -> None:
    for one, other in combinations((READERS, TEST, VALIDATION, TRAINING), 2):
        assert one[-1] < other[0] or other[-1] < one[0]
    assert (len(TEST), len(VALIDATION)) == (50, 20)


@pytest.mark.parametrize(
    ("number", "people", "message"),
    [
        (-1, None, "number: found -1, expected a whole number from 0 to 2⁶³ − 1"),
        (2**63, None, f"number: found {2**63}, expected"),
        (1, 3, "people: found 3, expected a whole number from 4 to 500"),
        (1, 501, "people: found 501"),
    ],
)
def test_numbers_out_of_range_are_refused(number: int, people: int | None, message: str) -> None:
    with pytest.raises(InputError) as raised:
        drawn_scenario(number, people=people)
    assert message in str(raised.value)
