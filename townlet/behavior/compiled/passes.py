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
    Block,
    Weights,
)
from townlet.behavior.compiled.tiles import (
    NARROW,
    ROWS,
    WIDTH,
    add_rows,
    gradient_tile,
    narrow_gradient_tile,
    narrow_product_tile,
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
def gather(observation: np.ndarray, rows: np.ndarray, first: int, count: int, block: Block) -> int:
    """Copy rows of an observation to the start of a block; return the number of columns that are not 0 in all of them.

    The block's lists become those columns, and then, to the end of a tile, one that is always 0.

    Args:
        observation: int32 [M, F], the bits of float32.
        rows: int64, rows of ``observation``.
        first, count: the block's entries of ``rows``.
        block: filled.
    """
    features, memory, lists = observation.shape[1], block.bits, block.lists
    for column in range(features):
        lists[2, column] = 0
    for start in range(0, count, ROWS):
        tile = block.tiles[start // ROWS]
        for column in range(features):
            tile[2, column] = 0
        for row in range(start, start + ROWS):
            if row < count:
                if row + _AHEAD < count:
                    for line in range(0, features, _LINE):
                        prefetch(observation, rows[first + row + _AHEAD], line)
                _copy_row(observation, rows[first + row], features, memory, row, tile)
            else:
                for column in range(features):
                    memory[column // WIDTH * _PANEL + row * WIDTH + column % WIDTH] = 0
        for column in range(features):
            lists[2, column] |= tile[2, column]
        block.used[start // ROWS] = _columns_in_use(features, tile)
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
def forward(weights: Weights, block: Block, rows: int) -> None:
    """Compute all layers of a block whose observations :func:`gather` has copied.

    ``rows`` are the rows of the block. Logits and values are at the last layer's place.
    """
    table, units = weights.table, weights.units
    last = len(table) - 1
    for layer in range(last + 1):
        for panel in range(table[layer, PANELS]):
            if layer == 0:
                for row in range(0, rows, ROWS):
                    tile, used = block.tiles[row // ROWS], block.used[row // ROWS]
                    _compute(weights, block, layer, panel, row, row + ROWS, tile[0], tile[1], used, False)
            else:
                inputs = table[layer, INPUTS]
                _compute(weights, block, layer, panel, 0, rows, units[0], units[1], inputs, layer == last)


@rule
def _compute(
    weights: Weights,
    block: Block,
    layer: int,
    panel: int,
    first: int,
    last: int,
    columns: np.ndarray,
    places: np.ndarray,
    inputs: int,
    is_last: bool,
) -> None:
    """Rows ``first`` to ``last`` of a panel of a layer's outputs, from columns whose weights are at their places."""
    table, memory, packed = weights.table, block.memory, weights.forward
    weight = table[layer, WEIGHT] + panel * table[layer, INPUT_ROWS] * WIDTH
    bias = table[layer, BIAS] + panel * WIDTH
    for row in range(first, last, ROWS):
        source = table[layer, SOURCE] + row * WIDTH
        result = table[layer, RESULT] + panel * _PANEL + row * WIDTH
        if is_last and table[layer, OUTPUTS] - panel * WIDTH <= NARROW:
            narrow_product_tile(memory, source, columns, places, inputs, packed, weight, packed, bias, memory, result)
        elif weights.relu and not is_last:
            relu_tile(memory, source, columns, places, inputs, packed, weight, packed, bias, memory, result)
        else:
            product_tile(memory, source, columns, places, inputs, packed, weight, packed, bias, memory, result)
            if not is_last:
                for index in range(result, result + ROWS * WIDTH):
                    memory[index] = hyperbolic_tangent(memory[index])


@seldom
def backward(weights: Weights, block: Block, rows: int, used: int, gradient: np.ndarray) -> None:
    """Add the gradient of a block, whose last layer holds the loss's derivatives, to ``gradient``, in packed order.

    Errors take the place of activations, layer by layer. ``gradient`` is float32 [weights]; ``rows`` are those of
    :func:`forward`, ``used`` is what :func:`gather` returned.
    """
    table, lists, units = weights.table, block.lists, weights.units
    for backwards in range(len(table)):
        layer = len(table) - 1 - backwards
        for panel in range(table[layer, PANELS]):
            if layer == 0:
                _differentiate(table[layer], block.memory, panel, rows, lists[0], lists[1], used, gradient)
            else:
                inputs = table[layer, INPUTS]
                _differentiate(table[layer], block.memory, panel, rows, units[0], units[1], inputs, gradient)
        if layer > 0:
            _propagate(table[layer], weights, block, rows)


@rule
def _differentiate(
    layer: np.ndarray,
    memory: np.ndarray,
    panel: int,
    rows: int,
    columns: np.ndarray,
    places: np.ndarray,
    inputs: int,
    gradient: np.ndarray,
) -> None:
    """Add to the gradient of a panel of a layer's weights and of its biases."""
    error = layer[RESULT] + panel * _PANEL
    start = layer[WEIGHT] + panel * layer[INPUT_ROWS] * WIDTH
    for unit in range(0, inputs, ROWS):
        if layer[OUTPUTS] - panel * WIDTH <= NARROW:
            narrow_gradient_tile(memory, layer[SOURCE], columns, places, unit, rows, memory, error, gradient, start)
        else:
            gradient_tile(memory, layer[SOURCE], columns, places, unit, rows, memory, error, gradient, start)
    add_rows(memory, error, rows, gradient, layer[BIAS] + panel * WIDTH)


@rule
def _propagate(layer: np.ndarray, weights: Weights, block: Block, rows: int) -> None:
    """Replace a layer's inputs by the errors before their activation."""
    memory, back, units, outputs = block.memory, weights.back, weights.units, layer[OUTPUTS]
    for panel in range(layer[INPUT_PANELS]):
        weight = layer[BACK] + panel * layer[OUTPUT_ROWS] * WIDTH
        for row in range(0, rows, ROWS):
            error, place = layer[RESULT] + row * WIDTH, layer[SOURCE] + panel * _PANEL + row * WIDTH
            if weights.relu:
                relu_error_tile(memory, error, units[0], units[1], outputs, back, weight, block.zeros, 0, memory, place)
            else:
                tanh_error_tile(memory, error, units[0], units[1], outputs, back, weight, block.zeros, 0, memory, place)


@seldom
def pack_back(weights: Weights) -> None:
    """Fill the weights for errors, which are the others transposed, for every layer but the first."""
    table, forward, back = weights.table, weights.forward, weights.back
    for layer in range(1, len(table)):
        input_rows, output_rows = table[layer, INPUT_ROWS], table[layer, OUTPUT_ROWS]
        for panel in range(table[layer, INPUT_PANELS]):
            for output in range(table[layer, OUTPUTS]):
                source = table[layer, WEIGHT] + (output // WIDTH) * input_rows * WIDTH + output % WIDTH
                place = table[layer, BACK] + (panel * output_rows + output) * WIDTH
                for unit in range(WIDTH):
                    back[place + unit] = forward[source + (panel * WIDTH + unit) * WIDTH]
