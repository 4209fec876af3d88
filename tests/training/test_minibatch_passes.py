"""The written-out passes against autograd, and training on several threads against one."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import QUEUE_CONFLICT
from support.toy_problems import (
    ACTIONS,
    CONFIG,
    CONTEXTS,
    make_learner,
    play_bandit,
    play_corridor,
    replace_ppo,
)
from torch.distributions import Categorical

from townlet.behavior.manual_grad import ForwardPass
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.config import load_scenario
from townlet.config.training import NetworkConfig
from townlet.host.workers import Workers
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training.batch import Batch, rollout_batch
from townlet.training.replay import replay_batch
from townlet.training.torch_update import MinibatchPasses

pytestmark = pytest.mark.usefixtures("one_thread")


def small_batch() -> Batch:
    learner = make_learner()
    return rollout_batch(play_corridor(learner, 0), learner.network, CONFIG)


def network_of(activation: str, hidden: list[int]) -> ActorCritic:
    config = NetworkConfig.model_validate({"hidden": hidden, "activation": activation})
    network = ActorCritic(CONTEXTS, ACTIONS, config, seed=3)
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        # Larger than at first, so that policies are far from uniform.
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator))
    return network


@settings(max_examples=20, deadline=None)
@given(
    activation=st.sampled_from(["tanh", "relu"]),
    hidden=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    count=st.integers(1, 40),
    seed=st.integers(0, 1000),
)
def test_gradients_of_any_loss_of_the_outputs_are_those_of_autograd(
    activation: str, hidden: list[int], count: int, seed: int
) -> None:
    network, batch = network_of(activation, hidden), small_batch()
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(batch.rows), generator=generator)[:count]
    a, b, c = torch.randn(3, count, generator=generator)

    log_probs, value = network(batch.observation[rows], batch.mask[rows])
    log_prob = log_probs.gather(1, batch.action[rows].unsqueeze(1)).squeeze(1)
    expected_loss = (a * log_prob.exp() + b * value.square() + c * Categorical(logits=log_probs).entropy()).mean()
    expected = torch.autograd.grad(expected_loss, list(network.parameters()))

    passes = MinibatchPasses(network, 40)
    outputs = passes.forward(batch, rows)
    torch.testing.assert_close(outputs.log_probs, log_probs.detach(), rtol=1e-5, atol=1e-5)
    loss = (a * outputs.log_prob.exp() + b * outputs.value.square() + c * outputs.entropy).mean()
    torch.testing.assert_close(loss, expected_loss, rtol=1e-4, atol=1e-5)
    loss.backward()
    gradient = passes.backward(batch, rows, outputs)
    torch.testing.assert_close(gradient, torch.cat([part.flatten() for part in expected]), rtol=1e-4, atol=1e-5)
    for parameter, theirs in zip(network.parameters(), expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, theirs, rtol=1e-4, atol=1e-5)


def test_illegal_actions_get_a_gradient_of_exactly_zero() -> None:
    network, batch = network_of("tanh", [8]), small_batch()
    rows = torch.arange(100)
    passes = MinibatchPasses(network, 100)
    outputs = passes.forward(batch, rows)
    (outputs.log_prob.sum() + outputs.entropy.sum()).backward()  # type: ignore[no-untyped-call]
    passes.backward(batch, rows, outputs)
    assert network.policy_head.weight.grad is not None and network.policy_head.bias.grad is not None
    assert (network.policy_head.weight.grad[4] == 0.0).all() and network.policy_head.bias.grad[4] == 0.0
    assert (network.policy_head.weight.grad[:4] != 0.0).any()


def test_a_forward_pass_follows_the_networks_weights_and_takes_fewer_rows_than_it_has_memory_for() -> None:
    network = network_of("relu", [6, 5])
    passes = ForwardPass(network, 32)
    observation = torch.randn(7, CONTEXTS, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        logits, value = passes.forward(observation)
        hidden = network.trunk(observation)
        torch.testing.assert_close(logits, network.policy_head(hidden).detach())
        torch.testing.assert_close(value, network.value(observation).detach())
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1.5)


def test_any_number_of_threads_learns_the_same_to_the_bit() -> None:
    def learnt(threads: int) -> torch.Tensor:
        config = CONFIG.model_copy(update={"threads": threads})
        learner = make_learner(config=config)
        learner.learn(rollout_batch(play_bandit(learner, 0), learner.network, config), epochs=3)
        return torch.cat([parameter.detach().flatten() for parameter in learner.network.parameters()])

    assert torch.equal(learnt(1), learnt(3))


def collected(threads: int, worlds: int = 5, ticks: int = 30) -> tuple[RolloutBuffer, SimulationLoop]:
    scenario = load_scenario(QUEUE_CONFLICT).model_copy(update={"ticks": 20})
    loop = SimulationLoop(scenario, worlds=worlds, seed=3, threads=threads)
    buffer = loop.new_buffer(ticks)
    network = ActorCritic(buffer.features, buffer.actions, NetworkConfig(hidden=(16,)), seed=1)
    loop.collect(buffer, NeuralBehavior(network))
    return buffer, loop


@pytest.mark.parametrize("threads", [2, 7])
def test_worlds_have_the_same_history_on_any_number_of_threads(threads: int) -> None:
    (alone, loop), (shared, other) = collected(1), collected(threads)
    recorded = "action mask alive terminated truncated observation reward clipped log_prob value"
    for name in recorded.split():
        np.testing.assert_array_equal(getattr(alone, name), getattr(shared, name), err_msg=name)
    assert shared.cut_ticks == alone.cut_ticks == [19, 29]
    for mine, theirs in zip(alone.cut_observation, shared.cut_observation, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert alone.totals == shared.totals
    np.testing.assert_array_equal(loop.town.observation, other.town.observation)


def test_a_behaviour_that_cannot_act_for_some_of_the_worlds_acts_for_all_at_once() -> None:
    class Alone(NeuralBehavior):
        concurrent = False

        asked = 0

        def act_within(self, town, *arrays) -> None:  # type: ignore[no-untyped-def]
            assert town.worlds == 5 and threading.current_thread() is threading.main_thread()
            super().act_within(town, *arrays)
            self.asked += 1

    loop = SimulationLoop(load_scenario(QUEUE_CONFLICT), worlds=5, seed=3, threads=3)
    buffer = loop.new_buffer(4)
    alone = Alone(ActorCritic(buffer.features, buffer.actions, NetworkConfig(hidden=(16,))))
    loop.collect(buffer, alone)
    assert alone.asked == 4 and (buffer.log_prob[buffer.alive] < 0).any()


def test_shared_work_covers_all_rows_once_in_equal_parts_and_passes_errors_on() -> None:
    workers = Workers(3)
    seen: list[tuple[int, int, int]] = []
    workers.share(8, lambda worker, part: seen.append((worker, part.start, part.stop)))
    assert sorted(seen) == [(0, 0, 2), (1, 2, 5), (2, 5, 8)]
    assert [part.stop - part.start for part in workers.parts(2)] == [1, 1]

    def fail(worker: int, part: slice) -> None:
        if worker == 2:
            raise ArithmeticError("of no use")

    with pytest.raises(ArithmeticError, match="of no use"):
        workers.share(8, fail)


def test_value_estimates_beyond_the_value_clip_get_no_gradient() -> None:
    def value_head(clip: float | None, moved: float) -> torch.Tensor:
        config = replace_ppo(value_clip=clip)
        learner = make_learner(config=config)
        batch = rollout_batch(play_bandit(learner, 0), learner.network, config)
        learner.learn(replace(batch, old_value=batch.old_value + moved))
        return learner.network.value_head.weight.detach().clone()

    untouched = make_learner().network.value_head.weight
    assert torch.equal(value_head(0.05, 10.0), untouched)
    assert not torch.equal(value_head(0.05, 0.0), untouched)
    assert torch.equal(value_head(None, 10.0), value_head(None, 0.0))


def test_the_target_kl_ends_a_phase_before_the_next_step() -> None:
    config = replace_ppo(learning_rate=0.05, target_kl=0.01)
    learner, free = make_learner(config=config), make_learner(config=replace_ppo(learning_rate=0.05))
    batch = rollout_batch(play_bandit(learner, 0), learner.network, config)
    fields, without = learner.learn(batch), free.learn(batch)
    assert without["updates"] == 4 and without["kl_divergence_max"] > 0.015
    assert fields["updates"] < 4 and fields["kl_divergence_max"] > 0.015
    before = learner.weights()
    again = learner.learn(batch)
    assert again["updates"] == 0 and learner.weights() == before


def test_the_target_kl_does_not_end_cloning_which_is_meant_to_move_the_policy() -> None:
    config = replace_ppo(learning_rate=0.05, target_kl=1e-6)
    learner = make_learner(config=config)
    batch = replay_batch(play_bandit(learner, 0), learner.network, config, deterministic=True)
    fields = learner.learn(batch)
    assert fields["updates"] == 4 and fields["kl_divergence_max"] > 1.5e-6


def test_schedules_lower_step_size_and_entropy_bonus_during_the_training() -> None:
    from townlet.training.update import run_epoch

    config = replace_ppo(lr_schedule="linear", entropy_schedule="linear", learning_rate=0.01, entropy_coef=0.1)
    learner = make_learner(config=config)
    batch = rollout_batch(play_bandit(learner, 0), learner.network, config)
    seen = [
        run_epoch(learner.network, learner.optimizer, batch, config, seed=0, epoch=1, progress=progress)
        for progress in (0.0, 0.5, 0.9)
    ]
    assert [fields["lr"] for fields in seen] == pytest.approx([0.01, 0.005, 0.001])
    bonus = [-fields["loss_entropy"] / fields["batch_entropy_mean"] for fields in seen]
    assert bonus == pytest.approx([0.1, 0.05, 0.01], rel=1e-5)
    before = learner.weights()
    run_epoch(learner.network, learner.optimizer, batch, config, seed=0, epoch=2, progress=1.0)
    assert learner.weights() == before
