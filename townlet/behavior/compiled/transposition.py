"""Transposition of squares in the processor's registers, for what is computed of several rows side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic
from numba.np import arrayobj

#: Rows whose losses and choices are computed side by side.
GROUP = 16

_SQUARE = ir.VectorType(ir.FloatType(), GROUP)
_WORD, _INDEX = ir.IntType(64), ir.IntType(32)
# Untyped, because Numba's stubs lack it.
_make_array: Any = arrayobj.make_array


def pointers(context: Any, builder: Any, signature: Any, arguments: Any) -> Callable[[int], Any]:
    """The addresses of an intrinsic's arguments that are arrays, by their index."""

    def data(index: int) -> Any:
        return _make_array(signature.args[index])(context, builder, value=arguments[index]).data

    return data


def _transpose(
    typing_context: Any,
    source: Any,
    source_start: Any,
    source_row: Any,
    target: Any,
    target_start: Any,
    target_row: Any,
) -> Any:
    signature = types.void(source, types.intp, types.intp, target, types.intp, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = pointers(context, builder, signature, arguments)

        def rows(index: int) -> list[Any]:
            place = builder.gep(data(index), [arguments[index + 1]])
            starts = [builder.mul(arguments[index + 2], _WORD(row)) for row in range(GROUP)]
            return [builder.bitcast(builder.gep(place, [start]), _SQUARE.as_pointer()) for start in starts]

        vectors = [builder.load(place, align=4 * GROUP) for place in rows(0)]
        for step in (1, 2, 4, 8):
            vectors = _swapped(builder, vectors, step)
        for vector, place in zip(vectors, rows(3), strict=True):
            builder.store(vector, place, align=4 * GROUP)
        return context.get_dummy_value()

    return signature, generate


def _swapped(builder: Any, vectors: list[Any], step: int) -> list[Any]:
    """Vectors in which one bit of the number of the vector has changed places with that of the number in it."""
    found = list(vectors)
    for index in range(GROUP):
        if not index & step:
            pair = vectors[index], vectors[index + step]
            lower = [lane if not lane & step else GROUP + lane - step for lane in range(GROUP)]
            upper = [lane + step if not lane & step else GROUP + lane for lane in range(GROUP)]
            for place, order in ((index, lower), (index + step, upper)):
                chosen = ir.Constant(ir.VectorType(_INDEX, GROUP), order)
                found[place] = builder.shuffle_vector(*pair, chosen)
    return found


#: ``transpose(source, source_start, source_row, target, target_start, target_row)``: copy a square of GROUP rows and
#: columns, whose rows begin ``source_row`` floats apart, so that its columns become rows, ``target_row`` floats apart.
transpose: Any = intrinsic(_transpose)
