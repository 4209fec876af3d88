"""Telemetry's counters of events in a town, and those that a scenario's rules leave inactive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from support.captures import SCENARIOS
from support.towns import SHOWER_ROOM, merge, shower_room

from townlet.behavior import RandomBehavior
from townlet.capture import capture_rollout
from townlet.config import Scenario, load_scenario
from townlet.simulation import SimulationLoop, inactive_counters, telemetry_totals
from townlet.world import COUNTERS, TALLY

#: A room with everything that can raise a counter.
LIVELY: dict[str, Any] = {
    "ticks_per_day": 50,
    "objects": {"stove_1": {"type": "stove", "at": [0, 0]}},
    "affordances": {
        "wash": {"counts_as": "shower_complete", "utility": "water", "when": "hygiene < 0.9"},
        "doze": {"object": "shower", "ticks": 4, "effects": {"energy": 0.1}, "counts_as": "sleep_complete"},
        "cook": {"object": "stove", "ticks": 2, "effects": {"hunger": 0.1}, "meal": True},
        "work": {"object": "stove", "ticks": 2, "work": True},
    },
    "jobs": {"cook": {"workplace": "stove_1", "start": 5, "end": 40, "wage": 0.1}},
    "people": {"anna": {"job": "cook"}, "ben": {"job": "cook"}},
    "rules": {
        "relationships": {"max_ties": 3},
        "employment": {"late_help": True, "takeover": True},
        "perturbations": {"water_outage": {"per_day": 1.0, "ticks": 5}},
    },
}

CHATS = {"chat_success_events", "chat_failure_events", "chat_quality_mean"}


def test_no_counter_is_inactive_where_every_rule_is_on() -> None:
    assert inactive_counters(shower_room(**LIVELY)) == {}


@pytest.mark.parametrize(
    ("changes", "inactive", "reason"),
    [
        (
            {"rules": {"relationships": {"max_ties": 0}}},
            CHATS | {"shared_meal_events", "late_help_events"},
            "rules.relationships.max_ties is 0",
        ),
        (
            {"rules": {"relationships": {"shared_meals": False}}},
            {"shared_meal_events"},
            "rules.relationships.shared_meals is false",
        ),
        ({"affordances": {"cook": {"meal": False}}}, {"shared_meal_events"}, "no affordance has meal: true"),
        ({"rules": {"employment": {"late_help": False}}}, {"late_help_events"}, "rules.employment.late_help is false"),
        (
            {"rules": {"employment": {"takeover": False}}},
            {"shift_takeover_events"},
            "rules.employment.takeover is false",
        ),
        (
            {"jobs": None, "people": {"anna": {"job": None}, "ben": {"job": None}}},
            {"late_help_events", "shift_takeover_events"},
            "nobody has a job",
        ),
        (
            {"rules": {"perturbations": {"water_outage": {"per_day": 0.0}}}},
            {"utility_outage_events"},
            "rules.perturbations: no outage has a probability above 0",
        ),
        (
            {"affordances": {"wash": {"counts_as": None}}},
            {"shower_complete_events"},
            "no affordance has counts_as: shower_complete",
        ),
        (
            {"affordances": {"doze": {"counts_as": None}}},
            {"sleep_complete_events"},
            "no affordance has counts_as: sleep_complete",
        ),
        (
            {"people": {"ben": None, "cara": None, "dan": None}},
            CHATS | {"shared_meal_events", "late_help_events", "shift_takeover_events"},
            "there is nobody else",
        ),
    ],
)
def test_a_counter_whose_rule_is_off_is_inactive_and_says_why(
    changes: dict[str, Any], inactive: set[str], reason: str
) -> None:
    scenario = Scenario.model_validate(merge(merge(SHOWER_ROOM, LIVELY), changes))
    assert inactive_counters(scenario) == dict.fromkeys(inactive, reason)


@pytest.mark.parametrize("name", ["employment_punctuality", "kitchen_breakfast", "queue_conflict", "town_day"])
def test_an_inactive_counter_stays_0_whatever_people_do(name: str) -> None:
    scenario = load_scenario(SCENARIOS / f"{name}.yaml").model_copy(update={"ticks": 60})
    loop = SimulationLoop(scenario, worlds=1, seed=1)
    buffer = loop.new_buffer(60)
    loop.collect(buffer, RandomBehavior())
    assert {buffer.totals[counter] for counter in inactive_counters(scenario)} <= {0.0}


def test_totals_are_those_of_the_counters_under_their_telemetry_names() -> None:
    counters = np.zeros((2, len(COUNTERS)))
    for number in range(len(COUNTERS)):
        counters[:, number] = number + 1, 100.0
    value = dict(zip(COUNTERS, counters.sum(0).tolist(), strict=True))
    totals = telemetry_totals(np.zeros((2, 3, len(TALLY))), counters)
    for name in ("shared_meal", "late_help", "shift_takeover", "chat_success", "chat_failure"):
        assert totals[f"{name}_events"] == value[name]
    assert totals["chat_quality_mean"] == value["chat_quality_sum"] / value["chat_success"]
    assert totals["utility_outage_events"] == value["power_outage"] + value["water_outage"]


def test_without_a_chat_the_mean_quality_is_0() -> None:
    assert telemetry_totals(np.zeros((1, 1, len(TALLY))), np.zeros((1, len(COUNTERS))))["chat_quality_mean"] == 0.0


def test_a_capture_counts_its_outages_and_says_which_counters_are_inactive(tmp_path: Path) -> None:
    content = merge(merge(SHOWER_ROOM, LIVELY), {"rules": {"relationships": None, "employment": None}})
    (tmp_path / "shower_room.yaml").write_text(yaml.safe_dump(content))
    result = capture_rollout(tmp_path / "shower_room.yaml", tmp_path / "capture", worlds=2, behavior="random")
    assert result.manifest.totals["utility_outage_events"] == 2 * 200 / 50
    assert result.manifest.inactive_counters == inactive_counters(load_scenario(tmp_path / "shower_room.yaml"))
    assert "utility_outage_events" not in result.manifest.inactive_counters
