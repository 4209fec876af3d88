"""Handles: one small array with the addresses of a town's arrays, so that calling compiled rules from Python is cheap.

Unpacking some fifty arrays from their Python objects took 17 µs per call, as long as stepping a hundred people. A
handle stores addresses and sizes once, and compiled code rebuilds the arrays from it, which is nearly free. The owner
of a handle must keep the arrays alive and in place: see :class:`townlet.world.town.Town`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj, numpy_support
from numpy.typing import NDArray

from townlet.world.engine.compile import COMPILED
from townlet.world.observation.view import View
from townlet.world.state.arrays import COOLDOWN, GRUDGE, OBJECT, PERSON, TIE, WORLD, TownState
from townlet.world.state.events import EVENT
from townlet.world.state.layout import AROUND, TownLayout
from townlet.world.state.routes import NEAREST, WAY

#: int64 [arrays, 4], an address and three sizes each; where rules run as plain Python, the arrays themselves.
Handle = Any

# Untyped, like most of Numba.
_gep: Any = cgutils.gep_inbounds
_named_tuple: Any = types.NamedTuple
_make_array: Any = arrayobj.make_array
_populate_array: Any = arrayobj.populate_array

#: Element type and number of axes of every field, in order; None for a plain number.
_STATE: list[tuple[Any, int] | None] = [
    *((WORLD, 1), (PERSON, 2), (OBJECT, 2), (np.uint8, 2), (np.float32, 3), (np.int64, 2)),
    *((GRUDGE, 3), (TIE, 3), (COOLDOWN, 3)),
    *((np.int32, 3), (np.int32, 3), (np.int64, 3), (np.int16, 2), (np.int64, 3), (EVENT, 2)),
    *((np.float64, 2), (np.float64, 3), (np.bool_, 2), (np.bool_, 2), (np.bool_, 2), (np.float32, 2)),
    *((np.float32, 3), (np.float32, 3), (np.bool_, 3), (np.float64, 2), (np.float64, 2)),
]
_LAYOUT: list[tuple[Any, int] | None] = [
    *(None, None, None, None, (np.int64, 1), None, (AROUND, 1), None),
    *((np.bool_, 1), (np.int64, 1), (np.int32, 2), (np.uint8, 1)),
    *((np.int32, 1), (np.int32, 1), (np.int32, 1), (np.int32, 1)),
    *((np.int16, 3), (np.int16, 3), (np.uint8, 3), (NEAREST, 2), (WAY, 2), (np.int32, 1), (np.int32, 2)),
    *((np.int32, 1), (np.float64, 2), (np.float64, 2), (np.int32, 1), (np.int32, 2), (np.float64, 1)),
]


_VIEW: list[tuple[Any, int] | None] = [
    *(None, None, None),
    *((np.float64, 1), (np.float32, 2), (np.float32, 2), (np.int64, 1)),
]


def handle_of(town: TownState, layout: TownLayout, view: View) -> Handle:
    """A handle for a town's arrays, which must be C-contiguous and stay where they are."""
    if not COMPILED:
        return town, layout, view
    fields = zip((*town, *layout, *view), (*_STATE, *_LAYOUT, *_VIEW), strict=True)
    return np.array([_row(value, field) for value, field in fields], np.int64)


def _row(value: Any, field: tuple[Any, int] | None) -> list[int]:
    """The address and sizes of an array, or the value of a plain number."""
    if field is None:
        return [value, 0, 0, 0]
    array: NDArray[Any] = value
    if not array.flags.c_contiguous or (array.dtype.newbyteorder("="), array.ndim) != (np.dtype(field[0]), field[1]):
        raise TypeError(
            f"found {array.dtype} of {array.ndim} axes, expected {np.dtype(field[0])} of {field[1]}, contiguous"
        )
    return [array.ctypes.data, *array.shape, *([0] * (3 - array.ndim))]


def _unpacking(named_tuple: type[Any], fields: list[tuple[Any, int] | None], first: int) -> Any:
    """A function for compiled rules that makes a named tuple of the rows of a handle from ``first`` on."""
    members = [
        types.int64 if field is None else types.Array(numpy_support.from_dtype(np.dtype(field[0])), field[1], "C")
        for field in fields
    ]
    result = _named_tuple(members, named_tuple)

    def unpack(typing_context: Any, handle: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows = _make_array(signature.args[0])(context, builder, value=arguments[0]).data
            values = []
            for index, member in enumerate(members, start=first):
                row = [builder.load(_gep(builder, rows, 4 * index + k)) for k in range(4)]
                plain = member is types.int64
                values.append(row[0] if plain else _array_at(context, builder, member, row[0], row[1:]))
            return context.make_tuple(builder, result, values)

        return result(handle), generate

    return intrinsic(unpack)


def _array_at(context: Any, builder: Any, array_type: Any, address: Any, sizes: list[Any]) -> Any:
    """A C-contiguous array of the given sizes over the memory at an address."""
    array = _make_array(array_type)(context, builder)
    itemsize = context.get_constant(types.intp, numpy_support.as_dtype(array_type.dtype).itemsize)
    strides = [itemsize]
    for size in reversed(sizes[1 : array_type.ndim]):
        strides.insert(0, builder.mul(strides[0], size))
    data = builder.inttoptr(address, array.data.type)
    _populate_array(array, data=data, shape=sizes[: array_type.ndim], strides=strides, itemsize=itemsize, meminfo=None)
    return array._getvalue()


def _plain_town_at(handle: Handle) -> TownState:
    state: TownState = handle[0]
    return state


def _plain_layout_at(handle: Handle) -> TownLayout:
    layout: TownLayout = handle[1]
    return layout


def _plain_view_at(handle: Handle) -> View:
    view: View = handle[2]
    return view


town_at: Any = _unpacking(TownState, _STATE, 0) if COMPILED else _plain_town_at
layout_at: Any = _unpacking(TownLayout, _LAYOUT, len(_STATE)) if COMPILED else _plain_layout_at
view_at: Any = _unpacking(View, _VIEW, len(_STATE) + len(_LAYOUT)) if COMPILED else _plain_view_at
