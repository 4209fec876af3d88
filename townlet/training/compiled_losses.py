"""Compiled losses of a block of rows, with their derivatives by the network's outputs.

:mod:`townlet.training.losses` defines the losses.
"""

from __future__ import annotations

import math

import numpy as np

from townlet.behavior.compiled.choices import most_probable, softmax
from townlet.behavior.compiled.elementary import exponential, exponential_less_line
from townlet.behavior.compiled.packed import BLOCK
from townlet.behavior.compiled.tiles import GROUP, WIDTH, transpose
from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.intrinsics import prefetch

_PANEL = BLOCK * WIDTH
_ZERO = np.float32(0.0)

#: What an agent-step brings to the losses besides its observation: columns of a float32 table [M, 5].
ADVANTAGE, OLD_LOG_PROB, VALUE_TARGET, OLD_VALUE, IMPORTANCE = range(5)

#: Constants of a minibatch, in a float64 vector. The two flags are 1 or 0: whether the batch is cloned, and whether the
#: divergence is computed over all actions. Advantages become (advantage − MEAN) · SCALE. Without a value clip it is
#: infinite.
AGENT_STEPS, MEAN, SCALE, CLIP, VALUE_COEF, VALUE_CLIP, ENTROPY_COEF, CLONING_COEF, CLONES, EXACT = range(10)

#: Sums over the agent-steps of a minibatch: rows of a float64 table.
POLICY, VALUE, ENTROPY, DIVERGENCE, CLIPPED, AGREED = range(6)


@seldom
def fetch(mask: np.ndarray, action: np.ndarray, columns: np.ndarray, rows: np.ndarray, first: int, count: int) -> None:
    """Begin to load what :func:`differentiate` needs of a block's rows, which lie anywhere in memory."""
    for index in range(first, first + count):
        prefetch(mask, rows[index], 0)
        prefetch(action, rows[index], 0)
        prefetch(columns, rows[index], 0)


@seldom
def differentiate(
    mask: np.ndarray,
    action: np.ndarray,
    columns: np.ndarray,
    old_log_probs: np.ndarray,
    constants: np.ndarray,
    rows: np.ndarray,
    first: int,
    count: int,
    heads: int,
    memory: np.ndarray,
    log_probs: np.ndarray,
    probs: np.ndarray,
    lanes: np.ndarray,
    wide: np.ndarray,
    chosen: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Replace the outputs of a block's rows by the loss's derivatives, and add the rows' terms to ``sums``.

    Args:
        mask: bool [M, N], true for legal actions.
        action: int64 [M, 1], the recorded actions.
        columns: float32 [M, 5], named above.
        old_log_probs: float32 [M, N], log-probabilities at the start of the phase; not read unless EXACT.
        constants: float64 [10], named above.
        rows: int64, rows of the arrays above.
        first, count: the block's entries of ``rows``.
        heads: where the outputs begin in ``memory``.
        memory: float32, the block's memory.
        log_probs, probs: float32 [outputs · GROUP], overwritten, like the next three.
        lanes: float32 [4 · GROUP].
        wide: float64 [4 · GROUP].
        chosen: int64 [GROUP].
        sums: float64 [6, GROUP], named above; each row adds to the column of its place in the group.
    """
    actions = mask.shape[1]
    for index in range(0, count, GROUP):
        start, place, size = heads + index * WIDTH, first + index, min(GROUP, count - index)
        softmax(memory, start, mask, rows, place, size, log_probs, probs, lanes)
        for lane in range(GROUP):
            # Lanes without a row repeat the last row, with a weight of 0 in every sum.
            row = rows[place + min(lane, size - 1)]
            lanes[GROUP + lane] = columns[row, IMPORTANCE]
            wide[lane] = columns[row, ADVANTAGE]
            wide[GROUP + lane] = np.float64(log_probs[action[row, 0] * GROUP + lane]) - np.float64(
                columns[row, OLD_LOG_PROB]
            )
            wide[2 * GROUP + lane] = 1.0 if lane < size else 0.0
        if constants[CLONES] > 0.0:
            most_probable(log_probs, actions, chosen, lanes)
            _clone(action, rows, place, size, constants, log_probs, lanes, chosen, sums)
        else:
            _improve(constants, lanes, wide, sums)
        if constants[EXACT] > 0.0:
            _add_divergence(old_log_probs, rows, place, size, log_probs, actions, sums)
        _add_entropy(log_probs, probs, actions, lanes, wide, sums)
        _by_logits(constants, action, rows, place, size, log_probs, probs, actions, lanes)
        for lane in range(size):
            by_value = _follow(log_probs[actions * GROUP + lane], columns[rows[place + lane]], constants, sums, lane)
            probs[actions * GROUP + lane] = by_value
        for output in range(0, len(probs) // GROUP, GROUP):
            result = start + output // WIDTH * _PANEL + output % WIDTH
            transpose(probs, output * GROUP, GROUP, memory, result, WIDTH)


@rule
def _improve(constants: np.ndarray, lanes: np.ndarray, wide: np.ndarray, sums: np.ndarray) -> None:
    """PPO's clipped surrogate: the loss's derivatives by the log-probabilities become ``lanes[1]``."""
    clip, approximate = constants[CLIP], 1.0 - constants[EXACT]
    for lane in range(GROUP):
        weight, log_ratio, counts = np.float64(lanes[GROUP + lane]), wide[GROUP + lane], wide[2 * GROUP + lane]
        line = exponential_less_line(log_ratio)
        change = line + log_ratio
        ratio = 1.0 + change
        gain = (wide[lane] - constants[MEAN]) * constants[SCALE]
        bounded = 1.0 - clip if ratio < 1.0 - clip else (1.0 + clip if ratio > 1.0 + clip else ratio)
        is_bounded = bounded * gain < ratio * gain
        sums[POLICY, lane] -= counts * (weight * (bounded * gain if is_bounded else ratio * gain))
        sums[CLIPPED, lane] += counts if abs(change) > clip else 0.0
        sums[DIVERGENCE, lane] += counts * approximate * (0.0 if line < 0.0 else line)
        lanes[GROUP + lane] = np.float32(0.0 if is_bounded else -weight * gain * ratio / constants[AGENT_STEPS])


@rule
def _clone(
    action: np.ndarray,
    rows: np.ndarray,
    first: int,
    count: int,
    constants: np.ndarray,
    log_probs: np.ndarray,
    lanes: np.ndarray,
    chosen: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Behavior cloning: the loss's derivatives by the log-probabilities become ``lanes[1]``."""
    for lane in range(count):
        recorded = action[rows[first + lane], 0]
        coef = constants[CLONING_COEF] * np.float64(lanes[GROUP + lane])
        sums[POLICY, lane] -= coef * np.float64(log_probs[recorded * GROUP + lane])
        sums[AGREED, lane] += chosen[lane] == recorded
        lanes[GROUP + lane] = np.float32(-coef / constants[AGENT_STEPS])


@rule
def _add_divergence(
    old_log_probs: np.ndarray,
    rows: np.ndarray,
    first: int,
    count: int,
    log_probs: np.ndarray,
    actions: int,
    sums: np.ndarray,
) -> None:
    for lane in range(count):
        total = 0.0
        for action in range(actions):
            old = old_log_probs[rows[first + lane], action]
            total += np.float64(exponential(old)) * (np.float64(old) - np.float64(log_probs[action * GROUP + lane]))
        sums[DIVERGENCE, lane] += 0.0 if total < 0.0 else total


@rule
def _follow(value: np.float32, columns: np.ndarray, constants: np.ndarray, sums: np.ndarray, lane: int) -> np.float32:
    """The squared error of the value; returns the loss's derivative by the value."""
    clip, old = constants[VALUE_CLIP], np.float64(columns[OLD_VALUE])
    moved, inside = np.float64(value), True
    if clip < math.inf:
        step = moved - old
        inside = -clip <= step <= clip
        moved = old + (clip if step > clip else (-clip if step < -clip else step))
    error = moved - np.float64(columns[VALUE_TARGET])
    sums[VALUE, lane] += error * error
    return np.float32(2.0 * constants[VALUE_COEF] * error / constants[AGENT_STEPS]) if inside else _ZERO


@rule
def _add_entropy(
    log_probs: np.ndarray, probs: np.ndarray, actions: int, lanes: np.ndarray, wide: np.ndarray, sums: np.ndarray
) -> None:
    """Entropies, −Σ p ln p in nats, become ``lanes[0]``."""
    for lane in range(GROUP):
        lanes[lane] = _ZERO
    for place in range(0, actions * GROUP, GROUP):
        for lane in range(len(lanes) // 4):
            lanes[lane] -= probs[place + lane] * log_probs[place + lane]
    for lane in range(GROUP):
        sums[ENTROPY, lane] += wide[2 * GROUP + lane] * np.float64(lanes[lane])


@rule
def _by_logits(
    constants: np.ndarray,
    action: np.ndarray,
    rows: np.ndarray,
    first: int,
    count: int,
    log_probs: np.ndarray,
    probs: np.ndarray,
    actions: int,
    lanes: np.ndarray,
) -> None:
    """Derivatives by the logits z, in place of the probabilities.

    With ln p_a the chosen action's log-probability and H the entropy, ∂ ln p_a / ∂z_j = 1[j = a] − p_j and
    ∂H / ∂z_j = −p_j (ln p_j + H).
    """
    by_entropy = np.float32(-constants[ENTROPY_COEF] / constants[AGENT_STEPS])
    for place in range(0, actions * GROUP, GROUP):
        for lane in range(len(lanes) // 4):
            share = lanes[GROUP + lane] + by_entropy * (log_probs[place + lane] + lanes[lane])
            probs[place + lane] *= -share
    for lane in range(count):
        probs[action[rows[first + lane], 0] * GROUP + lane] += lanes[GROUP + lane]
