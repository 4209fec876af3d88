"""Tiles of matrix products in the processor's registers, written out for LLVM.

Matrices are stored in panels of ``WIDTH`` columns: element (row, column) is at ``((column // WIDTH) · rows + row) ·
WIDTH + column % WIDTH``. So a row of a panel is a few whole vectors, and what a tile reads lies close together.

Libraries copy both matrices into such an order in every product. Weights are put in order once per optimizer step here,
activations are born in it, and rows of the first matrix are taken from a list, so that columns in which all rows are 0
cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from townlet.behavior.compiled.kernel import processor_kernel
from townlet.behavior.compiled.transposition import pointers

_KERNEL = processor_kernel()
#: Columns of a panel and of a tile.
WIDTH: int = _KERNEL.width
#: Rows of a tile.
ROWS: int = _KERNEL.rows
#: Columns of a narrow tile, which has one vector per row.
NARROW: int = _KERNEL.lanes

_LANES, _VECTORS = _KERNEL.lanes, _KERNEL.vectors
_FLOAT, _WORD, _INDEX = ir.FloatType(), ir.IntType(64), ir.IntType(32)
_VECTOR = ir.VectorType(_FLOAT, max(_LANES, 1))
_ZERO = ir.Constant(_VECTOR, [0.0] * _LANES)
#: Turns a vector of a tile into the one that is stored at a place; it may read what is there before.
Finish = Callable[[Any, Any, Any], Any]
# Untyped, because Numba's stubs lack them.
_declare: Any = cgutils.get_or_insert_function


def _product_tile(finish: Finish, vectors: int) -> Any:
    """An intrinsic that computes so many vectors of each row of a tile, and finishes them in registers."""

    def typed(
        typing_context: Any,
        left: Any,
        left_start: Any,
        left_offsets: Any,
        right_offsets: Any,
        count: Any,
        right: Any,
        right_start: Any,
        first: Any,
        first_start: Any,
        result: Any,
        result_start: Any,
    ) -> Any:
        words = types.intp
        signature = types.void(
            left, words, left_offsets, right_offsets, words, right, words, first, words, result, words
        )
        return signature, generate

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = pointers(context, builder, signature, arguments)
        a, b = builder.gep(data(0), [arguments[1]]), builder.gep(data(5), [arguments[6]])
        start = _loads(builder, builder.gep(data(7), [arguments[8]]), vectors) * ROWS

        def at(k: Any) -> tuple[Callable[[int], Any], Any]:
            here = builder.gep(a, [_offset(builder, data(2), k)])
            return lambda row: builder.gep(here, [_WORD(row * WIDTH)]), builder.gep(b, [_offset(builder, data(3), k)])

        sums = _chain(builder, arguments[4], start, at, vectors)
        base = builder.gep(data(9), [arguments[10]])
        for index, value in enumerate(sums):
            offset = index // vectors * WIDTH + index % vectors * _LANES
            place = builder.bitcast(builder.gep(base, [_WORD(offset)]), _VECTOR.as_pointer())
            builder.store(finish(builder, value, place), place, align=4 * _LANES)
        return context.get_dummy_value()

    return intrinsic(typed)


def _as_it_is(builder: Any, value: Any, place: Any) -> Any:
    return value


def _relu(builder: Any, value: Any, place: Any) -> Any:
    # NaN is not less than 0, so it stays.
    return builder.select(builder.fcmp_ordered("<", value, _ZERO), _ZERO, value)


def _through_relu(builder: Any, value: Any, place: Any) -> Any:
    output = builder.load(place, align=4 * _LANES)
    return builder.select(builder.fcmp_ordered(">", output, _ZERO), value, _ZERO)


def _through_tanh(builder: Any, value: Any, place: Any) -> Any:
    output = builder.load(place, align=4 * _LANES)
    one = ir.Constant(_VECTOR, [1.0] * _LANES)
    return builder.fmul(value, builder.fsub(one, builder.fmul(output, output)))


#: ``product_tile(left, left_start, left_offsets, right_offsets, count, right, right_start, first, first_start, result,
#: result_start)``: fill a tile of ``result`` with ``first``'s row plus the product of ROWS rows of ``left`` with
#: ``count`` rows of ``right``. Term k takes column ``left_offsets[k]`` of ``left`` and the row at ``right_offsets[k]``
#: of ``right``. All arrays are flat float32, offsets int32.
product_tile: Any = _product_tile(_as_it_is, _VECTORS)
#: The same for the first vector of each row alone; the others are left as they are.
narrow_product_tile: Any = _product_tile(_as_it_is, 1)
#: The same, and then relu.
relu_tile: Any = _product_tile(_relu, _VECTORS)
#: The same for errors, times the derivative of relu at its outputs, which ``result`` holds before.
relu_error_tile: Any = _product_tile(_through_relu, _VECTORS)
#: The same for errors, times the derivative of tanh at its outputs, which ``result`` holds before.
tanh_error_tile: Any = _product_tile(_through_tanh, _VECTORS)


def _gradient_tile(vectors: int) -> Any:
    """An intrinsic that adds to so many vectors of each row of a gradient."""

    def typed(
        typing_context: Any,
        left: Any,
        left_start: Any,
        left_offsets: Any,
        result_offsets: Any,
        first: Any,
        count: Any,
        right: Any,
        right_start: Any,
        result: Any,
        result_start: Any,
    ) -> Any:
        words = types.intp
        signature = types.void(left, words, left_offsets, result_offsets, words, words, right, words, result, words)
        return signature, generate

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = pointers(context, builder, signature, arguments)
        a, b = builder.gep(data(0), [arguments[1]]), builder.gep(data(6), [arguments[7]])
        lefts, places = (builder.gep(data(index), [arguments[4]]) for index in (2, 3))
        columns = [builder.gep(a, [_offset(builder, lefts, _WORD(row))]) for row in range(ROWS)]

        def at(k: Any) -> tuple[Callable[[int], Any], Any]:
            down = builder.mul(k, _WORD(WIDTH))
            return lambda row: builder.gep(columns[row], [down]), builder.gep(b, [down])

        sums = _chain(builder, arguments[5], [_ZERO] * (ROWS * vectors), at, vectors)
        base = builder.gep(data(8), [arguments[9]])
        for row in range(ROWS):
            place = builder.gep(base, [_offset(builder, places, _WORD(row))])
            for vector, value in enumerate(_loads(builder, place, vectors)):
                total = builder.fadd(value, sums[row * vectors + vector])
                _store(builder, total, builder.gep(place, [_WORD(vector * _LANES)]))
        return context.get_dummy_value()

    return intrinsic(typed)


#: ``gradient_tile(left, left_start, left_offsets, result_offsets, first, count, right, right_start, result,
#: result_start)``: add to ROWS rows of ``result`` the products, summed over ``count`` rows, of ROWS columns of ``left``
#: with a panel of ``right``. The columns and the rows of the result are entries ``first`` … of the lists of offsets.
gradient_tile: Any = _gradient_tile(_VECTORS)
#: The same for the first vector of each row alone.
narrow_gradient_tile: Any = _gradient_tile(1)


def _add_rows(typing_context: Any, source: Any, source_start: Any, count: Any, result: Any, result_start: Any) -> Any:
    signature = types.void(source, types.intp, types.intp, result, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = pointers(context, builder, signature, arguments)
        rows, place = builder.gep(data(0), [arguments[1]]), builder.gep(data(3), [arguments[4]])

        def add(k: Any, sums: list[Any]) -> list[Any]:
            row = _loads(builder, builder.gep(rows, [builder.mul(k, _WORD(WIDTH))]), _VECTORS)
            return [builder.fadd(running, vector) for running, vector in zip(sums, row, strict=True)]

        for vector, total in enumerate(_loop(builder, arguments[2], _loads(builder, place, _VECTORS), add)):
            _store(builder, total, builder.gep(place, [_WORD(vector * _LANES)]))
        return context.get_dummy_value()

    return signature, generate


#: ``add_rows(source, source_start, count, result, result_start)``: add ``count`` rows of a panel to one of ``result``.
add_rows: Any = intrinsic(_add_rows)


def _chain(
    builder: Any,
    count: Any,
    start: list[Any],
    at: Callable[[Any], tuple[Callable[[int], Any], Any]],
    vectors: int,
) -> list[Any]:
    """A loop over k < ``count`` that adds to a tile, given as vectors, the product of a column with a row."""

    def add(k: Any, sums: list[Any]) -> list[Any]:
        column, row = at(k)
        right = _loads(builder, row, vectors)
        return [
            _fused(builder, left, vector, sums[index * vectors + number])
            for index in range(ROWS)
            for left in [_broadcast(builder, builder.load(column(index)))]
            for number, vector in enumerate(right)
        ]

    return _loop(builder, count, start, add)


def _loop(builder: Any, count: Any, start: list[Any], body: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """A loop over k < ``count`` that keeps vectors in registers; returns the last ones."""
    before, inside, after = builder.block, builder.append_basic_block("terms"), builder.append_basic_block("tile")
    builder.cbranch(builder.icmp_signed(">", count, _WORD(0)), inside, after)
    builder.position_at_end(inside)
    k = builder.phi(_WORD)
    sums = [builder.phi(_VECTOR) for _ in start]
    new = body(k, sums)
    following = builder.add(k, _WORD(1))
    builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
    k.add_incoming(_WORD(0), before)
    k.add_incoming(following, inside)
    builder.position_at_end(after)
    totals = [builder.phi(_VECTOR) for _ in start]
    for total, running, first, last in zip(totals, sums, start, new, strict=True):
        running.add_incoming(first, before)
        running.add_incoming(last, inside)
        total.add_incoming(first, before)
        total.add_incoming(last, inside)
    return totals


def _offset(builder: Any, offsets: Any, index: Any) -> Any:
    return builder.sext(builder.load(builder.gep(offsets, [index])), _WORD)


def _loads(builder: Any, place: Any, vectors: int) -> list[Any]:
    """The first vectors of a panel's row."""
    places = [builder.gep(place, [_WORD(vector * _LANES)]) for vector in range(vectors)]
    return [builder.load(builder.bitcast(each, _VECTOR.as_pointer()), align=4 * _LANES) for each in places]


def _store(builder: Any, value: Any, place: Any) -> None:
    builder.store(value, builder.bitcast(place, _VECTOR.as_pointer()), align=4 * _LANES)


def _broadcast(builder: Any, number: Any) -> Any:
    alone = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), number, _INDEX(0))
    everywhere = ir.Constant(ir.VectorType(_INDEX, _LANES), [0] * _LANES)
    return builder.shuffle_vector(alone, ir.Constant(_VECTOR, ir.Undefined), everywhere)


def _fused(builder: Any, left: Any, right: Any, addend: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    return builder.call(_declare(builder.module, kind, f"llvm.fma.v{_LANES}f32"), [left, right, addend])
