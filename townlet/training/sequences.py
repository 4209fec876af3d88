"""Sequences of choices, through which a recurrent network learns: who chose after whom, and where memory begins.

A hidden state advances at the choices from which a network learns (see :mod:`townlet.behavior.memory`), so a sequence
is made of a slot's learnable agent-steps in order. A segment is a part of one, of at most ``network.bptt_ticks``. It
may span an end of an episode, where the state becomes 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from townlet.behavior.network import ActorCritic, Step
from townlet.behavior.torch_rows import step_rows
from townlet.rollout import RolloutBuffer
from townlet.seeds import fold_seed
from townlet.training.advantages import Flags, Floats
from townlet.training.trajectories import learnable_steps

Rows = NDArray[np.int64]


class Sequences(NamedTuple):
    """The place of each of ``M`` agent-steps in the sequences of their slots."""

    place: Rows
    """int64 [M]: consecutive numbers along the choices of a slot, with a gap before the next slot's; −1 elsewhere."""
    begins: Flags
    """bool [M]: the state before this choice is 0, because an episode begins with it."""

    @classmethod
    def of(cls, buffer: RolloutBuffer, network: ActorCritic) -> Sequences:
        """The sequences in a buffer."""
        shape = (buffer.ticks, buffer.worlds * buffer.agents)
        chooses = learnable_steps(buffer, network).reshape(shape)
        ends = (buffer.terminated | buffer.truncated).reshape(shape)
        # Ends before each tick, and before the slot's last choice before that.
        passed: Rows = np.cumsum(ends, axis=0) - ends
        slot, tick = np.nonzero(chooses.T)
        first = np.ones(len(slot), np.bool_)
        first[1:] = slot[1:] != slot[:-1]
        row = tick * shape[1] + slot
        place, begins = np.full(chooses.size, -1, np.int64), np.zeros(chooses.size, np.bool_)
        place[row] = np.arange(len(row)) + np.cumsum(first)
        since: Rows = passed.ravel()[row]
        begins[row[1:]] = (since[1:] != since[:-1]) & ~first[1:]
        begins[row[first]] |= since[first] > 0
        return cls(place, begins)

    def followed_by(self, other: Sequences) -> Sequences:
        """These sequences and, after them, others."""
        beyond = np.where(other.place < 0, other.place, other.place + self.place.max(initial=0) + 2)
        return Sequences(np.concatenate([self.place, beyond]), np.concatenate([self.begins, other.begins]))

    def segments(self, rows: Rows, length: int | None) -> list[Rows]:
        """Those of the agent-steps ``rows``, int64 [S], that follow each other, as segments of at most ``length``."""
        ordered = rows[np.argsort(self.place[rows], kind="stable")]
        return [ordered[begin:end] for begin, end in self.bounds(ordered, length)]

    def bounds(self, ordered: Rows, length: int | None) -> list[tuple[int, int]]:
        """Where the segments begin and end in agent-steps that lie segment by segment, int64 [S]."""
        place = self.place[ordered]
        new = np.ones(len(ordered), np.bool_)
        new[1:] = place[1:] != place[:-1] + 1
        start = np.flatnonzero(new)
        if length is not None:
            since = np.arange(len(ordered)) - np.repeat(start, np.diff(np.append(start, len(ordered))))
            start = np.flatnonzero(since % length == 0)
        return list(zip(start.tolist(), [*start[1:].tolist(), len(ordered)], strict=True))


def segment_minibatches(
    sequences: Sequences, rows: Rows, length: int, size: int, seed: int, epoch: int
) -> Iterator[Rows]:
    """``rows`` in whole segments, shuffled and split into as many parts as :func:`minibatches` makes.

    Their lengths differ by little more than a segment's.
    """
    segments = sequences.segments(rows, length)
    generator = np.random.Generator(np.random.Philox(key=np.array([fold_seed(seed), epoch], np.uint64)))
    order = generator.permutation(len(segments))
    length_of = np.array([len(segments[index]) for index in order])
    middles = np.cumsum(length_of) - length_of / 2
    parts, begin = math.ceil(len(rows) / size), 0
    for part in range(1, parts + 1):
        # A segment goes to the part that holds its middle; each part has one at least.
        end = int(np.searchsorted(middles, part * len(rows) / parts))
        end = len(order) if part == parts else min(max(end, begin + 1), len(order) - (parts - part))
        yield np.concatenate([segments[index] for index in order[begin:end]])
        begin = end


def unroll(network: ActorCritic, buffer: RolloutBuffer) -> tuple[Tensor, Tensor, Floats]:
    """Everything that the network finds along a record, with hidden states of its own.

    They begin with the recorded ones if those are of the same size, as those of a network's own rollout are; captures
    begin with an episode. Returns log-probabilities, float32 [M, N], and values, float32 [M], of every row, and the
    states before them, float32 [T, W, A, H].
    """
    shape = (buffer.ticks, buffer.worlds * buffer.agents)
    rows, width = shape[1], network.state_units
    chooses = learnable_steps(buffer, network).reshape(shape)
    ends = (buffer.terminated | buffer.truncated).reshape(shape)
    observation = torch.from_numpy(buffer.observation).view(*shape, -1)
    mask = torch.from_numpy(buffer.mask).view(*shape, -1)
    log_probs, values = torch.empty(mask.shape), torch.empty(shape)
    states = np.zeros((*shape, width), np.float32)
    state = torch.zeros(rows, width)
    if buffer.state_units == width:
        state.copy_(torch.from_numpy(buffer.state[0].reshape(rows, width)))
    for t in range(buffer.ticks):
        states[t] = state.numpy()
        found: Step = step_rows(network, observation[t], mask[t], state)
        log_probs[t], values[t] = found.log_probs, found.value
        state = torch.where(torch.from_numpy(chooses[t]).unsqueeze(1), found.state, state)
        state[torch.from_numpy(ends[t])] = 0.0
    flat = buffer.ticks * rows
    return log_probs.view(flat, -1), values.view(flat), states.reshape(*buffer.action.shape, width)
