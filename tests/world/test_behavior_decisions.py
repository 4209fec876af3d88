"""Decisions of a policy that commits itself: who is asked when, and what is recorded of those who are not."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.any_town import any_actions, scenarios
from support.committed import Choices, choices, committed
from support.towns import ROLES, shower_room

from townlet.behavior import HeuristicBehavior
from townlet.behavior.compiled.kernel import TORCH
from townlet.config import Scenario
from townlet.training.gymnasium_loop import GymnasiumLoop
from townlet.training.handover import HandoverBehavior
from townlet.world import Town
from townlet.world.rules.actions import REQUEST
from townlet.world.snapshot import load_snapshot, save_snapshot

WORLDS, TICKS = 3, 40
QUICK = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
COMMITMENTS = st.sampled_from([1, 2, 5, 16, 40])
SEEDS = st.integers(0, 2**31 - 1)


def chosen_among(town: Town, commitment: int, w: int, a: int) -> set[str]:
    """The actions that a person chooses among: all legal ones, or the only one that goes on with what they do."""
    person, names = town.state.people[w, a], town.action_names
    legal = {name for name, allowed in zip(names, town.mask[w, a], strict=True) if allowed}
    role, last = ROLES[person.role], names[person.intent]
    if role in ("waiting", "using"):
        going_on = "wait"
    elif role == "idle" and (last == "wait" or last.startswith("request_")):
        going_on = last
    else:
        return legal
    idles = role == "idle" and last == "wait"
    every = max(commitment // 4, 1) if idles else commitment
    due = (town.tick + 7 * a + 3 * (town.first_world + w)) % every == 0
    arrived = going_on != "wait" and is_within_reach(town, w, a, int(person.intent) - REQUEST)
    return legal if due or arrived or going_on not in legal else {going_on}


def is_within_reach(town: Town, w: int, a: int, t: int) -> bool:
    person, o = town.state.people[w, a], town.state.target[w, a, t]
    aside = abs(person.x - town.layout.object_x[o]), abs(person.y - town.layout.object_y[o])
    return bool(o >= 0 and max(aside) <= 1)


def check_records(town: Town, made: Choices) -> None:
    """The mask allows the choice; whoever was not asked chose it with certainty, and nobody estimated a value."""
    assert np.take_along_axis(made.mask, made.action[..., None], axis=-1).all()
    assert not (made.mask & ~town.mask).any()
    assert not made.log_prob[~made.asked].any() and np.isnan(made.value[~made.asked]).all()
    assert np.isfinite(made.value[made.asked]).all() and (made.log_prob[made.asked] <= 0.0).all()


@QUICK
@given(scenario=scenarios(), seed=SEEDS, commitment=COMMITMENTS)
def test_who_walks_waits_or_uses_is_asked_only_when_it_is_due_or_they_have_arrived(
    scenario: Scenario, seed: int, commitment: int
) -> None:
    town = Town(scenario, worlds=WORLDS, seed=seed, first_world=seed % 5)
    behavior, rng = committed(town, commitment), np.random.default_rng(seed)
    for _ in range(TICKS):
        made = choices(behavior, town)
        check_records(town, made)
        for w, a in np.argwhere(town.alive):
            among = {name for name, ok in zip(town.action_names, made.mask[w, a], strict=True) if ok}
            assert among == chosen_among(town, commitment, w, a)
        assert (made.mask == town.mask)[~town.alive].all()
        # Others act at times: what a person does next depends on what they did, whoever chose it.
        town.step(made.action if rng.random() < 0.8 else any_actions(town, rng))


@QUICK
@given(scenario=scenarios(), seed=SEEDS, commitment=COMMITMENTS, greedy=st.booleans())
def test_a_decision_has_the_bits_that_it_has_where_everybody_is_asked(
    scenario: Scenario, seed: int, commitment: int, greedy: bool
) -> None:
    town = Town(scenario, worlds=WORLDS, seed=seed)
    some, everybody = (committed(town, ticks, greedy=greedy) for ticks in (commitment, 0))
    for _ in range(TICKS):
        made, others = choices(some, town), choices(everybody, town)
        assert (others.mask == town.mask).all()
        for name in ("action", "log_prob", "value"):
            ours, theirs = getattr(made, name)[made.asked], getattr(others, name)[made.asked]
            assert ours.tobytes() == theirs.tobytes()
        town.step(made.action)


@settings(QUICK, max_examples=5)
@given(scenario=scenarios(), seed=SEEDS, commitment=COMMITMENTS)
def test_choices_are_a_function_of_the_state_alone(
    scenario: Scenario, seed: int, commitment: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    town = Town(scenario, worlds=WORLDS, seed=seed, first_world=2)
    behavior = committed(town, commitment)
    for _ in range(TICKS):
        town.step(choices(behavior, town).action)
    whole = choices(behavior, town)
    file = tmp_path_factory.mktemp("snapshots") / "town.safetensors"
    save_snapshot(town, file)
    again = load_snapshot(file)
    for ours, theirs in zip(whole, choices(committed(again, commitment), again), strict=True):
        assert ours.tobytes() == theirs.tobytes()
    for worlds in (slice(0, 1), slice(1, WORLDS)):
        for ours, theirs in zip(whole, choices(behavior, town.part(worlds)), strict=True):
            assert ours[worlds].tobytes() == theirs.tobytes()


@settings(QUICK, max_examples=5)
@given(scenario=scenarios(), seed=SEEDS, commitment=COMMITMENTS)
def test_torch_and_tiles_ask_the_same_people_and_choose_the_same(
    scenario: Scenario, seed: int, commitment: int
) -> None:
    town = Town(scenario, worlds=WORLDS, seed=seed)
    tiles = committed(town, commitment)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("townlet.behavior.compiled.kernel.processor_kernel", lambda: TORCH)
        by_torch = committed(town, commitment)
    for _ in range(TICKS):
        made, others = choices(tiles, town), choices(by_torch, town)
        check_records(town, others)
        assert (made.mask == others.mask).all() and (made.action == others.action).all()
        np.testing.assert_allclose(made.log_prob, others.log_prob, atol=1e-5)
        np.testing.assert_allclose(made.value, others.value, atol=1e-5)
        town.step(made.action)


@settings(QUICK, max_examples=5)
@given(scenario=scenarios(), seed=SEEDS)
def test_a_script_is_asked_in_every_tick_even_beside_a_network_that_commits_itself(
    scenario: Scenario, seed: int
) -> None:
    town = Town(scenario, worlds=WORLDS, seed=seed)
    network = committed(town, 16)
    both = HandoverBehavior(HeuristicBehavior(), network)
    both.driven = np.random.default_rng(seed).random(town.alive.shape) < 0.5
    for _ in range(TICKS):
        made, networks = choices(both, town), choices(network, town)
        scripts = choices(HeuristicBehavior(), town)
        assert (made.mask == np.where(both.driven[..., None], town.mask, networks.mask)).all()
        assert (made.action == np.where(both.driven, scripts.action, networks.action)).all()
        town.step(made.action)


def test_worlds_that_are_no_town_are_refused() -> None:
    def cart_pole() -> gymnasium.Env:  # type: ignore[type-arg]
        return gymnasium.make("CartPole-v1")

    loop = GymnasiumLoop(cart_pole, worlds=2, seed=0)
    behavior = committed(loop.town, 5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="commitment_ticks: found 5 in GymnasiumWorlds, expected 0: only people of a"):
        loop.collect(loop.new_buffer(3), behavior)
    loop.town.close()


def test_whoever_has_only_one_action_decides_nothing() -> None:
    town = Town(shower_room(), worlds=2, seed=0)
    town.state.mask[0, :, 1:] = False
    made = choices(committed(town, 1), town)
    assert not made.asked[0].any() and made.asked[1].all()
    assert not made.action[0].any() and np.isnan(made.value[0]).all()
