"""The compiled passes at the edges of their numbers and shapes, against torch where torch gives finite numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.made_up_batches import ROWS, batch_of, differentiated, network_of
from support.toy_problems import CONFIG, replace_ppo

from townlet.behavior.compiled.kernel import TORCH, processor_kernel
from townlet.behavior.network import ActorCritic
from townlet.training.adam import Adam
from townlet.training.batch import Batch
from townlet.training.divergence import TrainingDiverged, first_fault
from townlet.training.minibatch_record import MinibatchRecord
from townlet.training.update import TERMS, run_epoch

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(processor_kernel() is TORCH, reason="this processor has no tiles"),
]


def fault_of(record: MinibatchRecord) -> str | None:
    """The term that would stop a training."""
    fault = first_fault({name: getattr(record, name) for name in TERMS}, 1e8)
    return fault and fault[0]


def assert_as_torch(network: ActorCritic, batch: Batch, rows: np.ndarray) -> None:
    theirs, expected = differentiated("torch", network, batch, rows, CONFIG)
    ours, gradient = differentiated("compiled", network, batch, rows, CONFIG)
    assert fault_of(ours) == fault_of(theirs)
    if fault_of(theirs) is None:
        for name, mine, reference in zip(ours._fields, ours, theirs, strict=True):
            assert mine == pytest.approx(reference, rel=1e-2, abs=1e-3, nan_ok=True), name
        torch.testing.assert_close(gradient, expected, rtol=1e-2, atol=1e-3 * max(1.0, float(expected.abs().max())))


def test_rows_of_an_earlier_minibatch_have_no_part_in_the_next() -> None:
    from townlet.training.compiled.update import CompiledUpdate

    network = network_of("relu", [8])
    batch = batch_of(network, "none")
    spoilt = replace(batch, observation=torch.full_like(batch.observation, math.nan))
    update = CompiledUpdate(network, 1)
    update.load(Adam(network.parameters(), lr=1e-3, eps=1e-5))
    rows = np.arange(5)
    before = update.differentiate(batch, rows, CONFIG, 0.0)
    assert math.isnan(update.differentiate(spoilt, np.arange(ROWS), CONFIG, 0.0).loss_total)
    # Text, because NaN does not equal itself.
    assert str(update.differentiate(batch, rows, CONFIG, 0.0)) == str(before)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 15, 17, ROWS])
def test_recorded_actions_that_the_policy_never_takes_are_learnt_from_as_by_torch(count: int) -> None:
    network = network_of("relu", [8], features=4)
    with torch.no_grad():
        network.policy_head.weight.mul_(2000.0)
    batch = batch_of(network, "vtrace")
    with torch.no_grad():
        log_probs, _ = network(batch.observation, batch.mask)
    action = torch.multinomial(batch.mask.float(), 1, generator=torch.Generator().manual_seed(0))
    old = log_probs.gather(1, action)
    assert float(old.min()) < -1000.0
    batch = replace(batch, action=action.squeeze(1), old_log_prob=old.squeeze(1), old_log_probs=log_probs)
    assert_as_torch(network, batch, np.arange(count))


@pytest.mark.parametrize("log_ratio", [1e30, 1e20, 1e5, 800.0, 709.75, 88.7, -88.7, -800.0, -1e5, -1e20, -1e30])
@pytest.mark.parametrize("method", ["none", "vtrace", "cloning"])
def test_a_log_ratio_of_any_size_gives_torchs_numbers_or_stops_at_the_same_term(method: str, log_ratio: float) -> None:
    network = network_of("tanh", [8])
    batch = batch_of(network, method)  # type: ignore[arg-type]
    old = batch.old_log_prob.clone()
    old[5] -= log_ratio
    assert_as_torch(network, replace(batch, old_log_prob=old), np.arange(30))


@pytest.mark.parametrize("name", ["observation", "advantage", "old_log_prob", "value_target"])
@pytest.mark.parametrize("number", [1e-42, -0.0, 1e20, math.inf, math.nan])
def test_a_strange_number_gives_torchs_numbers_or_stops_at_the_same_term(name: str, number: float) -> None:
    network = network_of("tanh", [8])
    batch = batch_of(network, "none")
    spoilt = getattr(batch, name).clone()
    spoilt.view(ROWS, -1)[7, 1 % spoilt.view(ROWS, -1).shape[1]] = number
    assert_as_torch(network, replace(batch, **{name: spoilt}), np.arange(100))


@pytest.mark.parametrize("layer", ["trunk", "policy_head", "value_head"])
@pytest.mark.parametrize("number", [1e5, 1e19, math.inf, math.nan])
def test_a_weight_that_diverges_stops_at_the_same_term(layer: str, number: float) -> None:
    network = network_of("relu", [8])
    batch = batch_of(network, "none")
    with torch.no_grad():
        (network.trunk[0] if layer == "trunk" else getattr(network, layer)).weight[0, 1] = number
    for count in (5, ROWS):
        assert_as_torch(network, batch, np.arange(count))


def test_a_diagnosis_is_of_the_weights_at_which_the_training_diverged() -> None:
    network = network_of("relu", [8])
    batch = batch_of(network, "none")
    config = replace_ppo(learning_rate=1.0, max_grad_norm=1e3, minibatch_size=30, diverged_above=100.0)
    start = float(network.value_head.weight.detach().double().norm())
    with pytest.raises(TrainingDiverged) as caught:
        run_epoch(network, Adam(network.parameters(), lr=1.0, eps=1e-5), batch, config, seed=0, epoch=1)
    assert caught.value.minibatch > 1
    norms = caught.value.diagnosis["weight_norms"]
    assert norms == {name: float(weight.detach().double().norm()) for name, weight in network.named_parameters()}
    assert norms["value_head.weight"] != start


def test_a_person_of_whom_nothing_is_known_takes_the_first_action_and_leaves_the_others_alone() -> None:
    from townlet.behavior.compiled.inference import Inference

    network = network_of("relu", [8])
    batch = batch_of(network, "none")
    whole, spoilt = batch.observation.numpy(), batch.observation.numpy().copy()
    spoilt[3] = math.nan
    found = []
    for observation in (whole, spoilt):
        action, log_prob, value = np.empty(ROWS, np.int32), np.empty(ROWS, np.float32), np.empty(ROWS, np.float32)
        Inference(network).choose(observation, batch.mask.numpy(), np.full(ROWS, 0.5), action, log_prob, value)
        found.append((action, log_prob, value))
    assert found[1][0][3] == 0 and math.isnan(found[1][1][3]) and math.isnan(found[1][2][3])
    for sound, other in zip(*found, strict=True):
        assert (np.delete(sound, 3) == np.delete(other, 3)).all()


def test_arrays_of_another_shape_are_refused() -> None:
    from townlet.behavior.compiled.inference import Inference

    network = network_of("relu", [8])
    batch = batch_of(network, "none")
    observation, mask = batch.observation.numpy(), batch.mask.numpy()
    action, number = np.empty(ROWS, np.int32), np.empty(ROWS, np.float32)
    with pytest.raises(ValueError, match="observations"):
        Inference(network).evaluate(observation.reshape(-1, 7), mask)
    with pytest.raises(ValueError, match="masks"):
        Inference(network).evaluate(observation, np.ones((ROWS, 7), np.bool_))
    with pytest.raises(ValueError, match="draws for none or all of 300 rows"):
        Inference(network).choose(observation, mask, np.zeros(ROWS - 1), action, number, number)
