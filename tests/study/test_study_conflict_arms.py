"""The conflict study's arms: their differences, and that there are none without conflict weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from townlet.behavior import HeuristicBehavior, RandomBehavior, ScriptedBehavior
from townlet.behavior.network import ActorCritic
from townlet.config import load_scenario
from townlet.config.find import find_scenario
from townlet.config.training import NetworkConfig
from townlet.rollout import REWARD_PARTS, RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.study.conflict.arms import AWARE, BLIND, DELAYED, LEARNING, MISTIMED, SHUFFLED, Arm, Shaping, aware_with
from townlet.study.conflict.cloning import Weights, clone_script, fold_standardisation, returns
from townlet.study.conflict.learner import train_arm
from townlet.study.conflict.settings import Settings
from townlet.study.conflict.shaping import CONFLICT_PARTS, InequityLoop, ShuffledTown, inequity, loop_of
from townlet.study.conflict.town import StudyTown, study_scenario
from townlet.study.mixed_populations import mixed_population
from townlet.study.scripted_behaviors import ActionNoise, FirstComeBehavior, doormat, queue_jumper
from townlet.world import Town
from townlet.world.state.events import CONTESTED_ARRIVAL

TINY = Settings(seeds=2, cycles=2, worlds=2, cloning_worlds=1, cloning_epochs=1)
HOME = StudyTown()


def collected(shaping: Shaping, *, penalty: float = 5.0, ticks: int = 500, worlds: int = 3) -> RolloutBuffer:
    scenario = study_scenario(HOME, penalty=penalty)
    loop = loop_of(shaping, scenario, worlds=worlds, seed=4)
    buffer = loop.new_buffer(ticks)
    loop.collect(buffer, queue_jumper())
    return buffer


def conflict_parts(buffer: RolloutBuffer) -> NDArray[np.float32]:
    return buffer.reward_parts[..., CONFLICT_PARTS]


def trained(arm: Arm, settings: Settings = TINY) -> Weights:
    return train_arm(arm, HOME, 1, settings, clone_script(arm.sees_conflict, 1, settings))


def same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("shaping", ["none", "shuffled", "mistimed", "delayed", "ties"])
def test_without_conflict_weights_the_conflict_aware_path_gives_the_blind_ones_bits(shaping: Shaping) -> None:
    """Only the features are left; with these hidden too, every byte of the weights is the same."""
    blind = trained(BLIND)
    assert same(trained(replace(AWARE, sees_conflict=False, penalty=0.0, shaping=shaping)), blind)
    assert not same(trained(replace(AWARE, sees_conflict=False)), blind)


def test_a_training_is_reproducible() -> None:
    assert same(trained(SHUFFLED), trained(SHUFFLED))


def test_all_learning_arms_begin_with_the_same_weights_if_they_see_the_same() -> None:
    starts = {arm.sees_conflict: clone_script(arm.sees_conflict, 0, TINY) for arm in LEARNING}
    assert set(starts) == {True, False}
    # Hidden features are 0 while cloning, so their weights stay as drawn, but the others learn.
    assert not same(starts[True], starts[False])


def test_the_parts_about_conflict_are_the_three_that_have_conflict_weights() -> None:
    assert REWARD_PARTS[CONFLICT_PARTS] == ("conflict_actor", "conflict_suffered", "rivalry")


def test_the_mistimed_penalty_is_paid_by_the_same_people_at_other_ticks() -> None:
    plain, mistimed = collected("none"), collected("mistimed")
    assert (plain.action == mistimed.action).all()
    assert (conflict_parts(plain) != conflict_parts(mistimed)).any()
    assert np.sort(conflict_parts(plain), axis=0).sum(axis=0) == pytest.approx(
        conflict_parts(mistimed).sum(axis=0), rel=1e-4
    )
    change = (conflict_parts(mistimed) - conflict_parts(plain)).sum(axis=-1)
    assert mistimed.reward == pytest.approx(plain.reward + change, abs=1e-5)


def test_the_delayed_penalty_is_that_of_the_rollout_before() -> None:
    usual, delayed = (
        loop_of(shaping, study_scenario(HOME, penalty=5.0), worlds=2, seed=4) for shaping in ("none", "delayed")
    )
    buffers = usual.new_buffer(500), delayed.new_buffer(500)
    owed = np.zeros((2, 8, 3))
    for _ in range(3):
        for loop, buffer in zip((usual, delayed), buffers, strict=True):
            loop.collect(buffer, queue_jumper())
        plain, late = buffers
        assert (plain.action == late.action).all()
        stayed = plain.alive.all(axis=0)
        assert conflict_parts(late).sum(axis=0)[stayed] == pytest.approx(owed[stayed], rel=1e-4, abs=1e-5)
        change = (conflict_parts(late) - conflict_parts(plain)).sum(axis=-1)
        assert late.reward == pytest.approx(plain.reward + change, abs=1e-4)
        owed = conflict_parts(plain).sum(axis=0)
    assert owed.any()


def test_people_who_tie_share_the_penalty() -> None:
    """In the drill, Anna and Ben set out for the shower at equal distances, and the lot tells who was first."""
    drill = load_scenario(find_scenario("queue_conflict"))
    plain, shared = (loop_of(shaping, drill, worlds=4, seed=4) for shaping in ("none", "ties"))
    buffers = plain.new_buffer(80), shared.new_buffer(80)
    ties: list[tuple[int, int, int, int, float]] = []

    def note(town: Town, tick: int) -> None:
        for w in range(town.worlds):
            for event in town.state.events[w, : town.state.worlds["event_count"][w]]:
                if event["kind"] == CONTESTED_ARRIVAL:
                    ties.append((tick, w, event["actor"], event["rival"], event["intensity"]))

    plain.collect(buffers[0], ScriptedBehavior(drill))
    shared.collect(buffers[1], ScriptedBehavior(drill), note)
    expected = np.zeros(buffers[0].reward.shape)
    for tick, w, actor, rival, intensity in ties:
        expected[tick, w, actor] += 0.5 * drill.rules.reward.conflict_actor * intensity
        expected[tick, w, rival] -= 0.5 * drill.rules.reward.conflict_actor * intensity
    assert ties and len({actor for _, _, actor, _, _ in ties}) > 1
    assert buffers[1].reward - buffers[0].reward == pytest.approx(expected, abs=1e-6)
    paid = [conflict_parts(buffer)[..., 0] for buffer in buffers]
    assert paid[1] - paid[0] == pytest.approx(expected, abs=1e-6)


def test_the_shuffled_ledger_is_that_of_people_of_other_worlds_and_loses_nothing() -> None:
    plain, shuffled = collected("none"), collected("shuffled")
    assert (plain.action == shuffled.action).all()
    others = [i for i in range(len(REWARD_PARTS)) if i not in range(CONFLICT_PARTS.start, CONFLICT_PARTS.stop)]
    assert (plain.reward_parts[..., others] == shuffled.reward_parts[..., others]).all()
    assert conflict_parts(plain).any() and (conflict_parts(plain) != conflict_parts(shuffled)).any()
    # At each tick the same penalties are paid, by somebody.
    for tick in np.flatnonzero(plain.alive.all(axis=(1, 2))):
        assert (
            np.sort(conflict_parts(plain)[tick].ravel()).tolist()
            == np.sort(conflict_parts(shuffled)[tick].ravel()).tolist()
        )


def test_the_shuffled_ledger_exchanges_grudge_features_and_no_others() -> None:
    town = ShuffledTown(study_scenario(HOME), worlds=3, seed=2)
    action = np.zeros(town.alive.shape, np.int32)
    log_prob, value = np.zeros(action.shape, np.float32), np.zeros(action.shape, np.float32)
    jumper = queue_jumper()
    for _ in range(300):
        jumper.act(town, action, log_prob, value)
        town.step(action)
    grudges = np.array(["rival" in entry["name"] for entry in town.observation_schema])
    own, shown = town.state.observation, town.observation
    assert (own[..., ~grudges] == shown[..., ~grudges]).all()
    assert own[..., grudges].any() and (own[..., grudges] != shown[..., grudges]).any()
    partners = town.partners()
    assert sorted(partners.ravel().tolist()) == list(range(partners.size))
    assert (partners // len(town.people) != np.arange(3)[:, None]).all()


def test_inequity_follows_hughes_et_al() -> None:
    """Three people with smoothed rewards 1, 2 and 4: envy of 4, 2 and 0, guilt of 0, 1 and 5, each halved."""
    smoothed = np.array([[1.0, 2.0, 4.0]])
    cost = inequity(smoothed, np.ones((1, 3), bool), alpha=5.0, beta=0.05)
    assert cost[0].tolist() == pytest.approx([10.0, 5.025, 0.125])
    gone = inequity(smoothed, np.array([[True, True, False]]), alpha=5.0, beta=0.05)
    assert gone[0].tolist() == pytest.approx([5.0, 0.05, 0.0])


def test_inequity_aversion_costs_unequal_people_and_nobody_who_is_alike() -> None:
    plain, averse = collected("none", penalty=0.0), collected("inequity", penalty=0.0)
    assert (plain.action == averse.action).all()
    assert (averse.reward <= plain.reward).all() and (averse.reward < plain.reward).any()
    calm = InequityLoop(study_scenario(HOME, penalty=0.0), worlds=1, seed=0)
    calm.ALPHA = calm.BETA = 0.0
    buffer = calm.new_buffer(200)
    calm.collect(buffer, HeuristicBehavior())
    usual = SimulationLoop(study_scenario(HOME, penalty=0.0), worlds=1, seed=0)
    expected = usual.new_buffer(200)
    usual.collect(expected, HeuristicBehavior())
    assert (buffer.reward == expected.reward).all()


def test_first_come_first_served_people_never_push_nor_let_others_go_first() -> None:
    scenario = study_scenario(HOME)
    town = Town(scenario, worlds=4, seed=3)
    action = np.zeros(town.alive.shape, np.int32)
    floats = np.zeros(action.shape, np.float32), np.zeros(action.shape, np.float32)
    verbs = {name: town.action_names.index(name) for name in ("push_in", "yield", "start")}
    seen = dict.fromkeys(verbs, 0)
    for _ in range(scenario.ticks):
        FirstComeBehavior().act(town, action, *floats)
        assert town.mask[np.arange(4)[:, None], np.arange(8), action][town.alive].all()
        for name, number in verbs.items():
            seen[name] += int((action == number).sum())
        town.step(action)
    assert seen["push_in"] == seen["yield"] == 0 and seen["start"] > 100


@pytest.mark.parametrize(("habit", "verb"), [(queue_jumper, "push_in"), (doormat, "yield")])
def test_queue_jumpers_push_in_and_doormats_give_way_whenever_they_can(habit: object, verb: str) -> None:
    town = Town(study_scenario(HOME), worlds=2, seed=1)
    number = town.action_names.index(verb)
    action = np.zeros(town.alive.shape, np.int32)
    floats = np.zeros(action.shape, np.float32), np.zeros(action.shape, np.float32)
    behavior = habit()  # type: ignore[operator]
    chances = 0
    for _ in range(600):
        behavior.act(town, action, *floats)
        assert (action[town.mask[..., number]] == number).all()
        chances += int(town.mask[..., number].sum())
        town.step(action)
    assert chances > 0


def test_background_people_act_by_their_own_behaviour() -> None:
    town = Town(study_scenario(HOME), worlds=2, seed=1)
    focal, other, mixed = (np.zeros(town.alive.shape, np.int32) for _ in range(3))
    floats = np.zeros(focal.shape, np.float32), np.zeros(focal.shape, np.float32)
    HeuristicBehavior().act(town, focal, *floats)
    RandomBehavior().act(town, other, *floats)
    population = mixed_population(HeuristicBehavior(), RandomBehavior(), people=8, background=[1, 5])
    population.act(town, mixed, *floats)
    assert (mixed[:, [1, 5]] == other[:, [1, 5]]).all()
    rest = [0, 2, 3, 4, 6, 7]
    assert (mixed[:, rest] == focal[:, rest]).all() and (focal != other).any()


def test_noisy_actions_are_legal_and_as_frequent_as_asked_for() -> None:
    town = Town(study_scenario(HOME), worlds=4, seed=1)
    wait = np.zeros(town.alive.shape, np.int32)
    share = 0
    for _ in range(200):
        action = wait.copy()
        ActionNoise(0.25).apply(town, action)
        assert town.mask[np.arange(4)[:, None], np.arange(8), action].all()
        share += int((action != wait).sum())
        town.step(action)
    # Waiting may be drawn, too.
    assert 0.1 < share / (200 * 32) < 0.25


def test_a_clone_gives_for_plain_observations_what_it_gave_for_standardised_ones() -> None:
    network = ActorCritic(6, 3, NetworkConfig(hidden=(8, 8)), seed=4)
    observation, mask = torch.rand(5, 6), torch.ones(5, 3, dtype=torch.bool)
    centre, scale = torch.rand(6), torch.rand(6) + 0.1
    taught = network((observation - centre) / scale, mask)
    fold_standardisation(network, centre, scale)
    for before, after in zip(taught, network(observation, mask), strict=True):
        torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)


def test_returns_are_discounted_and_stop_where_somebody_leaves() -> None:
    buffer = RolloutBuffer(3, 1, 2, 1, 1)
    buffer.reward[:, 0, 0] = (1.0, 2.0, 4.0)
    buffer.reward[:, 0, 1] = (1.0, 2.0, 4.0)
    buffer.terminated[1, 0, 1] = True
    assert returns(buffer, 0.5)[:, 0].T.tolist() == [[3.0, 4.0, 4.0], [2.0, 2.0, 4.0]]


def test_the_demand_decides_how_long_a_wash_takes() -> None:
    """0.45 of hygiene that falls by 0.0012: eight people want 8 t / 375 of one shower's time."""
    assert [StudyTown(demand=demand).wash_ticks for demand in (0.5, 1.0, 1.5)] == [23, 47, 70]
    assert StudyTown(people=12, showers=2).load == 0.75 and StudyTown(people=12, showers=2).wash_ticks == 47
    scenario = study_scenario(StudyTown(demand=0.5, showers=2, people=6, layout=101), sees_conflict=False)
    assert scenario.affordances["wash"].ticks == 23 and len(scenario.people) == 6
    assert sum(thing.type == "shower" for thing in scenario.objects.values()) == 2
    assert not scenario.observations.conflict_features
    assert scenario.map != study_scenario(StudyTown(people=6)).map


def test_penalties_scale_what_causing_conflict_costs_and_nothing_else() -> None:
    none, base, twice = (study_scenario(HOME, penalty=factor).rules.reward for factor in (0.0, 1.0, 2.0))
    assert twice.conflict_actor == 2 * base.conflict_actor > 0
    assert base.model_copy(update={"conflict_actor": twice.conflict_actor}) == twice
    weights = {"conflict_actor": 0.0, "conflict_suffered": 0.0, "rivalry": 0.0}
    assert base.model_copy(update=weights) == none
    assert aware_with(2.0).penalty == 2.0 and aware_with(AWARE.penalty) is AWARE


def test_placebos_differ_from_the_conflict_aware_arm_in_nothing_but_the_shaping() -> None:
    for placebo in (SHUFFLED, MISTIMED, DELAYED):
        assert replace(placebo, name=AWARE.name, label=AWARE.label, shaping="none") == AWARE
