"""Compiled work on a minibatch: its gradient, the sum of its parts' gradients, and Adam's step."""

from __future__ import annotations

import numpy as np

from townlet.behavior.compiled.kernel import processor_kernel
from townlet.behavior.compiled.packed import BIAS, BLOCK, INPUT_ROWS, OUTPUTS, RESULT, WEIGHT, Block, Weights
from townlet.behavior.compiled.passes import backward, forward, gather, pack_back
from townlet.behavior.compiled.tiles import WIDTH
from townlet.behavior.compiled.transposition import GROUP
from townlet.training.compiled.losses import Experience, differentiate, fetch
from townlet.world.engine.compile import entry_of, rule

_entry = entry_of(processor_kernel().name)


@_entry
def moments(columns: np.ndarray, rows: np.ndarray) -> tuple[float, float, float, float]:
    """Mean, variance, smallest and largest of the advantages of these rows."""
    total, low, high = 0.0, np.float64(columns[rows[0], 0]), np.float64(columns[rows[0], 0])
    for index in range(len(rows)):
        value = np.float64(columns[rows[index], 0])
        total += value
        low, high = min(low, value), max(high, value)
    mean, squares = total / len(rows), 0.0
    for index in range(len(rows)):
        from_mean = np.float64(columns[rows[index], 0]) - mean
        squares += from_mean * from_mean
    return mean, squares / len(rows), low, high


@_entry
def differentiate_part(
    experience: Experience,
    begin: int,
    end: int,
    weights: Weights,
    block: Block,
    sums: np.ndarray,
    gradient: np.ndarray,
) -> None:
    """Fill ``sums``, float64 [6, GROUP], and ``gradient``, float32 [weights], for a part of a minibatch.

    The part is the entries ``begin`` to ``end`` of the minibatch's rows. See
    :func:`townlet.training.compiled.losses.differentiate`.
    """
    for index in range(len(sums)):
        for lane in range(GROUP):
            sums[index, lane] = 0.0
    for index in range(len(gradient)):
        gradient[index] = np.float32(0.0)
    heads = weights.table[len(weights.table) - 1, RESULT]
    for first in range(begin, end, BLOCK):
        count = min(BLOCK, end - first)
        used = gather(experience.observation, experience.rows, first, count, block)
        fetch(experience, first, count)
        forward(weights, block, count)
        differentiate(experience, block, first, count, heads, sums)
        backward(weights, block, count, used, gradient)


@_entry
def add_up(table: np.ndarray, gradients: np.ndarray, parts: int, lanes: np.ndarray) -> float:
    """Add the other parts' gradients to the first one; return the sum of the squares, with ``lanes`` overwritten.

    The order is that of panels of GROUP columns, whatever the width of those in ``table``, so that the sum is the same
    by every kernel. Padding is 0.
    """
    for lane in range(GROUP):
        lanes[lane] = 0.0
    for layer in range(len(table)):
        rows = table[layer, INPUT_ROWS]
        for column in range(0, table[layer, OUTPUTS], GROUP):
            start = table[layer, WEIGHT] + column // WIDTH * rows * WIDTH + column % WIDTH
            for row in range(rows):
                _add_group(gradients, parts, start + row * WIDTH, lanes)
        for column in range(0, table[layer, OUTPUTS], GROUP):
            _add_group(gradients, parts, table[layer, BIAS] + column, lanes)
    total = 0.0
    for lane in range(GROUP):
        total += lanes[lane]
    return total


@rule
def _add_group(gradients: np.ndarray, parts: int, start: int, lanes: np.ndarray) -> None:
    for part in range(1, parts):
        for lane in range(GROUP):
            gradients[0, start + lane] += gradients[part, start + lane]
    for lane in range(GROUP):
        number = np.float64(gradients[0, start + lane])
        lanes[lane] += number * number


@_entry
def step(
    weights: Weights,
    gradient: np.ndarray,
    mean: np.ndarray,
    square: np.ndarray,
    scale: np.float32,
    towards: np.float32,
    keep: np.float32,
    add: np.float32,
    rate: np.float32,
    correction: np.float32,
    epsilon: np.float32,
) -> None:
    """Adam's step, and the weights for errors that follow from it; see :meth:`townlet.training.adam.Adam.constants`."""
    forward_weights = weights.forward
    for index in range(len(forward_weights)):
        slope = gradient[index] * scale
        mean[index] += (slope - mean[index]) * towards
        square[index] = square[index] * keep + add * slope * slope
        forward_weights[index] -= rate * mean[index] / (np.sqrt(square[index]) / correction + epsilon)
    pack_back(weights)


@_entry
def pack_weights_back(weights: Weights) -> None:
    """See :func:`townlet.behavior.compiled.passes.pack_back`."""
    pack_back(weights)
