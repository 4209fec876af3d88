"""Handles: one small array with the addresses of a town's arrays, so that calling compiled rules from Python is cheap.

Unpacking some fifty arrays from their Python objects took 17 µs per call, as long as stepping a hundred people. A
handle stores addresses and sizes once, and compiled code reads them there, which is nearly free. The owner of a handle
must keep the arrays alive and in place: see :class:`townlet.world.town.Town`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model
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
_declare: Any = cgutils.get_or_insert_function
_gep: Any = cgutils.gep_inbounds
_array: Any = types.Array
_infer_getattr: Any = infer_getattr
_lower_getattr_generic: Any = lower_getattr_generic
_register_model: Any = register_model
_Template: Any = AttributeTemplate
_Model: Any = models.PrimitiveModel
_make_array: Any = arrayobj.make_array
_populate_array: Any = arrayobj.populate_array

#: Element type and number of axes of every field, in order; None for a plain number.
_STATE: list[tuple[Any, int] | None] = [
    *((WORLD, 1), (PERSON, 2), (OBJECT, 2), (np.uint8, 2), (np.float32, 3), (np.int64, 2)),
    *((GRUDGE, 3), (TIE, 3), (COOLDOWN, 3)),
    *((np.int32, 3), (np.int32, 3), (np.int64, 3), (np.int16, 2), (np.int64, 3), (EVENT, 2)),
    *((np.float64, 2), (np.float64, 3), (np.bool_, 2), (np.bool_, 2), (np.bool_, 2), (np.float32, 2)),
    *((np.float32, 3), (np.float32, 3), (np.bool_, 3), (np.float64, 2), (np.float64, 2), (np.int64, 3)),
]
_LAYOUT: list[tuple[Any, int] | None] = [
    *(None, None, None, None, (np.int64, 1), None, (AROUND, 1), None),
    *((np.bool_, 1), (np.int64, 1), (np.int32, 2), (np.uint8, 1)),
    *((np.int32, 1), (np.int32, 1), (np.int32, 1), (np.int32, 1)),
    *((np.int16, 3), (np.int16, 3), (np.uint8, 3), (NEAREST, 2), (WAY, 2), (np.int32, 1), (np.int32, 2)),
    *((np.int32, 1), (np.float64, 2), (np.float64, 2), (np.int32, 1), (np.int32, 2), (np.float64, 1)),
]


_VIEW: list[tuple[Any, int] | None] = [
    *(None, None, None, None),
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


class _Reference(types.Type):
    """The type of a town, a layout or a view in compiled rules: the address of a handle, which tells where arrays are.

    A rule called with an address takes a single machine word instead of some two hundred, which the optimizer would
    have to follow through every call.
    """

    def __init__(self, named_tuple: type[Any], fields: list[tuple[Any, int] | None], first: int) -> None:
        self.rows = dict(zip(named_tuple._fields, enumerate(map(_member, fields), start=first), strict=True))
        super().__init__(name=f"{named_tuple.__name__}Reference")


def _member(field: tuple[Any, int] | None) -> Any:
    return types.int64 if field is None else _array(numpy_support.from_dtype(np.dtype(field[0])), field[1], "C")


#: How compiled rules see a handle.
_ROWS = ir.ArrayType(ir.IntType(64), 4 * (len(_STATE) + len(_LAYOUT) + len(_VIEW)))


@_register_model(_Reference)
class _Address(_Model):  # type: ignore[misc]
    def __init__(self, manager: Any, reference: Any) -> None:
        super().__init__(manager, reference, _ROWS.as_pointer())


@_infer_getattr
class _Fields(_Template):  # type: ignore[misc]
    key = _Reference

    def generic_resolve(self, reference: Any, field: str) -> Any:
        return reference.rows[field][1]


@_lower_getattr_generic(_Reference)  # type: ignore[untyped-decorator]
def _read_field(context: Any, builder: Any, reference: Any, handle: Any, field: str) -> Any:
    index, member = reference.rows[field]
    numbers = range(4 * index, 4 * index + 1 + getattr(member, "ndim", 0))
    row = [_load_constant(builder, _gep(builder, handle, 0, number)) for number in numbers]
    return row[0] if member is types.int64 else _array_at(context, builder, member, row[0], row[1:])


def _load_constant(builder: Any, address: Any) -> Any:
    """Load a number that never changes, so that the optimizer loads it once and not again after every store."""
    number = builder.load(address)
    number.set_metadata("invariant.load", builder.module.add_metadata([]))
    return number


def _preload(builder: Any, handle: Any, index: int, member: Any) -> None:
    """Load a row where a handle is first used. All later loads of it are then known to give the same."""
    assume = _declare(builder.module, ir.FunctionType(ir.VoidType(), [ir.IntType(1)]), "llvm.assume")
    for axis in range(getattr(member, "ndim", 0)):
        size = _load_constant(builder, _gep(builder, handle, 0, 4 * index + 1 + axis))
        builder.call(assume, [builder.icmp_signed(">=", size, size.type(0))])
    if member is not types.int64:
        address = _load_constant(builder, _gep(builder, handle, 0, 4 * index))
        builder.call(assume, [builder.icmp_signed("!=", address, address.type(0))])


def _referring(reference: _Reference) -> Any:
    """A function for compiled rules that makes a reference of a handle."""

    def refer(typing_context: Any, handle: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            rows = _make_array(signature.args[0])(context, builder, value=arguments[0]).data
            address = builder.bitcast(rows, _ROWS.as_pointer())
            for index, member in reference.rows.values():
                _preload(builder, address, index, member)
            return address

        return reference(handle), generate

    return intrinsic(refer)


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


town_at: Any = _referring(_Reference(TownState, _STATE, 0)) if COMPILED else _plain_town_at
layout_at: Any = _referring(_Reference(TownLayout, _LAYOUT, len(_STATE))) if COMPILED else _plain_layout_at
view_at: Any = _referring(_Reference(View, _VIEW, len(_STATE) + len(_LAYOUT))) if COMPILED else _plain_view_at
