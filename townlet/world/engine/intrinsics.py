"""Processor instructions that Numba does not offer."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np import arrayobj

from townlet.world.engine.compile import COMPILED

# Untyped, because Numba's stubs lack them.
_gep: Any = cgutils.gep_inbounds
_unpack: Any = cgutils.unpack_tuple
_declare: Any = cgutils.get_or_insert_function
_make_array: Any = arrayobj.make_array
_FETCH_TO_READ = (0, 3, 1)


def _prefetch(typing_context: Any, table: Any, row: Any, column: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = _make_array(signature.args[0])(context, builder, value=arguments[0])
        strides = _unpack(builder, array.strides)
        offset = builder.add(builder.mul(arguments[1], strides[0]), builder.mul(arguments[2], strides[1]))
        byte = ir.IntType(8).as_pointer()
        address = _gep(builder, builder.bitcast(array.data, byte), offset)
        number = ir.IntType(32)
        signature_of_prefetch = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = _declare(builder.module, signature_of_prefetch, "llvm.prefetch.p0")
        builder.call(prefetch, [address, *(number(hint) for hint in _FETCH_TO_READ)])
        return context.get_dummy_value()

    return types.void(table, types.int64, types.int64), generate


def _plain_prefetch(table: Any, row: int, column: int) -> None:
    return None


#: ``prefetch(table, row, column)``: begin to load an element of a table [R, C] into the cache; affects only speed.
prefetch: Any = intrinsic(_prefetch) if COMPILED else _plain_prefetch


def _lowest_bit(typing_context: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.int64), generate


def _plain_lowest_bit(bits: int) -> int:
    return (int(bits) & -int(bits)).bit_length() - 1


#: ``lowest_bit(bits)``: the index of the lowest bit set in a positive number.
lowest_bit: Any = intrinsic(_lowest_bit) if COMPILED else _plain_lowest_bit
