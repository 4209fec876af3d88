"""The compiled passes against torch and autograd, and the promise that their bits depend on nothing but the data."""

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.made_up_batches import ACTIONS, ROWS, batch_of, differentiated, network_of
from support.small_trainings import QUEUE, SMALL, options_of, run
from support.toy_problems import CONFIG, replace_ppo

from townlet.behavior.compiled.kernel import TORCH, VARIABLE, processor_kernel, usable_kernels
from townlet.config import load_scenario
from townlet.training.adam import Adam
from townlet.training.batch import Method

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(processor_kernel() is TORCH, reason="this processor has no tiles"),
]


@settings(max_examples=60, deadline=None)
@given(
    activation=st.sampled_from(["tanh", "relu"]),
    hidden=st.lists(st.integers(1, 70), min_size=1, max_size=3),
    method=st.sampled_from(["none", "cloning", "awr", "vtrace"]),
    normalize=st.booleans(),
    value_clip=st.sampled_from([None, 0.1]),
    count=st.integers(1, ROWS),
    actions=st.sampled_from([1, 2, 6, 31, 40]),
    seed=st.integers(0, 1000),
)
def test_records_and_gradients_are_those_of_torch(
    activation: str,
    hidden: list[int],
    method: Method,
    normalize: bool,
    value_clip: float | None,
    count: int,
    actions: int,
    seed: int,
) -> None:
    network = network_of(activation, hidden, actions=actions)
    batch = batch_of(network, method, seed)
    config = replace_ppo(normalize_advantage=normalize, value_clip=value_clip, entropy_schedule="linear")
    rows = np.random.default_rng(seed).permutation(ROWS)[:count]
    theirs, expected = differentiated("torch", network, batch, rows, config)
    ours, gradient = differentiated("compiled", network, batch, rows, config)
    for name, mine, reference in zip(ours._fields, ours, theirs, strict=True):
        assert mine == pytest.approx(reference, rel=2e-4, abs=2e-5, nan_ok=True), name
    torch.testing.assert_close(gradient, expected, rtol=2e-3, atol=2e-4 * max(1.0, float(expected.abs().max())))


def test_a_row_has_the_same_bits_in_whatever_company_it_is_evaluated() -> None:
    from townlet.behavior.compiled.inference import Inference

    network = network_of("tanh", [33, 20])
    batch = batch_of(network, "none")
    observation, mask = batch.observation.numpy(), batch.mask.numpy()
    whole = Inference(network).evaluate(observation, mask)
    for part in (slice(0, 1), slice(5, 22), slice(130, 300)):
        for all_of_it, some in zip(whole, Inference(network).evaluate(observation[part], mask[part]), strict=True):
            assert (all_of_it[part] == some).all()


def test_columns_that_are_all_zero_are_left_out_without_a_change_of_bits() -> None:
    from townlet.behavior.compiled.inference import Inference

    network = network_of("relu", [16])
    batch = batch_of(network, "none")
    observation, mask = batch.observation.numpy(), batch.mask.numpy()
    alone = [Inference(network).evaluate(observation[[row]], mask[[row]])[0][0] for row in range(3)]
    full = observation.copy()
    full[100:, :] = 1.0
    together = Inference(network).evaluate(full, mask)[0]
    for row in range(3):
        assert (together[row] == alone[row]).all()


def test_illegal_actions_have_no_probability_no_gradient_and_are_never_drawn() -> None:
    from townlet.behavior.compiled.inference import Inference

    network = network_of("relu", [8])
    batch = batch_of(network, "none")
    batch.mask[:, 2], batch.action[:] = False, 1
    batch.mask[:, 1] = True
    rows = np.arange(ROWS)
    differentiated("compiled", network, batch, rows, CONFIG)
    assert network.policy_head.weight.grad is not None
    assert (network.policy_head.weight.grad[2] == 0.0).all() and (network.policy_head.weight.grad[1] != 0.0).any()
    action, log_prob, value = np.empty(ROWS, np.int32), np.empty(ROWS, np.float32), np.empty(ROWS, np.float32)
    for uniform in (0.0, 0.5, np.nextafter(1.0, 0.0)):
        draws = np.full(ROWS, uniform)
        Inference(network).choose(batch.observation.numpy(), batch.mask.numpy(), draws, action, log_prob, value)
        assert batch.mask.numpy()[rows, action].all() and np.isfinite(log_prob).all()


def test_draws_follow_the_probabilities_and_report_those_of_the_chosen_actions() -> None:
    from townlet.behavior.compiled.inference import Inference

    network, count = network_of("tanh", [8]), 40_000
    batch = batch_of(network, "none", rows=1)
    observation = np.repeat(batch.observation.numpy(), count, axis=0)
    mask = np.repeat(batch.mask.numpy(), count, axis=0)
    action, log_prob, value = np.empty(count, np.int32), np.empty(count, np.float32), np.empty(count, np.float32)
    inference = Inference(network)
    inference.choose(observation, mask, np.random.default_rng(0).random(count), action, log_prob, value)
    log_probs, values = inference.evaluate(observation[:1], mask[:1])
    assert (log_prob == log_probs[0, action]).all() and (value == values[0]).all()
    share = np.bincount(action, minlength=ACTIONS) / count
    np.testing.assert_allclose(share, np.exp(log_probs[0]), atol=5 * math.sqrt(0.25 / count))
    inference.choose(observation, mask, np.empty(0), action, log_prob, value)
    assert (action == log_probs[0].argmax()).all() and (log_prob == 0.0).all()


@pytest.mark.parametrize("name", ["observation", "advantage", "old_log_prob", "value_target"])
def test_a_number_that_is_not_finite_reaches_the_loss(name: str) -> None:
    network = network_of("relu", [8])
    batch = batch_of(network, "none")
    spoilt = getattr(batch, name).clone()
    spoilt.view(ROWS, -1)[7, 1 % spoilt.view(ROWS, -1).shape[1]] = math.nan
    record, _ = differentiated("compiled", network, replace(batch, **{name: spoilt}), np.arange(ROWS), CONFIG)
    assert math.isnan(record.loss_total) and math.isnan(record.grad_norm)


def test_steps_are_those_of_torch_optim_adam() -> None:
    from townlet.training.compiled.update import CompiledUpdate

    ours, theirs = network_of("relu", [9, 5]), network_of("relu", [9, 5])
    mine = Adam(ours.parameters(), lr=3e-3, eps=1e-5)
    reference = torch.optim.Adam(theirs.parameters(), lr=3e-3, eps=1e-5)
    batch, update = batch_of(ours, "none"), CompiledUpdate(ours, 1)
    for epoch in range(3):
        update.load(mine)
        for rows in np.split(np.random.default_rng(epoch).permutation(ROWS), 4):
            update.differentiate(batch, rows, CONFIG, 0.0)
            update.show_gradient()
            update.step(mine, 0.5)
            for parameter, source in zip(theirs.parameters(), ours.parameters(), strict=True):
                assert source.grad is not None
                parameter.grad = 0.5 * source.grad
            reference.step()
        update.store(mine)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    assert [int(steps) for steps in mine.steps] == [12] * 8


def test_the_memory_for_a_network_goes_with_the_network() -> None:
    from townlet.behavior.compiled.inference import Inference
    from townlet.training.compiled.update import CompiledUpdate

    network = network_of("relu", [8])
    kept = weakref.ref(Inference.of(network)), weakref.ref(CompiledUpdate.of(network, 1)), weakref.ref(network)
    assert kept[0]() is Inference.of(network)
    del network
    gc.collect()
    assert all(reference() is None for reference in kept)


def other_kernels() -> list[str]:
    return [kernel.name for kernel in usable_kernels() if kernel not in (TORCH, processor_kernel())]


@pytest.mark.parametrize("kernel", other_kernels())
def test_a_policy_has_the_same_bytes_by_every_width_of_vectors(kernel: str, tmp_path: Path) -> None:
    run(load_scenario(QUEUE), tmp_path / "ours")
    command = [sys.executable, "-c", "from townlet.cli import run; run()", "train", str(QUEUE), "--output", "theirs"]
    environment = {**os.environ, VARIABLE: kernel}
    subprocess.run([*command, *options_of(**SMALL)], cwd=tmp_path, env=environment, check=True, capture_output=True)
    for name in ("policy.safetensors", "checkpoint.safetensors"):
        ours, theirs = ((tmp_path / place / name).read_bytes() for place in ("ours", "theirs"))
        assert ours == theirs, name
