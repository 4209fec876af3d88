"""Policies in other towns than their own: they bring their observations, and fit towns with fewer types of object."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from townlet.behavior.brought_observations import changed_observations, observation_options, with_observations
from townlet.behavior.compiled.kernel import TORCH, processor_kernel
from townlet.behavior.evaluate import evaluate_rows
from townlet.behavior.fit import find_fit, fitted, lacking_types
from townlet.behavior.network import ActorCritic
from townlet.config import Scenario
from townlet.config.drawn import drawn_scenario
from townlet.config.find import scenario_of
from townlet.config.training import NetworkConfig
from townlet.errors import InputError
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

Spaces = tuple[list[dict[str, Any]], list[str]]


def observing(name: str, **options: Any) -> Scenario:
    scenario = scenario_of(name)
    return scenario.model_copy(update={"observations": scenario.observations.model_copy(update=options)})


def spaces_of(scenario: Scenario) -> Spaces:
    return observation_schema_of(scenario), action_names(scenario.object_types)


@pytest.mark.parametrize(
    ("mode", "neighbors", "offers", "conflict_features"),
    list(itertools.product(("compact", "hybrid", "full"), (0, 3), (False, True), (False, True))),
)
def test_a_schema_shows_the_options_that_it_was_made_with(
    mode: str, neighbors: int, offers: bool, conflict_features: bool
) -> None:
    options = {"mode": mode, "neighbors": neighbors, "offers": offers, "conflict_features": conflict_features}
    trained = observing("town_day", map_radius=2, **options)
    found = observation_options(observation_schema_of(trained))
    assert found == options | ({} if mode == "compact" else {"map_radius": 2})
    brought = with_observations(observing("town_day", map_radius=2), observation_schema_of(trained), "policy.json")
    assert brought == trained
    assert brought.rules == trained.rules


def test_a_scenario_with_these_options_already_stays_the_very_same() -> None:
    scenario, plain = scenario_of("queue_conflict"), observing("town_day", offers=False)
    assert with_observations(scenario, observation_schema_of(plain), "policy.json") is scenario
    other = with_observations(scenario, observation_schema_of(observing("town_day", offers=True)), "policy.json")
    assert changed_observations(scenario, other) == {"offers": True}
    assert other.digest != scenario.digest


def test_a_schema_of_no_town_brings_nothing() -> None:
    scenario = scenario_of("queue_conflict")
    assert with_observations(scenario, [{"name": "position"}], "policy.json") is scenario


def test_options_that_no_scenario_can_have_are_refused() -> None:
    schema = observation_schema_of(scenario_of("queue_conflict"))
    many = [*schema, *({"name": f"neighbor{i}_seen"} for i in range(5, 40))]
    with pytest.raises(InputError, match=r"policy\.json: neighbors: found 39"):
        with_observations(scenario_of("queue_conflict"), many, "policy.json")


def test_a_policy_fits_its_own_town_as_it_is() -> None:
    assert find_fit(spaces_of(drawn_scenario(3)), spaces_of(drawn_scenario(4)), source="policy.json") is None


@pytest.mark.parametrize(
    ("name", "same_order"),
    [
        ("queue_conflict", True),
        ("employment_punctuality", True),
        ("observation_baseline", True),
        ("rivalry_decay", True),
        ("kitchen_breakfast", False),
    ],
)
def test_a_fitted_network_is_the_policy_that_sees_zeros_for_what_the_town_lacks(name: str, same_order: bool) -> None:
    """With the types in the policy's order the numbers agree to the bit: a zero adds nothing to any sum."""
    known, town = spaces_of(observing("town_day", offers=True)), spaces_of(observing(name, offers=True))
    fit = find_fit(known, town, source="policy.json")
    assert fit is not None
    whole = ActorCritic(len(known[0]), len(known[1]), NetworkConfig(hidden=(24, 16)), seed=5)
    smaller = fitted(whole, fit)
    assert (smaller.features, smaller.actions) == (len(town[0]), len(town[1]))
    random = np.random.default_rng(0)
    seen = random.uniform(-1, 1, (50, len(town[0]))).astype(np.float32)
    legal = random.random((50, len(town[1]))) < 0.5
    legal[:, 0] = True
    padded = np.zeros((50, len(known[0])), np.float32)
    possible = np.zeros((50, len(known[1])), np.bool_)
    padded[:, [[one["name"] for one in known[0]].index(one["name"]) for one in town[0]]] = seen
    possible[:, [known[1].index(action) for action in town[1]]] = legal
    log_probs, values = evaluate_rows(smaller, torch.from_numpy(seen), torch.from_numpy(legal))
    all_log_probs, all_values = evaluate_rows(whole, torch.from_numpy(padded), torch.from_numpy(possible))
    chosen = all_log_probs[:, [known[1].index(action) for action in town[1]]]
    if same_order and processor_kernel() is not TORCH:
        assert torch.equal(log_probs, chosen)
        assert torch.equal(values, all_values)
    torch.testing.assert_close(log_probs.exp(), chosen.exp(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(values, all_values, rtol=1e-5, atol=1e-6)


def test_the_types_that_a_town_lacks_are_named() -> None:
    known, town = spaces_of(scenario_of("town_day"))[1], spaces_of(scenario_of("kitchen_breakfast"))[1]
    assert lacking_types(known, town) == ["bed", "shower", "counter", "desk", "shelf"]


@pytest.mark.parametrize(
    ("policy", "town", "fault"),
    [
        (
            observing("queue_conflict"),
            observing("town_day"),
            "policy.json: actions: found no request for bed, stove, fridge, counter and 2 more, expected every type of "
            "object that the town has",
        ),
        (
            observing("town_day", offers=False),
            observing("queue_conflict", offers=True),
            "policy.json: observation: found no expected, slack, decay_hunger, decay_hygiene and 12 more, expected "
            "every feature that people observe there",
        ),
        (
            observing("town_day", offers=True),
            observing("queue_conflict"),
            "policy.json: observation: found expected, slack, decay_hunger, decay_hygiene and 12 more, expected no "
            "feature that people do not observe there",
        ),
        (
            observing("town_day", offers=False, conflict_features=False),
            observing("queue_conflict"),
            "policy.json: observation.10.meaning: found 'always 0; otherwise: people ahead in the own queue, of",
        ),
    ],
)
def test_what_a_policy_does_not_know_is_refused_in_words_that_name_it(
    policy: Scenario, town: Scenario, fault: str
) -> None:
    with pytest.raises(InputError) as caught:
        find_fit(spaces_of(policy), spaces_of(town), source="policy.json")
    assert fault in str(caught.value)


def test_actions_that_are_no_requests_must_be_the_same() -> None:
    features, actions = spaces_of(scenario_of("queue_conflict"))
    without = [name for name in actions if name != "chat"]
    with pytest.raises(InputError, match="found no chat, expected every action of the town"):
        find_fit((features, without), (features, actions), source="policy.json")
    with pytest.raises(InputError, match="found chat, expected no action that the town does not have"):
        find_fit((features, actions), (features, without), source="policy.json")


def test_a_name_that_stands_twice_on_a_card_is_refused() -> None:
    features, actions = spaces_of(scenario_of("queue_conflict"))
    with pytest.raises(InputError, match="found wallet more than once"):
        find_fit(
            ([*features, *(one for one in features if one["name"] == "wallet")], actions),
            (features, actions),
            source="policy.json",
        )
