"""Learning of a recurrent network: segments, gradients through time, and every way to learn from a record."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.places import QUEUE_CONFLICT
from support.recurrent import GRU, queue_with, recurrent_harness
from support.small_trainings import run
from torch import nn

from townlet.behavior.policy_file import load_policy
from townlet.capture import capture_rollout, read_capture
from townlet.config.training import TrainingConfig, combination_faults
from townlet.host.torch_settings import repeatable
from townlet.rollout import RolloutBuffer
from townlet.training import TrainingHarness
from townlet.training.autograd_update import AutogradUpdate
from townlet.training.batch import Batch, evaluate, rollout_batch
from townlet.training.sequences import segment_minibatches
from townlet.training.trajectories import Trajectories, learnable_rows, state_after
from townlet.training.update import update_of


def collected(**network: Any) -> tuple[TrainingHarness, RolloutBuffer, Batch]:
    """A harness, its second rollout, in which an episode ends, and the batch of it."""
    harness = recurrent_harness(**network)
    for _ in range(2):
        buffer = harness._collect(harness.behavior)
    assert buffer is not None
    return harness, buffer, rollout_batch(buffer, harness.network, harness.config)


@pytest.mark.parametrize("commitment", [0, 6])
def test_segments_hold_every_choice_once_in_order_and_minibatches_whole_segments(commitment: int) -> None:
    harness, buffer, batch = collected(commitment_ticks=commitment)
    sequences, slots = batch.sequences, buffer.worlds * buffer.agents
    assert sequences is not None
    ends = (buffer.terminated | buffer.truncated).reshape(buffer.ticks, slots)
    chooses = np.zeros(buffer.ticks * slots, np.bool_)
    chooses[learnable_rows(buffer, harness.network)] = True
    segments = sequences.segments(batch.rows, 7)
    assert np.array_equal(np.sort(np.concatenate(segments)), batch.rows)
    for segment in segments:
        tick, slot = np.divmod(segment, slots)
        assert len(set(slot)) == 1 and len(segment) <= 7 and (np.diff(tick) > 0).all()
        between = chooses.reshape(-1, slots)[tick[0] : tick[-1] + 1, slot[0]]
        assert between.sum() == len(segment)
        for row, (before, now) in zip(segment[1:], itertools.pairwise(tick), strict=True):
            assert sequences.begins[row] == ends[before:now, slot[0]].any()
    assert sequences.begins.any() and min(map(len, segments)) < 7
    parts = list(segment_minibatches(sequences, batch.rows, 7, 64, seed=1, epoch=2))
    assert len(parts) == -(-len(batch.rows) // 64)
    assert np.array_equal(np.sort(np.concatenate(parts)), batch.rows)
    assert max(abs(len(part) - len(batch.rows) / len(parts)) for part in parts) <= 7
    known = {tuple(segment) for segment in segments}
    for part in parts:
        assert {tuple(part[begin:end]) for begin, end in sequences.bounds(part, 7)} <= known
    others = list(segment_minibatches(sequences, batch.rows, 7, 64, seed=1, epoch=3))
    assert not np.array_equal(parts[0], others[0])


@pytest.mark.parametrize("network", [{}, {"commitment_ticks": 6, "layer_norm": True}])
def test_on_a_fresh_rollout_every_ratio_is_exactly_one(network: dict[str, Any]) -> None:
    with repeatable():
        harness, buffer, batch = collected(**network)
        log_probs, values, state = evaluate(harness.network, buffer)
        assert state is not None and batch.state is not None
        rows = batch.rows
        recorded = torch.from_numpy(buffer.log_prob).view(-1)
        assert torch.equal(log_probs.gather(1, batch.action.unsqueeze(1))[rows, 0], recorded[rows])
        assert torch.equal(values[rows], torch.from_numpy(buffer.value).view(-1)[rows])
        assert np.array_equal(state.reshape(-1, 12)[rows], buffer.state.reshape(-1, 12)[rows])
        update = update_of(harness.network, harness.config)
        assert isinstance(update, AutogradUpdate) and batch.sequences is not None
        for part in segment_minibatches(batch.sequences, rows, 7, 64, seed=0, epoch=1):
            outputs = update._forward(batch, part, torch.from_numpy(part))
            assert torch.equal(outputs.log_prob, recorded[part])
            assert torch.equal(outputs.value, batch.old_value[part])


def test_the_value_beyond_a_cut_is_of_the_state_after_the_last_choice() -> None:
    with repeatable():
        harness = recurrent_harness()
        first = harness._collect(harness.behavior)
        assert first is not None
        last, goes_on = first.ticks - 1, first.alive[-1] & ~first.terminated[-1] & ~first.truncated[-1]
        after = (
            state_after(first, harness.network, last, first.state[last]).reshape(*first.action.shape[1:], -1).numpy()
        )
        found = Trajectories.of(first, first.value, harness.network, 0.9, first.state)
        beyond = found.next_value[-1].reshape(goes_on.shape)[goes_on]
        second = harness._collect(harness.behavior)
        assert second is not None and goes_on.any()
        assert np.array_equal(second.state[0][goes_on], after[goes_on])
        assert np.array_equal(second.value[0][goes_on], beyond)


def test_gradients_flow_through_a_segment_and_stop_where_an_episode_begins() -> None:
    with repeatable():
        harness, _, batch = collected()
        network, sequences = harness.network, batch.sequences
        assert sequences is not None and batch.state is not None
        rows = np.concatenate(sequences.segments(batch.rows, 7)[4:16])
        update = AutogradUpdate(network)
        record = update.differentiate(batch, rows, harness.config, 0.0)
        found = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]

        network.zero_grad()
        # The same, by torch's own cell, one segment and one step after the other.
        cell = nn.GRUCell(16, 12)
        cell.load_state_dict(network.memory.state_dict())
        log_probs, values = [], []
        for begin, end in sequences.bounds(rows, 7):
            state = batch.state[rows[begin : begin + 1]]
            for row in rows[begin:end]:
                hidden = network.trunk(batch.observation[row : row + 1])
                state = cell(hidden, torch.zeros_like(state) if sequences.begins[row] else state)
                of_row, value = network.heads(hidden, state, batch.mask[row : row + 1])
                log_probs.append(of_row[0])
                values.append(value[0])
        assert sequences.begins[rows].any()
        outputs = torch.stack(log_probs), torch.stack(values)
        loss = surrogate(*outputs, batch, rows, harness.config)
        loss.backward()  # type: ignore[no-untyped-call]
        assert record.loss_total == pytest.approx(float(loss.detach()), rel=1e-5)
        own = dict(cell.named_parameters())
        expected = [
            own[name.removeprefix("memory.")].grad if name.startswith("memory.") else parameter.grad
            for name, parameter in network.named_parameters()
        ]
        whole = torch.cat([gradient.flatten() for gradient in found])
        assert record.grad_norm == pytest.approx(float(whole.norm()), rel=1e-6)
        for name, one, other in zip(dict(network.named_parameters()), found, expected, strict=True):
            assert other is not None
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}")


def surrogate(log_probs: Any, values: Any, batch: Batch, rows: Any, config: TrainingConfig) -> Any:
    """PPO's loss at ratio 1, written out."""
    ppo = config.ppo
    advantage = batch.advantage[rows]
    gain = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    chosen = log_probs.gather(1, batch.action[rows].unsqueeze(1))[:, 0]
    policy = -((chosen - batch.old_log_prob[rows]).exp() * gain).mean()
    value = ((values - batch.value_target[rows]) ** 2).mean()
    entropy = -(log_probs.exp() * log_probs).sum(-1).mean()
    return policy + ppo.value_coef * value - ppo.entropy_coef * entropy


def test_a_segment_longer_than_a_minibatch_is_refused() -> None:
    config = TrainingConfig.model_validate({"network": {"recurrent": "gru"}, "ppo": {"minibatch_size": 31}})
    faults = list(combination_faults(config))
    assert faults == [
        ("network.bptt_ticks", "32", "at most ppo.minibatch_size, 31: a minibatch consists of whole segments")
    ]


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Captures of chance, of the schedule, and of a recurrent policy, which is beside its own."""
    folder = tmp_path_factory.mktemp("captures")
    scenario = queue_with(GRU)
    run(scenario, folder / "policy", worlds=2)
    makers: dict[str, dict[str, Any]] = {"random": {"behavior": "random"}, "scripted": {"behavior": "scripted"}}
    makers["neural"] = {"policy": folder / "policy"}
    for name, options in makers.items():
        capture_rollout(QUEUE_CONFLICT, folder / name, worlds=3, **options)
    return {name: folder / name / "rollout_sample_manifest.json" for name in makers}


def test_a_capture_of_a_recurrent_policy_holds_its_states_and_others_have_no_such_column(
    captures: dict[str, Path],
) -> None:
    capture = read_capture(captures["neural"])
    buffer, manifest = capture.buffer, capture.manifest
    assert manifest.behavior.state_units == buffer.state_units == 12
    stays = buffer.alive[1:] & buffer.alive[:-1]
    assert not buffer.state[0].any() and buffer.state[1:][stays].any(axis=-1).all()
    network = load_policy(captures["neural"].parent.parent / "policy")[0]
    with repeatable():
        log_probs, values, state = evaluate(network, buffer)
    rows = np.flatnonzero(buffer.alive)
    action = torch.from_numpy(buffer.action).long().view(-1, 1)
    assert np.array_equal(log_probs.gather(1, action)[rows, 0].numpy(), buffer.log_prob.ravel()[rows])
    assert np.array_equal(values[rows].numpy(), buffer.value.ravel()[rows])
    assert state is not None
    assert np.array_equal(state[buffer.alive], buffer.state[buffer.alive])
    assert read_capture(captures["random"]).buffer.state_units == 0
    assert "state_units" not in captures["random"].read_text()


WAYS: list[tuple[str, str, int, dict[str, Any]]] = [
    ("replay", "scripted", 0, {}),
    ("replay", "scripted", 6, {"replay": {"method": "awr"}}),
    ("replay", "random", 0, {}),
    ("replay", "neural", 0, {}),
    ("mixed", "random", 6, {}),
    ("mixed", "neural", 6, {"replay": {"mixing": "joint", "segment_ticks": 9, "min_effective_share": 0.0}}),
    ("rollout", "", 0, {"handover": {"script": "scripted", "steps": 2, "accuracy_margin": 0.0, "reward_margin": 9.0}}),
    ("rollout", "", 6, {"imitation": {"rollouts": 1}}),
]


@pytest.mark.parametrize(("mode", "source", "commitment", "options"), WAYS)
def test_every_way_to_learn_works_with_a_memory(
    captures: dict[str, Path], tmp_path: Path, mode: str, source: str, commitment: int, options: dict[str, Any]
) -> None:
    scenario = queue_with(GRU | {"commitment_ticks": commitment}, **options)
    data = {} if not source else {"replay_manifest": captures[source]}
    records: list[dict[str, Any]] = []
    result = run(scenario, tmp_path, mode=mode, cycles=3, **data, progress=records.append)
    assert result.epochs == len(records) and result.passed_over == 0
    assert all(np.isfinite(record["loss_total"]) and record["grad_norm"] > 0.0 for record in records)
