"""Compiled losses of a block of rows, with their derivatives by the network's outputs.

:mod:`townlet.training.losses` defines the losses.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.compiled.choices import most_probable, softmax
from townlet.behavior.compiled.elementary import exponential, exponential_less_line
from townlet.behavior.compiled.lanes import add_entropy, differentiate_logits
from townlet.behavior.compiled.packed import BLOCK, Block
from townlet.behavior.compiled.tiles import WIDTH
from townlet.behavior.compiled.transposition import GROUP, transpose
from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.intrinsics import prefetch

_PANEL = BLOCK * WIDTH
_ZERO = np.float32(0.0)
# Log-ratios below this belong to ratios of 0.
_LOWEST = -708.0

#: What an agent-step brings to the losses besides its observation: columns of a float32 table [M, 5].
ADVANTAGE, OLD_LOG_PROB, VALUE_TARGET, OLD_VALUE, IMPORTANCE = range(5)

#: Constants of a minibatch, in a float64 vector. The two flags are 1 or 0: whether the batch is cloned, and whether the
#: divergence is computed over all actions. Advantages become (advantage − MEAN) · SCALE. Without a value clip it is
#: infinite.
AGENT_STEPS, MEAN, SCALE, CLIP, VALUE_COEF, VALUE_CLIP, ENTROPY_COEF, CLONING_COEF, CLONES, EXACT = range(10)

#: Sums over the agent-steps of a minibatch: rows of a float64 table.
POLICY, VALUE, ENTROPY, DIVERGENCE, CLIPPED, AGREED = range(6)


class Experience(NamedTuple):
    """What a minibatch is computed from."""

    observation: NDArray[np.int32]
    """int32 [M, F], the bits of float32."""
    mask: NDArray[np.bool_]
    """bool [M, N], true for legal actions."""
    action: NDArray[np.int64]
    """int64 [M, 1], the recorded actions."""
    columns: NDArray[np.float32]
    """float32 [M, 5], named above."""
    old_log_probs: NDArray[np.float32]
    """float32 [M, N], log-probabilities at the start of the phase; not read unless EXACT."""
    constants: NDArray[np.float64]
    """float64 [10], named above."""
    rows: NDArray[np.int64]
    """int64 [B], the agent-steps of the minibatch: rows of the arrays with M rows."""


@seldom
def fetch(experience: Experience, first: int, count: int) -> None:
    """Begin to load what :func:`differentiate` needs of a block's rows, which lie anywhere in memory."""
    for index in range(first, first + count):
        row = experience.rows[index]
        prefetch(experience.mask, row, 0)
        prefetch(experience.action, row, 0)
        prefetch(experience.columns, row, 0)


@seldom
def differentiate(experience: Experience, block: Block, first: int, count: int, heads: int, sums: np.ndarray) -> None:
    """Replace the outputs of a block's rows by the loss's derivatives, and add the rows' terms to ``sums``.

    Args:
        experience: the minibatch.
        block: its outputs begin at ``heads``.
        first, count: the block's entries of the minibatch's rows.
        heads: see ``block``.
        sums: float64 [6, GROUP], named above; each row adds to the column of its place in the group.
    """
    actions, constants = experience.mask.shape[1], experience.constants
    for index in range(0, count, GROUP):
        start, place, size = heads + index * WIDTH, first + index, min(GROUP, count - index)
        softmax(block, start, experience.mask, experience.rows, place, size)
        _read(experience, block, place, size)
        if constants[CLONES] > 0.0:
            most_probable(block, actions)
            _clone(experience, block, place, size, sums)
        else:
            _improve(constants, block, sums)
        if constants[EXACT] > 0.0:
            _add_divergence(experience, block, place, size, sums)
        _add_entropy(block, actions, sums)
        _by_logits(experience, block, place, size)
        _by_values(experience, block, place, size, sums)
        for output in range(0, len(block.probs) // GROUP, GROUP):
            result = start + output // WIDTH * _PANEL + output % WIDTH
            transpose(block.probs, output * GROUP, GROUP, block.memory, result, WIDTH)


@rule
def _read(experience: Experience, block: Block, first: int, count: int) -> None:
    """A group's weights become ``lanes[1]``; its advantages, log-ratios and marks of rows become ``wide``."""
    for lane in range(GROUP):
        # Lanes without a row repeat the last row, with a mark of 0 instead of 1, and the log-ratio 0: their outputs are
        # those of any earlier rows, and 0 times an infinite ratio is NaN.
        row = experience.rows[first + min(lane, count - 1)]
        columns, action = experience.columns[row], experience.action[row, 0]
        block.lanes[GROUP + lane] = columns[IMPORTANCE]
        block.wide[lane] = columns[ADVANTAGE]
        log_prob = np.float64(block.log_probs[action * GROUP + lane])
        block.wide[GROUP + lane] = log_prob - np.float64(columns[OLD_LOG_PROB]) if lane < count else 0.0
        block.wide[2 * GROUP + lane] = 1.0 if lane < count else 0.0


@rule
def _improve(constants: np.ndarray, block: Block, sums: np.ndarray) -> None:
    """PPO's clipped surrogate: the loss's derivatives by the log-probabilities become ``lanes[1]``."""
    lanes, wide = block.lanes, block.wide
    clip, approximate = constants[CLIP], 1.0 - constants[EXACT]
    for lane in range(GROUP):
        weight, log_ratio, counts = np.float64(lanes[GROUP + lane]), wide[GROUP + lane], wide[2 * GROUP + lane]
        line = exponential_less_line(log_ratio)
        # Adding a number far below −1 to the line would leave nothing of −1.
        change = -1.0 if log_ratio < _LOWEST else line + log_ratio
        ratio = 1.0 + change
        gain = (wide[lane] - constants[MEAN]) * constants[SCALE]
        bounded = 1.0 - clip if ratio < 1.0 - clip else (1.0 + clip if ratio > 1.0 + clip else ratio)
        is_bounded = bounded * gain < ratio * gain
        sums[POLICY, lane] -= counts * (weight * (bounded * gain if is_bounded else ratio * gain))
        sums[CLIPPED, lane] += counts if abs(change) > clip else 0.0
        sums[DIVERGENCE, lane] += 0.0 if line < 0.0 or counts * approximate <= 0.0 else line
        lanes[GROUP + lane] = np.float32(0.0 if is_bounded else -weight * gain * ratio / constants[AGENT_STEPS])


@rule
def _clone(experience: Experience, block: Block, first: int, count: int, sums: np.ndarray) -> None:
    """Behavior cloning: the loss's derivatives by the log-probabilities become ``lanes[1]``."""
    constants = experience.constants
    for lane in range(count):
        recorded = experience.action[experience.rows[first + lane], 0]
        coef = constants[CLONING_COEF] * np.float64(block.lanes[GROUP + lane])
        sums[POLICY, lane] -= coef * np.float64(block.log_probs[recorded * GROUP + lane])
        sums[AGREED, lane] += block.chosen[lane] == recorded
        block.lanes[GROUP + lane] = np.float32(-coef / constants[AGENT_STEPS])


@rule
def _add_divergence(experience: Experience, block: Block, first: int, count: int, sums: np.ndarray) -> None:
    """KL(old ‖ new) over all actions, in nats."""
    for lane in range(count):
        row, total = experience.rows[first + lane], 0.0
        for action in range(experience.mask.shape[1]):
            old = experience.old_log_probs[row, action]
            new = block.log_probs[action * GROUP + lane]
            total += np.float64(exponential(old)) * (np.float64(old) - np.float64(new))
        sums[DIVERGENCE, lane] += 0.0 if total < 0.0 else total


@rule
def _add_entropy(block: Block, actions: int, sums: np.ndarray) -> None:
    """Entropies, −Σ p ln p in nats, become ``lanes[0]``."""
    probs, log_probs, lanes = block.probs, block.log_probs, block.lanes
    for lane in range(GROUP):
        lanes[lane] = _ZERO
    for place in range(0, actions * GROUP, GROUP):
        add_entropy(log_probs, probs, place, lanes, _ZERO)
    for lane in range(GROUP):
        sums[ENTROPY, lane] += np.float64(lanes[lane]) if block.wide[2 * GROUP + lane] > 0.0 else 0.0


@rule
def _by_logits(experience: Experience, block: Block, first: int, count: int) -> None:
    """Derivatives by the logits z, in place of the probabilities.

    With ln p_a the chosen action's log-probability and H the entropy, ∂ ln p_a / ∂z_j = 1[j = a] − p_j and
    ∂H / ∂z_j = −p_j (ln p_j + H).
    """
    constants, actions = experience.constants, experience.mask.shape[1]
    probs, log_probs, lanes = block.probs, block.log_probs, block.lanes
    by_entropy = np.float32(-constants[ENTROPY_COEF] / constants[AGENT_STEPS])
    for place in range(0, actions * GROUP, GROUP):
        differentiate_logits(log_probs, probs, place, lanes, by_entropy)
    for lane in range(count):
        probs[experience.action[experience.rows[first + lane], 0] * GROUP + lane] += lanes[GROUP + lane]


@rule
def _by_values(experience: Experience, block: Block, first: int, count: int, sums: np.ndarray) -> None:
    """Squared errors of the values; the loss's derivatives by the values follow the probabilities."""
    constants, place = experience.constants, experience.mask.shape[1] * GROUP
    clip = constants[VALUE_CLIP]
    for lane in range(count):
        columns, value = experience.columns[experience.rows[first + lane]], np.float64(block.log_probs[place + lane])
        inside = True
        if clip < math.inf:
            step = value - np.float64(columns[OLD_VALUE])
            inside = -clip <= step <= clip
            value = np.float64(columns[OLD_VALUE]) + (clip if step > clip else (-clip if step < -clip else step))
        error = value - np.float64(columns[VALUE_TARGET])
        sums[VALUE, lane] += error * error
        slope = 2.0 * constants[VALUE_COEF] * error / constants[AGENT_STEPS]
        block.probs[place + lane] = np.float32(slope if inside else 0.0)
