"""One epoch: its order, normalisation, losses and telemetry statistics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.toy_problems import (
    ACTIONS,
    AGENTS,
    CONFIG,
    CONTEXTS,
    TICKS,
    WORLDS,
    make_learner,
    play_bandit,
    play_corridor,
    record_uniform_policy,
    replace_ppo,
)

from townlet.training.advantages import gae
from townlet.training.batch import correlation, rollout_batch
from townlet.training.importance import effective_sample_share
from townlet.training.replay import replay_batch
from townlet.training.torch_update import normalize
from townlet.training.update import minibatches

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_loss_and_its_first_step_are_those_of_the_formulas_written_out() -> None:
    config = replace_ppo(minibatch_size=10_000, normalize_advantage=True, value_coef=0.7, entropy_coef=0.03)
    learner, twin = make_learner(config=config), make_learner(config=config)
    buffer = play_corridor(learner, 0)
    fields = learner.learn(rollout_batch(buffer, learner.network, config))

    slots = WORLDS * AGENTS
    value = torch.from_numpy(buffer.value).view(TICKS, slots)
    with torch.no_grad():
        last = twin.network.value(torch.from_numpy(buffer.cut_observation[0]).view(slots, -1))
    following = torch.cat([value[1:], last[None]]).numpy()
    cut = np.zeros((TICKS, slots), bool)
    cut[-1] = True
    done = buffer.terminated.reshape(TICKS, slots)
    advantage = torch.from_numpy(
        gae(buffer.reward.reshape(TICKS, slots), value.numpy(), following, done, cut, 0.9, 0.95)
    )
    scaled = ((advantage - advantage.mean()) / (advantage.std() + 1e-8)).flatten()
    log_probs, values = twin.network(
        torch.from_numpy(buffer.observation).view(-1, CONTEXTS),
        torch.from_numpy(buffer.mask).view(-1, ACTIONS),
    )
    chosen = log_probs[torch.arange(len(log_probs)), torch.from_numpy(buffer.action).flatten().long()]
    ratio = (chosen - torch.from_numpy(buffer.log_prob).flatten()).exp()
    policy = -torch.min(ratio * scaled, ratio.clamp(0.8, 1.2) * scaled).mean()
    squares = (values - (advantage + value).flatten()).square().mean()
    entropies = torch.distributions.Categorical(logits=log_probs[:, :4]).entropy().mean()
    total = policy + 0.7 * squares - 0.03 * entropies
    total.backward()
    norm = torch.nn.utils.clip_grad_norm_(twin.network.parameters(), config.ppo.max_grad_norm)
    twin.optimizer.step()

    assert fields["loss_policy"] == pytest.approx(policy.item(), abs=1e-6)
    assert fields["loss_value"] == pytest.approx(squares.item(), rel=1e-5)
    assert fields["loss_entropy"] == pytest.approx(-0.03 * entropies.item(), rel=1e-5)
    assert fields["loss_total"] == pytest.approx(total.item(), abs=1e-6)
    assert fields["grad_norm"] == pytest.approx(norm.item(), rel=1e-4)
    for mine, theirs in zip(learner.network.parameters(), twin.network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-5, rtol=0)


def test_vtrace_on_the_networks_own_data_finds_all_weights_one_and_no_divergence() -> None:
    learner = make_learner(config=replace_ppo(minibatch_size=10_000))
    batch = replay_batch(play_corridor(learner, 0), learner.network, CONFIG, deterministic=False)
    fields = learner.learn(batch)
    assert fields["importance_weight_mean"] == pytest.approx(1.0, abs=1e-5)
    assert fields["effective_sample_share"] == pytest.approx(1.0, abs=1e-6)
    assert fields["kl_divergence"] == pytest.approx(0.0, abs=1e-9)
    assert fields["clip_fraction"] == 0.0


def test_vtrace_weighs_normalised_advantages_by_how_likely_the_recorded_action_is_to_the_policy() -> None:
    learner = make_learner(config=replace_ppo(minibatch_size=10_000))
    for seed in range(3):
        batch = rollout_batch(play_bandit(learner, seed), learner.network, CONFIG)
        learner.learn(batch, epochs=10)
    buffer = record_uniform_policy()
    batch = replay_batch(buffer, learner.network, CONFIG, deterministic=False)
    with torch.no_grad():
        log_probs, _ = learner.network(batch.observation, batch.mask)
    probability = log_probs.gather(1, batch.action[:, None])[:, 0].exp()
    weight = torch.clamp(probability / 0.25, max=1.0)
    assert 0.2 < weight.mean() < 0.95
    expected = -(weight * normalize(batch.advantage)).mean().item()
    assert learner.learn(batch)["loss_policy"] == pytest.approx(expected, abs=1e-6)


def test_every_agent_step_is_visited_once_per_epoch_in_an_order_of_its_own() -> None:
    rows = np.flatnonzero(np.arange(1000) % 3)
    first, again, next_epoch, other_seed = (
        list(minibatches(rows, 100, seed, epoch)) for seed, epoch in [(1, 1), (1, 1), (1, 2), (2, 1)]
    )
    order = np.concatenate(first)
    np.testing.assert_array_equal(np.sort(order), rows)
    np.testing.assert_array_equal(order, np.concatenate(again))
    assert (order != np.concatenate(next_epoch)).any()
    assert (order != np.concatenate(other_seed)).any()
    assert {len(part) for part in first} == {95, 96}


def test_minibatch_sizes_differ_by_at_most_one() -> None:
    assert [len(part) for part in minibatches(np.arange(257), 128, 0, 1)] == [86, 86, 85]


@pytest.mark.parametrize("size", [1, 7, 511])
def test_minibatches_of_any_size_report_finite_numbers(size: int) -> None:
    learner = make_learner(config=replace_ppo(minibatch_size=size))
    fields = learner.learn(rollout_batch(play_bandit(learner, 0), learner.network, CONFIG))
    assert fields["updates"] == -(-512 // size)
    assert np.isfinite(list(fields.values())).all()
    assert fields["adv_zero_std_batches"] == (512 if size == 1 else 0)


def test_constant_advantages_are_counted_and_give_the_policy_no_direction() -> None:
    learner = make_learner(config=replace_ppo(entropy_coef=0.0))
    buffer = play_bandit(learner, 0)
    buffer.reward[:], buffer.value[:] = 0.3, 0.1
    fields = learner.learn(rollout_batch(buffer, learner.network, CONFIG))
    assert fields["adv_zero_std_batches"] == fields["updates"] == 4
    assert fields["adv_min_std"] == pytest.approx(0.0, abs=1e-7)
    assert fields["adv_mean"] == pytest.approx(0.2)
    assert fields["reward_advantage_corr"] == 0.0
    assert fields["loss_policy"] == 0.0


def test_normalised_advantages_have_mean_zero_and_deviation_one() -> None:
    scaled = normalize(torch.tensor([1.0, 2.0, 3.0, 10.0]))
    assert scaled.mean().item() == pytest.approx(0.0, abs=1e-6)
    assert scaled.std().item() == pytest.approx(1.0, abs=1e-6)
    assert normalize(torch.tensor([5.0])).item() == 5.0
    assert (normalize(torch.full((10,), 0.1)) == 0.0).all()


def test_statistics_leave_out_empty_slots() -> None:
    learner = make_learner()
    buffer = play_corridor(learner, 0)
    buffer.alive[:, 5:] = False
    buffer.clipped[:, 5:] = True
    buffer.clipped[0, :5] = True
    batch = rollout_batch(buffer, learner.network, CONFIG)
    fields = learner.learn(batch)
    advantage = batch.advantage.view(buffer.reward.shape).numpy()[:, :5]
    assert fields["transitions"] == TICKS * 5 * AGENTS
    assert fields["reward_mean"] == pytest.approx(buffer.reward[:, :5].mean())
    assert fields["reward_clipped_share"] == 1 / TICKS
    assert fields["adv_mean"] == pytest.approx(advantage.mean(), abs=1e-6)
    assert fields["adv_std"] == pytest.approx(advantage.std(), rel=1e-5)
    expected = np.corrcoef(buffer.reward[:, :5].ravel(), advantage.ravel())[0, 1]
    assert fields["reward_advantage_corr"] == pytest.approx(expected, abs=1e-6)


def test_correlation_is_exact_at_its_bounds() -> None:
    x = np.arange(100, dtype=np.float32)
    assert correlation(x, 3 * x + 1) == pytest.approx(1.0)
    assert correlation(x, -x) == pytest.approx(-1.0)
    assert correlation(x, 0 * x) == 0.0


def test_effective_sample_share_is_one_for_equal_weights_and_one_nth_for_a_single_survivor() -> None:
    assert effective_sample_share(np.full(50, -3.0, np.float32)) == pytest.approx(1.0)
    lone = np.full(50, -1000.0, np.float32)
    lone[7] = 800.0
    assert effective_sample_share(lone) == pytest.approx(1 / 50)


def test_clipping_is_reported_once_the_policy_has_left_the_trust_region() -> None:
    learner = make_learner(config=replace_ppo(learning_rate=0.05))
    batch = rollout_batch(play_bandit(learner, 0), learner.network, CONFIG)
    first = learner.learn(batch)
    last = learner.learn(batch, epochs=5)
    assert last["clip_fraction"] > first["clip_fraction"]
    assert last["clip_fraction_max"] >= last["clip_fraction"] > 0.0
    assert last["clip_triggered_minibatches"] == 4
    assert last["kl_divergence_max"] >= last["kl_divergence"] > 0.0
