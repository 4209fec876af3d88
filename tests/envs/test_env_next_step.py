"""The batch with Gymnasium's autoreset mode ``NEXT_STEP``."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import TransformObservation
from gymnasium.wrappers.vector import (
    DtypeObservation,
    FlattenObservation,
    NormalizeObservation,
    NormalizeReward,
    RecordEpisodeStatistics,
    RescaleObservation,
    VectorizeTransformObservation,
)
from support.env_play import hard_times, legal_draw

import townlet
from townlet.config import Scenario
from townlet.envs import TownVectorEnv
from townlet.errors import InputError


def batch_of(scenario: str | Scenario = "queue_conflict", worlds: int = 3) -> TownVectorEnv:
    return townlet.vector_env(scenario, worlds=worlds, autoreset="next_step")


def test_at_the_limit_the_last_observations_come_first_and_those_of_the_next_episode_a_step_later() -> None:
    batch, twin = batch_of(), townlet.vector_env("queue_conflict", worlds=3)
    assert batch.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert TownVectorEnv.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    info = batch.reset(seed=1)[1]
    twin.reset(seed=1)
    generator = np.random.default_rng(0)
    for tick in range(1, 2 * batch.scenario.ticks + 1):
        action = legal_draw(info["action_mask"], generator)
        observation, reward, terminated, truncated, info = batch.step(action)
        next_one, *same, twin_info = twin.step(action)
        assert info.keys() == {"action_mask", "alive"}
        np.testing.assert_array_equal(reward, same[0])
        np.testing.assert_array_equal(terminated, same[1])
        if tick % batch.scenario.ticks:
            np.testing.assert_array_equal(observation, next_one)
            assert not truncated.any()
            continue
        assert (truncated == ~terminated).all()
        np.testing.assert_array_equal(observation, twin_info["final_obs"])
        observation, reward, terminated, truncated, info = batch.step(np.full(9, 3))
        np.testing.assert_array_equal(observation, next_one)
        np.testing.assert_array_equal(info["action_mask"], twin_info["action_mask"])
        assert not (reward.any() or terminated.any() or truncated.any()) and info["alive"].all()


def test_a_reset_after_the_limit_begins_one_episode_and_not_two() -> None:
    batch = batch_of("observation_baseline", worlds=1)
    batch.reset(seed=0)
    for _ in range(20):
        _, _, _, truncated, _ = batch.step([0])
    assert truncated.all()
    batch.reset()
    assert not batch.step([0])[3].any() and batch.town.tick == 1


@pytest.mark.parametrize("ticks", [60, 61, 62, 63, 64])
def test_whoever_drops_the_step_after_an_end_has_no_transition_across_one(ticks: int) -> None:
    """Gymnasium's rule: a step that follows an end carries a new beginning, not a transition."""
    batch = batch_of(hard_times().model_copy(update={"ticks": ticks}), worlds=2)
    _, info = batch.reset(seed=0)
    lives, alive = batch.town.state.people["generation"].reshape(-1).copy(), info["alive"].copy()
    episode, done = 0, np.zeros(8, np.bool_)
    kept = ends = arrivals = 0
    for _ in range(3 * ticks + 9):
        begins = batch.town.tick == ticks
        observation, reward, terminated, truncated, info = batch.step(np.zeros(8, np.int32))
        episode += begins
        now = batch.town.state.people["generation"].reshape(-1) + 1000 * episode
        # A person's number goes up when they leave: up to that step, a transition is within one life.
        within = (now == lives) | (terminated & (now == lives + 1))
        assert within[~done].all()
        assert not reward[done].any() and not observation[terminated].any()
        assert not (reward[~alive].any() or terminated[~alive].any())
        kept, ends = kept + int((~done).sum()), ends + int((terminated | truncated).sum())
        arrivals += int((info["alive"] & ~alive & ~done).sum())
        lives, alive, done = now, info["alive"].copy(), terminated | truncated
    assert kept > 300 and ends > 60 and arrivals > 60


@pytest.mark.parametrize(
    "wrap",
    [
        NormalizeObservation,
        FlattenObservation,
        NormalizeReward,
        RecordEpisodeStatistics,
        lambda batch: DtypeObservation(batch, np.float64),
        lambda batch: RescaleObservation(batch, -1.0, 1.0),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_gymnasiums_vector_wrappers_take_it(wrap: type[NormalizeObservation]) -> None:
    batch = batch_of(hard_times(), worlds=2)
    wrapped = wrap(batch)
    wrapped.reset(seed=0)
    for _ in range(150):
        observation, reward, *_ = wrapped.step(np.zeros(8, np.int32))
        assert observation.shape == wrapped.observation_space.shape
        assert np.isfinite(observation).all() and np.isfinite(reward).all()


def test_statistics_of_episodes_are_those_of_lives() -> None:
    recorder = RecordEpisodeStatistics(batch_of(hard_times(), worlds=1))
    recorder.reset(seed=0)
    total, seen = np.zeros(4), []
    for _ in range(59):
        _, reward, terminated, _, info = recorder.step(np.zeros(4, np.int32))
        total += reward
        if terminated.any():
            np.testing.assert_allclose(info["episode"]["r"][terminated], total[terminated], rtol=1e-5)
            seen.append(int(info["episode"]["l"][0]))
            total[terminated] = 0.0
    # The step that follows a faint does not count, so a newcomer's episode is shorter by one.
    assert len(seen) > 3 and len(set(seen[1:])) == 1 and recorder.episode_count == 4 * len(seen)


def test_a_wrapper_that_writes_into_the_observations_does_not_write_into_the_town() -> None:
    batch = batch_of()
    wrapped = VectorizeTransformObservation(
        batch, TransformObservation, func=lambda seen: seen * 0, observation_space=batch.single_observation_space
    )
    wrapped.reset(seed=0)
    observation, *_ = wrapped.step(np.zeros(9, np.int32))
    assert not observation.any() and batch.town.observation.any()


@pytest.mark.parametrize("mode", ["next_step", AutoresetMode.NEXT_STEP])
def test_the_mode_may_be_gymnasiums_own(mode: AutoresetMode) -> None:
    batch = townlet.vector_env("queue_conflict", worlds=1, autoreset=mode)
    assert batch.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


@pytest.mark.parametrize("mode", ["nextstep", AutoresetMode.DISABLED, None])
def test_another_mode_is_refused(mode: AutoresetMode) -> None:
    with pytest.raises(InputError, match=r"autoreset: found .*, expected one of next_step, same_step"):
        townlet.vector_env("queue_conflict", worlds=1, autoreset=mode)


def test_a_reset_of_some_of_the_environments_is_refused() -> None:
    with pytest.raises(InputError, match="reset_mask: found a mask, expected none: all worlds begin together"):
        batch_of().reset(options={"reset_mask": np.ones(9, np.bool_)})
