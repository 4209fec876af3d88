"""Compiled work on a minibatch: its gradient, the sum of its parts' gradients, and Adam's step."""

from __future__ import annotations

import numpy as np

from townlet.behavior.compiled.kernel import processor_kernel
from townlet.behavior.compiled.packed import BLOCK, RESULT, Block, Weights
from townlet.behavior.compiled.passes import backward, forward, gather, pack_back
from townlet.behavior.compiled.transposition import GROUP
from townlet.training.compiled.losses import Experience, differentiate, fetch
from townlet.world.engine.compile import entry_of

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
        forward(weights, block, count, used)
        differentiate(experience, block, first, count, heads, sums)
        backward(weights, block, count, used, gradient)


@_entry
def add_up(gradients: np.ndarray, parts: int, lanes: np.ndarray) -> float:
    """Add the other parts' gradients to the first one; return the sum of the squares, with ``lanes`` overwritten."""
    for lane in range(16):
        lanes[lane] = 0.0
    for start in range(0, gradients.shape[1], 16):
        for part in range(1, parts):
            for lane in range(16):
                gradients[0, start + lane] += gradients[part, start + lane]
        for lane in range(16):
            number = np.float64(gradients[0, start + lane])
            lanes[lane] += number * number
    total = 0.0
    for lane in range(16):
        total += lanes[lane]
    return total


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
