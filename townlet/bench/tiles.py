"""Matrix products by the trainer's own tiles, to be measured beside those of libraries."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.compiled.kernel import processor_kernel
from townlet.behavior.compiled.tiles import ROWS, WIDTH, gradient_tile, product_tile
from townlet.rollout import aligned_zeros
from townlet.world.engine.compile import entry_of

Matrix = NDArray[np.float32]

_entry = entry_of(processor_kernel().name)


def multiplication(left: Matrix, right: Matrix) -> Callable[[], Callable[[], Matrix]]:
    """The function that multiplies [M, K] by [K, N]; it returns another, which gives the result, float32 [M, N].

    Both matrices are put into panels beforehand: the trainer packs weights once per step, and activations come out of
    the product before in this order.
    """
    (rows, depth), columns = left.shape, right.shape[1]
    zeros = aligned_zeros((WIDTH,), np.float32)
    if left.strides[0] == left.itemsize and depth > 1:
        a, b, result = _panels(left.T, depth), _panels(right, depth), _panels_of(columns, _whole(rows, WIDTH))
        places, offsets = (np.arange(_whole(rows, ROWS)) * WIDTH).astype(np.int32), _columns(rows, depth)

        def multiply() -> Callable[[], Matrix]:
            _multiply_transposed(a, offsets, places, rows, b, depth, result)
            return lambda: _matrix(result, rows, columns)
    else:
        a, b, result = _panels(left, _whole(rows, ROWS)), _panels(right, depth), _panels_of(columns, _whole(rows, ROWS))
        places, offsets = (np.arange(depth) * WIDTH).astype(np.int32), _columns(depth, _whole(rows, ROWS))

        def multiply() -> Callable[[], Matrix]:
            _multiply(a, offsets, places, rows, b, zeros, result)
            return lambda: _matrix(result, rows, columns)

    return multiply


def _whole(count: int, size: int) -> int:
    return math.ceil(count / size) * size


def _panels_of(columns: int, rows: int) -> Matrix:
    return aligned_zeros((math.ceil(columns / WIDTH), rows, WIDTH), np.float32)


def _panels(matrix: Matrix, rows: int) -> Matrix:
    found = _panels_of(_whole(matrix.shape[1], ROWS), rows)
    for column in range(matrix.shape[1]):
        found[column // WIDTH, : len(matrix), column % WIDTH] = matrix[:, column]
    return found


def _columns(count: int, rows: int) -> NDArray[np.int32]:
    column = np.arange(_whole(count, ROWS))
    return (column // WIDTH * (rows * WIDTH) + column % WIDTH).astype(np.int32)


def _matrix(panels: Matrix, rows: int, columns: int) -> Matrix:
    return np.concatenate(list(panels), axis=1)[:rows, :columns]


@_entry
def _multiply(
    left: np.ndarray,
    columns: np.ndarray,
    places: np.ndarray,
    rows: int,
    right: np.ndarray,
    zeros: np.ndarray,
    result: np.ndarray,
) -> None:
    """Fill ``result`` with the product of ``rows`` rows of ``left`` with ``right``, all three in panels."""
    a, b, c = left.reshape(left.size), right.reshape(right.size), result.reshape(result.size)
    for panel in range(result.shape[0]):
        for row in range(0, rows, ROWS):
            place = (panel * result.shape[1] + row) * WIDTH
            start = panel * right.shape[1] * WIDTH
            product_tile(a, row * WIDTH, columns, places, len(places), b, start, zeros, 0, c, place)


@_entry
def _multiply_transposed(
    left: np.ndarray,
    columns: np.ndarray,
    places: np.ndarray,
    units: int,
    right: np.ndarray,
    rows: int,
    result: np.ndarray,
) -> None:
    """Fill ``result`` with the product of ``units`` columns of ``left``, transposed, with ``right``, all in panels."""
    a, b, c = left.reshape(left.size), right.reshape(right.size), result.reshape(result.size)
    for index in range(len(c)):
        c[index] = np.float32(0.0)
    for panel in range(result.shape[0]):
        for unit in range(0, units, ROWS):
            start = panel * right.shape[1] * WIDTH
            gradient_tile(a, 0, columns, places, unit, rows, b, start, c, panel * result.shape[1] * WIDTH)
