"""Learning from rollout buffers: progress, repeatability to the bit, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.toy_problems import (
    AGENTS,
    CONFIG,
    CONTEXTS,
    TICKS,
    WORLDS,
    make_learner,
    play_bandit,
    play_corridor,
    record_script,
    record_uniform_policy,
)

from townlet.errors import InputError
from townlet.training import TrainingDiverged
from townlet.training.batch import rollout_batch
from townlet.training.replay import replay_batch

pytestmark = pytest.mark.usefixtures("one_thread")


def test_ppo_learns_the_bandit() -> None:
    learner = make_learner()
    first = play_bandit(learner, 0).reward.mean()
    for seed in range(25):
        learner.learn(rollout_batch(play_bandit(learner, seed), learner.network, CONFIG), epochs=4)
    assert first < 0.4
    assert play_bandit(learner, 99).reward.mean() > 0.9


def test_ppo_learns_to_walk_towards_a_reward_several_steps_away() -> None:
    learner = make_learner()
    first = play_corridor(learner, 0).reward.mean()
    for seed in range(25):
        learner.learn(rollout_batch(play_corridor(learner, seed), learner.network, CONFIG), epochs=4)
    assert first < 0.05
    assert play_corridor(learner, 99).reward.mean() > 0.2  # 0.25 is perfect
    with torch.no_grad():
        values = learner.network.value(torch.eye(CONTEXTS))
    assert (values.diff() > 0).all(), "the nearer the end, the better"


def test_vtrace_learns_the_bandit_from_somebody_elses_random_actions() -> None:
    learner = make_learner()
    for seed in range(12):
        batch = replay_batch(record_uniform_policy(seed), learner.network, CONFIG, deterministic=False)
        fields = learner.learn(batch, epochs=4)
    assert batch.method == "vtrace"
    assert play_bandit(learner, 99).reward.mean() > 0.8
    # By now the policy is far from uniform, and recorded data counts less.
    assert 0.05 < fields["effective_sample_share"] < 0.7
    assert 0.0 < fields["importance_weight_mean"] <= 1.0


def test_cloning_copies_a_script_and_learns_its_value() -> None:
    learner = make_learner()
    batch = replay_batch(record_script(), learner.network, CONFIG, deterministic=True)
    before = learner.learn(batch)
    after = learner.learn(batch, epochs=60)
    assert batch.method == "cloning"
    assert before["cloning_accuracy"] < 0.9
    assert after["cloning_accuracy"] == 1.0
    assert after["loss_policy"] < 0.1 * before["loss_policy"]
    assert after["clip_fraction"] == after["clip_fraction_max"] == after["clip_triggered_minibatches"] == 0
    assert after["kl_divergence"] > before["kl_divergence"] >= 0.0
    with torch.no_grad():
        values = learner.network.value(torch.eye(CONTEXTS))
    torch.testing.assert_close(values, torch.tensor([0.0, 0.0, 1.0, 0.0]), atol=0.15, rtol=0)


@pytest.mark.parametrize("kind", ["rollout", "vtrace", "cloning"])
def test_equal_seeds_give_equal_bytes_and_different_seeds_do_not(kind: str) -> None:
    def trained(seed: int) -> tuple[bytes, dict[str, float]]:
        learner = make_learner()
        if kind == "rollout":
            batch = rollout_batch(play_bandit(learner, 0), learner.network, CONFIG)
        else:
            record = record_script() if kind == "cloning" else record_uniform_policy()
            batch = replay_batch(record, learner.network, CONFIG, deterministic=kind == "cloning")
        fields = learner.learn(batch, epochs=3, seed=seed)
        return learner.weights(), fields

    assert trained(1) == trained(1)
    assert trained(1)[0] != trained(2)[0]


@pytest.mark.parametrize("kind", ["rollout", "vtrace", "cloning"])
def test_a_nan_reward_stops_training_before_the_step_and_is_named(kind: str) -> None:
    learner = make_learner()
    if kind == "rollout":
        buffer = play_bandit(learner, 0)
        buffer.reward[3, 2, 1] = np.nan
        batch = rollout_batch(buffer, learner.network, CONFIG)
    else:
        buffer = record_script() if kind == "cloning" else record_uniform_policy()
        buffer.reward[3, 2, 1] = np.nan
        batch = replay_batch(buffer, learner.network, CONFIG, deterministic=kind == "cloning")
    with pytest.raises(TrainingDiverged, match=r"reward is not finite in 1 of 512 agent-steps") as caught:
        learner.learn(batch)
    assert caught.value.epoch == 1
    assert 1 <= caught.value.minibatch <= 4
    assert caught.value.term == ("loss_value" if kind == "cloning" else "loss_policy")
    assert all(torch.isfinite(weight).all() for weight in learner.network.parameters())


def test_a_nan_observation_is_named_as_the_cause() -> None:
    learner = make_learner()
    buffer = play_bandit(learner, 0)
    buffer.observation[0, 0, 0, 0] = np.nan
    with pytest.raises(TrainingDiverged, match="observation is not finite in 1 of 512"):
        learner.learn(rollout_batch(buffer, learner.network, CONFIG))


@pytest.mark.parametrize("kind", ["rollout", "vtrace", "cloning"])
def test_empty_slots_have_no_influence_whatever_they_hold(kind: str) -> None:
    def trained(garbage: float, action: int) -> bytes:
        learner = make_learner()
        buffer = play_corridor(learner, 0)
        buffer.alive[5:9, 2] = False
        buffer.terminated[4, 2] = True
        for array in (buffer.observation, buffer.reward, buffer.log_prob, buffer.value):
            array[5:9, 2] = garbage
        buffer.action[5:9, 2] = action
        buffer.terminated[5:9, 2] = garbage > 0
        if kind == "rollout":
            batch = rollout_batch(buffer, learner.network, CONFIG)
        else:
            batch = replay_batch(buffer, learner.network, CONFIG, deterministic=kind == "cloning")
        assert len(batch.rows) == buffer.agent_steps == 512 - 16
        learner.learn(batch, epochs=2)
        return learner.weights()

    assert trained(0.0, 0) == trained(7.0, -1) == trained(float("nan"), 1000)


def test_a_newcomer_does_not_count_as_the_future_of_whoever_left() -> None:
    learner = make_learner()
    buffer = play_corridor(learner, 0)
    buffer.terminated[6, 3, 1] = True
    buffer.alive[7:9, 3, 1] = False
    before = rollout_batch(buffer, learner.network, CONFIG).advantage.view(TICKS, WORLDS, AGENTS)[:7, 3, 1]
    buffer.reward[9:, 3, 1] += 100.0
    after = rollout_batch(buffer, learner.network, CONFIG).advantage.view(TICKS, WORLDS, AGENTS)[:7, 3, 1]
    assert torch.equal(before, after)


def test_a_time_limit_inside_the_buffer_bootstraps_from_what_was_seen_before_the_reset() -> None:
    learner = make_learner()
    buffer = play_corridor(learner, 0)
    buffer.terminated[:] = False
    buffer.truncated[6] = True
    seen = np.random.default_rng(0).normal(size=(WORLDS, AGENTS, CONTEXTS)).astype(np.float32)
    buffer.cut_ticks = [6, TICKS - 1]
    buffer.cut_observation.insert(0, seen)
    batch = rollout_batch(buffer, learner.network, CONFIG)
    with torch.no_grad():
        beyond = learner.network.value(torch.from_numpy(seen).view(-1, CONTEXTS)).view(WORLDS, AGENTS).numpy()
    expected = buffer.reward[6] + CONFIG.ppo.gamma * beyond - buffer.value[6]
    actual = batch.advantage.view(buffer.reward.shape)[6].numpy()
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_a_buffer_that_does_not_say_what_was_seen_at_its_end_is_refused() -> None:
    learner = make_learner()
    buffer = play_corridor(learner, 0)
    buffer.cut_ticks, buffer.cut_observation = [], []
    with pytest.raises(ValueError, match="expected the last tick, 15"):
        rollout_batch(buffer, learner.network, CONFIG)


@pytest.mark.parametrize("deterministic", [True, False])
def test_data_without_an_agent_step_is_refused(deterministic: bool) -> None:
    learner = make_learner()
    buffer = record_script()
    buffer.alive[:] = False
    with pytest.raises(InputError, match=r"manifest\.json: alive: found no agent-step"):
        replay_batch(buffer, learner.network, CONFIG, deterministic=deterministic, source="manifest.json")
    with pytest.raises(InputError, match="rollout: alive"):
        rollout_batch(buffer, learner.network, CONFIG)


def test_recorded_actions_that_were_illegal_or_do_not_exist_are_refused() -> None:
    learner = make_learner()
    buffer = record_script()
    buffer.action[0, 0, :2] = 4
    with pytest.raises(InputError, match="action: found 2 illegal actions"):
        replay_batch(buffer, learner.network, CONFIG, deterministic=True)
    buffer.action[0, 0, 0] = 5
    with pytest.raises(InputError, match="found numbers from 0 to 5, expected numbers from 0 to 4"):
        replay_batch(buffer, learner.network, CONFIG, deterministic=True)


@pytest.mark.parametrize("wrong", [0.5, float("nan"), float("-inf")])
def test_recorded_values_that_are_not_log_probabilities_are_refused(wrong: float) -> None:
    buffer = record_uniform_policy()
    buffer.log_prob[2, 2, 2] = wrong
    with pytest.raises(InputError, match="log_prob: found values that are positive or not finite"):
        replay_batch(buffer, make_learner().network, CONFIG, deterministic=False)
