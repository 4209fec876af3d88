"""The trainer on Gymnasium's tasks: the recordings of its loop, and that the same harness learns the tasks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.envs.classic_control import CartPoleEnv

from townlet.behavior.neural import NeuralBehavior
from townlet.cli import main
from townlet.config.training import TrainingConfig
from townlet.study.reference_tasks import TASKS, make_task, study_references
from townlet.training.batch import rollout_batch
from townlet.training.gymnasium_loop import GymnasiumLoop, evaluate_policy
from townlet.training.harness import TrainingHarness


class Calendar(gymnasium.Env[np.ndarray, int]):
    """Observations are (episode, day); rewards are far outside any clip; odd episodes terminate, even ones are cut."""

    def __init__(self, days: int) -> None:
        self.days, self.episode, self.day = days, 0, 0
        self.observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = spaces.Discrete(3)

    def _see(self) -> np.ndarray:
        return np.array([self.episode, self.day], np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.episode, self.day = self.episode + 1, 0
        return self._see(), {"action_mask": np.array([1, 0, 1], np.int8)}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        assert action != 1, "masked"
        self.day += 1
        over, odd = self.day == self.days, self.episode % 2 == 1
        mask = np.array([1, 0, self.day % 2], np.int8)
        return self._see(), 1000.0 * self.day, over and odd, over and not odd, {"action_mask": mask}


def calendars() -> GymnasiumLoop:
    days = iter((3, 4, 5))
    return GymnasiumLoop(lambda: Calendar(next(days)), worlds=3, seed=0)


def harness_over(loop: GymnasiumLoop, **training: Any) -> TrainingHarness:
    options = {"network": {"hidden": [8]}, "rollout_ticks": 13, "epochs": 1} | training
    return TrainingHarness(loop, TrainingConfig.model_validate(options), seed=0)


def test_no_observation_leaks_into_the_next_episode_and_the_last_of_an_episode_is_kept_for_its_value() -> None:
    loop = calendars()
    harness, buffer = harness_over(loop), loop.new_buffer(13)
    loop.collect(buffer, harness.behavior)
    for world, days in enumerate((3, 4, 5)):
        episode, day = buffer.observation[:, world, 0].T
        np.testing.assert_array_equal(day, np.arange(13) % days)
        np.testing.assert_array_equal(episode, 1 + np.arange(13) // days)
        over, odd = day == days - 1, episode % 2 == 1
        np.testing.assert_array_equal(buffer.terminated[:, world, 0], over & odd)
        np.testing.assert_array_equal(buffer.truncated[:, world, 0], over & ~odd)
        for tick in np.flatnonzero(buffer.truncated[:, world, 0]):
            seen = buffer.cut_observation[buffer.cut_ticks.index(int(tick))][world, 0]
            assert seen.tolist() == [episode[tick], days], "the final observation, not the one after the reset"
    assert buffer.cut_ticks[-1] == 12
    assert len(loop.episode_returns) == 4 + 3 + 2


def test_each_world_is_cut_only_where_it_was_truncated_itself() -> None:
    loop = calendars()
    harness, buffer = harness_over(loop), loop.new_buffer(13)
    loop.collect(buffer, harness.behavior)
    batch = rollout_batch(buffer, harness.network, harness.config)
    gamma, lam = harness.config.ppo.gamma, harness.config.ppo.gae_lambda
    for world in range(3):
        carried = 0.0
        for tick in reversed(range(13)):
            here = (tick, world, 0)
            cut = buffer.truncated[here] or tick == 12
            if buffer.terminated[here]:
                beyond = 0.0
            elif cut:
                seen = buffer.cut_observation[buffer.cut_ticks.index(tick)][world]
                with torch.no_grad():
                    beyond = float(harness.network.value(torch.from_numpy(seen)))
            else:
                beyond = float(buffer.value[tick + 1, world, 0])
            delta = float(buffer.reward[here]) + gamma * beyond - float(buffer.value[here])
            carried = delta + gamma * lam * (0.0 if cut or buffer.terminated[here] else carried)
            assert float(batch.advantage.view(13, 3)[tick, world]) == pytest.approx(carried, rel=1e-5)


def test_a_truncation_without_its_final_observation_is_refused() -> None:
    loop = calendars()
    harness, buffer = harness_over(loop), loop.new_buffer(13)
    loop.collect(buffer, harness.behavior)
    del buffer.cut_ticks[0], buffer.cut_observation[0]
    with pytest.raises(ValueError, match=r"cut_ticks: found .*, expected \[\d+\] too"):
        rollout_batch(buffer, harness.network, harness.config)


def test_rewards_are_learnt_from_as_they_are() -> None:
    loop = calendars()
    harness, buffer = harness_over(loop), loop.new_buffer(13)
    loop.collect(buffer, harness.behavior)
    assert buffer.reward.max() == 5000.0
    batch = rollout_batch(buffer, harness.network, harness.config)
    np.testing.assert_array_equal(batch.reward, buffer.reward.ravel())
    assert batch.statistics["reward_clipped_share"] == 0.0


def test_masked_actions_are_never_taken_and_get_no_gradient() -> None:
    loop = calendars()
    harness = harness_over(loop, rollout_ticks=100)
    bias = harness.network.policy_head.bias
    for _ in range(3):
        harness.run_rollout(None, lambda fields: None)  # the calendar itself refuses action 1
        assert float(bias.detach()[1]) == 0.0
    assert float(bias.detach()[2]) != 0.0


def test_a_space_that_is_neither_discrete_nor_a_box_is_refused() -> None:
    with pytest.raises(ValueError, match="expected Box or Discrete"):
        GymnasiumLoop(lambda: gymnasium.make("Pendulum-v1"), worlds=1, seed=0)


@pytest.mark.parametrize(
    ("name", "cycles", "reached"),
    # Random actions score about 22, -499 and, with the mask, -190.
    [("CartPole-v1", 50, 195.0), ("Acrobot-v1", 20, -200.0), ("Taxi-v4", 40, -60.0)],
)
def test_the_harness_learns_well_beyond_chance_in_seconds(name: str, cycles: int, reached: float) -> None:
    task = TASKS[name]
    loop = GymnasiumLoop(lambda: make_task(name, task.reward_scale), worlds=task.training.worlds, seed=0)
    harness = TrainingHarness(loop, task.training, seed=0)
    before = evaluate_policy(lambda: make_task(name), NeuralBehavior(harness.network), episodes=20, seed=1)
    for _ in range(cycles):
        harness.run_rollout(None, lambda fields: None)
    after = evaluate_policy(lambda: make_task(name), NeuralBehavior(harness.network), episodes=20, seed=1)
    assert np.mean(before) < reached - 50.0
    assert np.mean(after) > reached


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """CartPole with a training of two rollouts, too short to learn anything."""
    task = TASKS["CartPole-v1"]
    monkeypatch.setitem(TASKS, "CartPole-v1", replace(task, training=task.training.model_copy(update={"cycles": 2})))


def test_the_studys_figures_are_those_of_every_seed_and_reproducible(short: None) -> None:
    study = study_references(["CartPole-v1"], seeds=2, episodes=5)
    first, second = study.runs["CartPole-v1"]
    assert (first.seed, second.seed) == (0, 1)
    assert first.sampled.shape == first.greedy.shape == (5,) and first.curve.shape == (2,)
    # A pole that falls after so few ticks is not balanced, and the verdict says so.
    assert 8 < first.sampled.mean() < 300 and study.reached("CartPole-v1") == 0
    again = study_references(["CartPole-v1"], seeds=1, episodes=5).runs["CartPole-v1"][0]
    np.testing.assert_array_equal(again.sampled, first.sampled)
    np.testing.assert_array_equal(again.curve, first.curve)
    assert (second.sampled != first.sampled).any()


def test_every_environment_is_closed_once_it_has_been_used(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[CartPoleEnv] = []
    monkeypatch.setattr(CartPoleEnv, "close", lambda env: closed.append(env))
    study_references(["CartPole-v1"], seeds=1, episodes=3)
    assert len(closed) == len(set(map(id, closed))) == TASKS["CartPole-v1"].training.worlds + 2 * 3


def test_the_command_writes_the_report(short: None, tmp_path: Path) -> None:
    options = ["--task", "CartPole-v1", "--seeds", "2", "--episodes", "3"]
    assert main(["study", "references", *options, "--output", str(tmp_path)]) == 0
    page = (tmp_path / "reference-tasks.md").read_text()
    figures = json.loads((tmp_path / "reference-tasks.json").read_text())["tasks"]["CartPole-v1"]
    assert "in 0 of 2 seeds" in page and "townlet study references --seeds 2 --episodes 3 --task CartPole-v1" in page
    for run in figures["runs"]:
        assert f"| CartPole-v1 | {run['seed']} | {np.mean(run['sampled']):.1f} |" in page
        assert run["agent_steps"] == 2 * 16 * 64
    assert (tmp_path / "reference-tasks.png").read_bytes().startswith(b"\x89PNG")


def test_a_task_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "references", "--task", "CartPole"]) == 2
    assert "--task: found 'CartPole', expected one of" in capsys.readouterr().err
