"""The recurrent network: its memory as it acts, in towns, in parts of them and in environments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from support.own_environments import Relay, Turns
from support.recurrent import GRU, queue_with, recurrent_harness
from torch import nn

from townlet.behavior.memory import recall
from townlet.behavior.network import ActorCritic, shapes_of
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.torch_rows import step_rows
from townlet.config.training import NetworkConfig
from townlet.host.torch_settings import repeatable
from townlet.rollout import RolloutBuffer
from townlet.simulation import SimulationLoop
from townlet.training.environment import find_environment
from townlet.training.environment.loop import EnvironmentLoop
from townlet.training.trajectories import learnable_steps
from townlet.world import Town

CONFIG = NetworkConfig.model_validate(GRU)


def rows_for(network: ActorCritic, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(count)
    observation = torch.randn(count, network.features, generator=generator)
    mask = torch.rand(count, network.actions, generator=generator) < 0.7
    mask[:, 0] = True
    return observation, mask, torch.randn(count, network.state_units, generator=generator).tanh()


def test_the_memory_is_torchs_gru_and_the_heads_read_what_is_seen_and_the_new_state() -> None:
    network = ActorCritic(5, 4, CONFIG, seed=1)
    cell = nn.GRUCell(16, 12)
    cell.load_state_dict(network.memory.state_dict())
    observation, mask, state = rows_for(network, 20)
    found = network.step(observation, mask, state)
    hidden = network.trunk(observation)
    after = cell(hidden, state)
    torch.testing.assert_close(found.state, after, rtol=1e-6, atol=1e-6)
    logits = network.policy_head(torch.cat([hidden, after], 1)).masked_fill(~mask, -1e30)
    torch.testing.assert_close(found.log_probs, logits.log_softmax(-1), rtol=1e-5, atol=1e-6)
    assert torch.equal(network(observation, mask)[0], network.step(observation, mask, torch.zeros(20, 12)).log_probs)


@pytest.mark.parametrize("options", [{}, {"layer_norm": True}, GRU, GRU | {"layer_norm": True, "hidden": [9, 8, 7]}])
def test_weights_have_the_shapes_and_beginnings_that_are_told(options: dict[str, Any]) -> None:
    config = NetworkConfig.model_validate(options)
    before = torch.random.get_rng_state()
    network = ActorCritic(5, 4, config, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    shapes = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes == shapes_of(5, 4, config)
    norms = [layer for layer in network.trunk if isinstance(layer, nn.LayerNorm)]
    assert len(norms) == (len(config.hidden) if config.layer_norm else 0)
    if config.state_units:
        for gate in network.memory.weight_hh.detach().chunk(3):
            torch.testing.assert_close(gate @ gate.T, torch.eye(12), rtol=0, atol=1e-5)
        assert network.memory.bias_ih.detach().reshape(3, 12).sum(1).tolist() == [0.0, 12.0, 0.0]


def test_a_row_has_the_same_bits_whatever_others_there_are() -> None:
    for config in (CONFIG, CONFIG.model_copy(update={"layer_norm": True, "recurrent": "none"})):
        network = ActorCritic(37, 6, config, seed=1)
        observation, mask, state = rows_for(network, 300)
        with repeatable():
            whole = step_rows(network, observation, mask, state)
            for count in (1, 2, 3, 5, 17, 64, 299):
                some = step_rows(network, observation[:count], mask[:count], state[:count])
                for all_of_it, part in zip(whole, some, strict=True):
                    assert torch.equal(all_of_it[:count], part)


def lived(loop: SimulationLoop, network: ActorCritic, ticks: int, behavior: NeuralBehavior | None = None) -> Any:
    buffer = loop.new_buffer(ticks, network.state_units)
    with repeatable():
        loop.collect(buffer, behavior or NeuralBehavior(network))
    return buffer


@pytest.mark.parametrize("commitment", [0, 6])
def test_a_state_follows_from_what_is_recorded_and_begins_at_zero(commitment: int) -> None:
    network = recurrent_harness(commitment_ticks=commitment).network
    scenario = queue_with(GRU | {"commitment_ticks": commitment})
    buffer = lived(SimulationLoop(scenario, worlds=3, seed=1), network, scenario.ticks + 30)
    chooses, fresh = learnable_steps(buffer, network), np.zeros(buffer.alive.shape, np.bool_)
    fresh[0] = True
    fresh[1:] = (buffer.terminated | buffer.truncated)[:-1]
    assert buffer.truncated.any() and chooses.any() and (commitment == 0) == (chooses == buffer.alive).all()
    state = np.zeros_like(buffer.state[0])
    for t in range(buffer.ticks):
        state[fresh[t]] = 0.0
        assert np.array_equal(buffer.state[t], state)
        at = chooses[t]
        found = step_rows(
            network,
            *(torch.from_numpy(array[t][at]) for array in (buffer.observation, buffer.mask)),
            torch.from_numpy(state[at]),
        )
        state[at] = found.state.numpy()
        action = torch.from_numpy(buffer.action[t][at]).long().unsqueeze(1)
        assert np.array_equal(found.log_probs.gather(1, action)[:, 0].numpy(), buffer.log_prob[t][at])
        assert np.array_equal(found.value.numpy(), buffer.value[t][at])
    assert np.ptp(buffer.state) > 0.5


def equal(one: RolloutBuffer, other: RolloutBuffer) -> bool:
    names = ("observation", "action", "log_prob", "value", "state")
    return all(np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in names)


def test_threads_parts_and_other_towns_change_nothing() -> None:
    network = recurrent_harness().network
    scenario = queue_with(GRU)
    expected = [lived(SimulationLoop(scenario, worlds=5, seed=seed), network, 40) for seed in (1, 2)]
    threaded = SimulationLoop(scenario, worlds=5, seed=1, threads=2)
    behavior, other = NeuralBehavior(network), SimulationLoop(scenario, worlds=5, seed=2)
    # In turn, by the same behaviour: what it remembers of one town does not reach the other.
    halves = [lived(loop, network, 20, behavior) for _ in range(2) for loop in (threaded, other)]
    for index, whole in enumerate(expected):
        for half, ticks in zip(halves[index::2], (slice(0, 20), slice(20, 40)), strict=True):
            for name in ("observation", "action", "log_prob", "value", "state"):
                assert np.array_equal(getattr(half, name), getattr(whole, name)[ticks]), name
    other.town.reset(2)
    assert equal(lived(other, network, 40, behavior), expected[1])


@pytest.mark.parametrize("env", [Relay, Turns])
def test_in_environments_a_state_ends_with_the_stay_of_its_agent(env: Any) -> None:
    environment = find_environment(env)
    loop = EnvironmentLoop(env.__name__, environment.adapt, worlds=2, seed=0)
    town = loop.town
    network = ActorCritic(len(town.observation_schema), len(town.action_names), CONFIG, seed=2)
    # Without a bias, an observation of zeros leaves a state of zeros.
    nn.init.constant_(network.trunk[0].bias, 0.3)
    buffer = lived(loop, network, 15)  # type: ignore[arg-type]
    ended = (buffer.terminated | buffer.truncated)[:-1]
    assert ended.any()
    assert (buffer.state[1:][ended] == 0.0).all()
    after = buffer.alive[:-1] & ~ended
    assert (buffer.state[1:][after] != 0.0).any(axis=-1).all()
    still = ~buffer.alive[:-1] & ~ended
    assert np.array_equal(buffer.state[1:][still], buffer.state[:-1][still])


def test_a_reset_and_a_newcomer_begin_without_a_memory() -> None:
    network = recurrent_harness().network
    town = Town(queue_with(GRU), worlds=2, seed=0)
    behavior = NeuralBehavior(network)
    arrays: Any = [np.zeros(town.alive.shape, kind) for kind in (np.int32, np.float32, np.float32)]
    state = np.zeros((*town.alive.shape, 12), np.float32)
    behavior.act(town, *arrays)
    town.step(arrays[0])
    recall(behavior, town, state)
    assert (state != 0.0).any(axis=-1).all()
    town.state.terminated[1, 0] = True
    recall(behavior, town, state)
    assert not state[1, 0].any() and state[0, 0].any()
    town.reset()
    recall(behavior, town, state)
    assert not state.any()
