"""Recordings of environments of both interfaces: who is there, who ends where, and what each agent sees and earns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from support.own_environments import Broken, Dice, Faulty, Relay, Turns

import townlet
from townlet.behavior import RandomBehavior
from townlet.config.training import TrainingConfig
from townlet.errors import InputError
from townlet.rollout import RolloutBuffer
from townlet.training.batch import rollout_batch
from townlet.training.environment import EnvironmentFailed, find_environment
from townlet.training.environment.history import History
from townlet.training.environment.loop import EnvironmentLoop
from townlet.training.environment.worlds import episode_seed
from townlet.training.harness import TrainingHarness


def loop_over(env: str | Callable[..., Any], worlds: int = 1, scale: float = 1.0, **options: Any) -> EnvironmentLoop:
    found = find_environment(env, options)
    return EnvironmentLoop(found.name, found.adapt, worlds=worlds, seed=3, reward_scale=scale)


def recorded(loop: EnvironmentLoop, ticks: int) -> RolloutBuffer:
    buffer = loop.new_buffer(ticks)
    loop.collect(buffer, RandomBehavior())
    return buffer


def test_agents_that_leave_and_arrive_have_trajectories_of_their_own() -> None:
    loop = loop_over(Relay)
    buffer = recorded(loop, 13)
    step = np.arange(13) % 5
    ann, bob, cid = range(3)
    np.testing.assert_array_equal(buffer.alive[:, 0].T, [step < 2, step < 3, step >= 2])
    np.testing.assert_array_equal(buffer.terminated[:, 0].T, [step == 1, step < 0, step == 4])
    np.testing.assert_array_equal(buffer.truncated[:, 0].T, [step < 0, step == 2, step < 0])
    for agent in (ann, bob, cid):
        present = buffer.alive[:, 0, agent]
        np.testing.assert_array_equal(
            buffer.observation[present, 0, agent].T, [step[present] * 0 + agent, step[present]]
        )
    # The mask leaves one action, whose reward is 1; what a newcomer is given on arrival belongs to no action.
    np.testing.assert_array_equal(buffer.reward[:, 0], buffer.alive[:, 0])
    assert buffer.cut_ticks == [2, 7, 12]
    assert [cut[0, bob].tolist() for cut in buffer.cut_observation[:2]] == [[bob, 3], [bob, 3]]
    assert loop.town.people == ["ann", "bob", "cid"]
    totals = {name.rpartition(".")[2]: value for name, value in buffer.totals.items()}
    # Both who end and who are cut: ann and bob three times each, with 2 and 3, and cid twice with 3.
    assert totals["return_mean"] == 21 / 8 and (totals["return_min"], totals["return_max"]) == (2.0, 3.0)
    assert (totals["episodes_ended"], totals["episode_steps_mean"]) == (2, 5.0)


def test_no_value_passes_from_one_agent_to_another_and_a_cut_one_has_its_own_last_value() -> None:
    loop = loop_over(Relay)
    config = TrainingConfig.model_validate({"network": {"hidden": [8]}, "rollout_ticks": 10})
    harness = TrainingHarness(loop, config, seed=0)
    buffer = loop.new_buffer(10)
    loop.collect(buffer, harness.behavior)
    batch = rollout_batch(buffer, harness.network, config)
    advantage = batch.advantage.view(10, 3).numpy()
    assert [cut[0, 2].tolist() for cut in buffer.cut_observation] == [[2.0, 3.0], [2.0, 3.0], [0.0, 0.0]]
    value, gamma, lam = buffer.value[:, 0], config.ppo.gamma, config.ppo.gae_lambda
    with torch.no_grad():
        beyond = float(harness.network.value(torch.from_numpy(buffer.cut_observation[0][0, 1])))
    # The truncated one bootstraps; the others end with their reward alone.
    assert advantage[1, 0] == pytest.approx(1.0 - value[1, 0], rel=1e-5)
    assert advantage[4, 2] == pytest.approx(1.0 - value[4, 2], rel=1e-5)
    delta = 1.0 + gamma * beyond - value[2, 1]
    assert advantage[2, 1] == pytest.approx(delta, rel=1e-5)
    before = 1.0 + gamma * value[2, 1] - value[1, 1]
    assert advantage[1, 1] == pytest.approx(before + gamma * lam * delta, rel=1e-5)
    assert sorted(batch.rows.tolist()) == np.flatnonzero(buffer.alive).tolist()


def test_a_long_history_is_kept_whole() -> None:
    history, actions = History(2), np.arange(2 * 200, dtype=np.int32).reshape(200, 2)
    for _ in range(2):
        history.clear()
        for count, action in enumerate(actions, start=1):
            history.append(action)
            assert len(history.actions) == count
        np.testing.assert_array_equal(history.actions, actions)


def test_who_is_not_on_turn_has_no_choice() -> None:
    buffer = recorded(loop_over(Turns), 12)
    on_turn = buffer.observation[:, 0, :, 0] == 1.0
    np.testing.assert_array_equal(on_turn[:6], [[tick % 2 == 0, tick % 2 == 1] for tick in range(6)])
    np.testing.assert_array_equal(buffer.mask[:, 0, :, 1], on_turn)
    np.testing.assert_array_equal(buffer.reward[:, 0], np.where(on_turn, buffer.action[:, 0], 0))
    assert buffer.terminated[[5, 11], 0].all() and buffer.terminated.sum() == 4


def test_every_episode_of_every_world_has_a_seed_of_its_own() -> None:
    buffer = recorded(loop_over(Dice, worlds=3), 60)
    firsts, episodes = [], 0
    for world in range(3):
        ended = (buffer.terminated | buffer.truncated)[:, world, 0]
        starts = [0, *(np.flatnonzero(ended[:-1]) + 1).tolist()]
        for number, tick in enumerate(starts):
            env = Dice()
            seen, _ = env.reset(seed=episode_seed(3, world, number))
            np.testing.assert_array_equal(buffer.observation[tick, world, 0], seen)
            firsts.append(seen.tobytes())
        episodes += len(starts)
    assert len(set(firsts)) == episodes > 15


def test_telemetry_has_rewards_and_returns_unscaled_and_learning_the_scaled_ones() -> None:
    plain, scaled = (recorded(loop_over(Dice, worlds=4, scale=scale), 50) for scale in (1.0, 0.125))
    np.testing.assert_array_equal(scaled.reward, plain.reward * np.float32(0.125))
    assert {**scaled.totals, "environment.reward_scale": 1.0} == plain.totals
    returns = []
    for world in range(4):
        ended = np.flatnonzero((plain.terminated | plain.truncated)[:, world, 0])
        returns += [part.sum() for part in np.split(plain.reward[:, world, 0], ended + 1)[: len(ended)]]
    assert plain.totals["environment.return_mean"] == pytest.approx(np.mean(returns))
    assert plain.totals["environment.episodes_ended"] == len(returns) > 10
    assert plain.totals["reward_mean"] == pytest.approx(plain.reward.mean(dtype=np.float64))


def test_a_town_through_pettingzoo_is_the_town_itself() -> None:
    loop = loop_over("townlet.envs:parallel_env", worlds=2, scenario="queue_conflict")
    buffer = recorded(loop, 100)
    people = {name: place for place, name in enumerate(loop.town.people)}
    assert buffer.alive.any(axis=(0, 1)).sum() > 3, "newcomers arrive"
    for world in range(2):
        town = townlet.parallel_env("queue_conflict")
        seen, _ = town.reset(seed=episode_seed(3, world, 0))
        for tick in range(80):
            assert set(town.agents) == {name for name in people if buffer.alive[tick, world, people[name]]}
            for name in town.agents:
                shown = buffer.observation[tick, world, people[name]]
                np.testing.assert_array_equal(shown, seen[name]["observation"])
                np.testing.assert_array_equal(buffer.mask[tick, world, people[name]], seen[name]["action_mask"] != 0)
            actions = {name: int(buffer.action[tick, world, people[name]]) for name in town.agents}
            seen, rewards, terminations, _, _ = town.step(actions)
            for name in actions:
                assert buffer.reward[tick, world, people[name]] == rewards[name]
                assert buffer.terminated[tick, world, people[name]] == terminations[name]
        assert buffer.truncated[79, world].any() and not town.agents


@pytest.mark.parametrize(
    ("env", "options", "message"),
    [
        (
            Relay,
            {"unequal": True},
            r"observation_space: found Box\(.*\(2,\).* of ann and Box\(.*\(3,\).* of cid, expected",
        ),
        (lambda: object(), {}, "found builtins.object, expected a gymnasium.Env, a pettingzoo.ParallelEnv"),
        ("CartPol-v1", {}, "--env CartPol-v1: found no such id, .*did you mean 'CartPole-v1'"),
        ("CartPole-v1", {"poles": 2}, "options: found .*unexpected keyword argument 'poles'"),
        ("no_such_module:Env-v0", {}, "found no module named 'no_such_module', expected a module"),
        ("no_such_file.py:Env", {}, "found no file no_such_file.py"),
        ("support.own_environments:Dize", {}, "found no 'Dize' in support.own_environments, .*did you mean 'Dice'"),
        ("support.own_environments:annotations", {}, "expected a class or function that makes an environment"),
    ],
)
def test_what_is_no_environment_is_refused(env: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_environment(env, options)


@pytest.mark.parametrize(
    ("env", "options", "message"),
    [
        (
            Broken,
            {},
            r"world 0, step 3 of episode 0: found nan in the observation of agent \(feature 1\), expected finite",
        ),
        (
            Broken,
            {"raises": True},
            "(?s)world 0, step 3 of episode 0: .* LookupError: the die is lost.*own_environments.py",
        ),
        (Faulty, {"nan": "reset"}, "world 0, the reset of episode 0: found nan in the observation of agent "),
        (Faulty, {"nan": "reward"}, "world 0, step 1 of episode 0: found inf in the reward of agent, expected finite"),
        (Relay, {"silent": True}, "world 0, step 2 of episode 0: agents: found ann gone without either, expected a"),
    ],
)
def test_an_environment_that_fails_says_where(env: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(EnvironmentFailed, match=message):
        recorded(loop_over(env, **options), 10)
