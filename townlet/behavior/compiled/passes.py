"""Compiled passes of a block of rows through the network, forward and back."""

from __future__ import annotations

import numpy as np

from townlet.behavior.compiled.elementary import hyperbolic_tangent
from townlet.behavior.compiled.packed import (
    BACK,
    BIAS,
    BLOCK,
    INPUT_PANELS,
    INPUT_ROWS,
    INPUTS,
    OUTPUT_ROWS,
    OUTPUTS,
    PANELS,
    RESULT,
    SOURCE,
    WEIGHT,
)
from townlet.behavior.compiled.tiles import (
    ROWS,
    WIDTH,
    add_rows,
    gradient_tile,
    product_tile,
    relu_error_tile,
    relu_tile,
    tanh_error_tile,
)
from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.intrinsics import prefetch

_PANEL = BLOCK * WIDTH
# Rows are fetched so many rows before they are copied; floats in a line of the cache.
_AHEAD, _LINE = 6, 16


@seldom
def gather(
    observation: np.ndarray,
    rows: np.ndarray,
    first: int,
    count: int,
    memory: np.ndarray,
    lists: np.ndarray,
) -> int:
    """Copy rows of an observation to the start of a block's memory; return the number of columns not all 0.

    Args:
        observation: int32 [M, F], the bits of float32.
        rows: int64, the rows of ``observation``.
        first, count: which entries of ``rows``.
        memory: int32, the bits of a block's memory.
        lists: int32 [3, F + ROWS]. The first row becomes the offsets of columns that are not 0 in some row, the second
            the offsets of their weights, both filled up to a whole tile with a column that is always 0. The third is
            overwritten.
    """
    features = observation.shape[1]
    for column in range(features):
        lists[2, column] = 0
    for row in range(count):
        if row + _AHEAD < count:
            for line in range(0, features, _LINE):
                prefetch(observation, rows[first + row + _AHEAD], line)
        _copy_row(observation, rows[first + row], features, memory, row, lists)
    for row in range(count, (count + ROWS - 1) // ROWS * ROWS):
        for column in range(features):
            memory[column // WIDTH * _PANEL + row * WIDTH + column % WIDTH] = 0
    return _columns_in_use(features, lists)


@rule
def _copy_row(
    observation: np.ndarray, source: int, features: int, memory: np.ndarray, row: int, lists: np.ndarray
) -> None:
    for panel in range((features + WIDTH - 1) // WIDTH):
        start, place = panel * WIDTH, panel * _PANEL + row * WIDTH
        for column in range(min(WIDTH, features - start)):
            bits = observation[source, start + column]
            memory[place + column] = bits
            lists[2, start + column] |= bits


@rule
def _columns_in_use(features: int, lists: np.ndarray) -> int:
    used = 0
    for column in range(features):
        lists[0, used] = column // WIDTH * _PANEL + column % WIDTH
        lists[1, used] = column * WIDTH
        used += lists[2, column] != 0
    for index in range(used, (used + ROWS - 1) // ROWS * ROWS):
        lists[0, index] = features // WIDTH * _PANEL + features % WIDTH
        lists[1, index] = features * WIDTH
    return used


@seldom
def forward(
    table: np.ndarray,
    weights: np.ndarray,
    relu: bool,
    rows: int,
    used: int,
    lists: np.ndarray,
    units: np.ndarray,
    memory: np.ndarray,
) -> None:
    """Compute all layers of a block whose observations :func:`gather` has copied.

    Args:
        table: see :class:`townlet.behavior.compiled.packed.Layout`.
        weights: packed.
        relu: whether the activation is relu; otherwise it is tanh.
        rows: rows of the block.
        used: what :func:`gather` returned.
        lists: what it filled.
        units: int32 [2, widest], the layout's offsets of columns and of rows.
        memory: float32, the block's memory; logits and values are at the last layer's place.
    """
    last = len(table) - 1
    for layer in range(last + 1):
        inputs = used if layer == 0 else table[layer, INPUTS]
        for panel in range(table[layer, PANELS]):
            weight = table[layer, WEIGHT] + panel * table[layer, INPUT_ROWS] * WIDTH
            bias = table[layer, BIAS] + panel * WIDTH
            for row in range(0, rows, ROWS):
                source = table[layer, SOURCE] + row * WIDTH
                result = table[layer, RESULT] + panel * _PANEL + row * WIDTH
                if layer == 0:
                    _compute(memory, source, lists[0], lists[1], inputs, weights, weight, bias, result, relu)
                elif layer < last:
                    _compute(memory, source, units[0], units[1], inputs, weights, weight, bias, result, relu)
                else:
                    product_tile(
                        memory, source, units[0], units[1], inputs, weights, weight, weights, bias, memory, result
                    )


@rule
def _compute(
    memory: np.ndarray,
    source: int,
    columns: np.ndarray,
    rows: np.ndarray,
    inputs: int,
    weights: np.ndarray,
    weight: int,
    bias: int,
    result: int,
    relu: bool,
) -> None:
    """A tile of a hidden layer."""
    if relu:
        relu_tile(memory, source, columns, rows, inputs, weights, weight, weights, bias, memory, result)
    else:
        product_tile(memory, source, columns, rows, inputs, weights, weight, weights, bias, memory, result)
        for index in range(result, result + ROWS * WIDTH):
            memory[index] = hyperbolic_tangent(memory[index])


@seldom
def backward(
    table: np.ndarray,
    back: np.ndarray,
    relu: bool,
    rows: int,
    used: int,
    lists: np.ndarray,
    units: np.ndarray,
    memory: np.ndarray,
    gradient: np.ndarray,
    zeros: np.ndarray,
) -> None:
    """Add the gradient of a block, whose last layer holds the loss's derivatives, to ``gradient``, in packed order.

    Errors take the place of activations, layer by layer.

    Args:
        table: see :func:`forward`, like the arguments up to ``memory``.
        back: the weights for errors.
        relu, rows, used, lists, units, memory: see :func:`forward`.
        gradient: float32, as long as the packed weights.
        zeros: float32 [WIDTH], all 0.
    """
    for layer in range(len(table) - 1, -1, -1):
        inputs = used if layer == 0 else table[layer, INPUTS]
        for panel in range(table[layer, PANELS]):
            error = table[layer, RESULT] + panel * _PANEL
            place = table[layer, WEIGHT] + panel * table[layer, INPUT_ROWS] * WIDTH
            for unit in range(0, inputs, ROWS):
                if layer == 0:
                    gradient_tile(memory, 0, lists[0], lists[1], unit, rows, memory, error, gradient, place)
                else:
                    source = table[layer, SOURCE]
                    gradient_tile(memory, source, units[0], units[1], unit, rows, memory, error, gradient, place)
            add_rows(memory, error, rows, gradient, table[layer, BIAS] + panel * WIDTH)
        if layer > 0:
            _propagate(table[layer], back, relu, rows, units, memory, zeros)


@rule
def _propagate(
    layer: np.ndarray,
    back: np.ndarray,
    relu: bool,
    rows: int,
    units: np.ndarray,
    memory: np.ndarray,
    zeros: np.ndarray,
) -> None:
    """Replace a layer's inputs by the errors before their activation."""
    for panel in range(layer[INPUT_PANELS]):
        weight = layer[BACK] + panel * layer[OUTPUT_ROWS] * WIDTH
        for row in range(0, rows, ROWS):
            error, place = layer[RESULT] + row * WIDTH, layer[SOURCE] + panel * _PANEL + row * WIDTH
            if relu:
                relu_error_tile(
                    memory, error, units[0], units[1], layer[OUTPUTS], back, weight, zeros, 0, memory, place
                )
            else:
                tanh_error_tile(
                    memory, error, units[0], units[1], layer[OUTPUTS], back, weight, zeros, 0, memory, place
                )


@seldom
def pack_back(table: np.ndarray, weights: np.ndarray, back: np.ndarray) -> None:
    """Fill the weights for errors, which are the packed weights transposed, for every layer but the first."""
    for layer in range(1, len(table)):
        input_rows, output_rows = table[layer, INPUT_ROWS], table[layer, OUTPUT_ROWS]
        for panel in range(table[layer, INPUT_PANELS]):
            for output in range(table[layer, OUTPUTS]):
                source = table[layer, WEIGHT] + (output // WIDTH) * input_rows * WIDTH + output % WIDTH
                place = table[layer, BACK] + (panel * output_rows + output) * WIDTH
                for unit in range(WIDTH):
                    back[place + unit] = weights[source + (panel * WIDTH + unit) * WIDTH]
