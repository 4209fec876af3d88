"""Elementary functions by formulas of our own, with the same bits on every processor, in loops that become vectors.

The libraries' functions round differently from one processor and one version to the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from townlet.world.engine.compile import rule

_declare: Any = cgutils.get_or_insert_function


def emit_fused(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Code for x · y + z, rounded once, of numbers or vectors of any width."""
    kind = x.type
    number = kind.element if isinstance(kind, ir.VectorType) else kind
    width = f"v{kind.count}" if isinstance(kind, ir.VectorType) else ""
    name = f"llvm.fma.{width}{'f32' if number == ir.FloatType() else 'f64'}"
    return builder.call(_declare(builder.module, ir.FunctionType(kind, [kind] * 3), name), [x, y, z])


def constant(kind: Any, value: float | np.float32) -> Any:
    """A constant of this kind: a float32, or a vector that holds it in every place."""
    number = float(np.float32(value))
    return ir.Constant(kind, [number] * kind.count if isinstance(kind, ir.VectorType) else number)


def _fused(typing_context: Any, x: Any, y: Any, z: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return emit_fused(builder, *arguments)

    return (x)(x, x, x), generate


#: ``fused(x, y, z)``: x · y + z, rounded once; all three float32 or all float64.
fused: Any = intrinsic(_fused)


def _scaled(typing_context: Any, value: Any, shifted: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        single = signature.return_type == types.float32
        number = ir.FloatType() if single else ir.DoubleType()
        word, mantissa = (ir.IntType(32), 23) if single else (ir.IntType(64), 52)
        bits, power = (builder.bitcast(argument, word) for argument in arguments)
        return builder.bitcast(builder.add(bits, builder.shl(power, word(mantissa))), number)

    return (value)(value, value), generate


# ``_scaled_by(value, shifted)``: value · 2ⁿ, where ``shifted`` is n + 1.5 · 2²³ (float32) or n + 1.5 · 2⁵² (float64):
# its lowest bits are those of n.
_scaled_by: Any = intrinsic(_scaled)


def _split(typing_context: Any, x: Any, of: Callable[[Any, Any, Any], Any]) -> Any:
    """A function of the power n and the bits of x = fraction · 2ⁿ, with fractions from √½ to √2."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(32)
        bits = builder.bitcast(arguments[0], word)
        power = builder.ashr(builder.sub(bits, word(_BITS_OF_ROOT)), word(23))
        return of(builder, bits, power)

    return types.float32(types.float32), generate


def _power(typing_context: Any, x: Any) -> Any:
    return _split(typing_context, x, lambda builder, bits, power: builder.sitofp(power, ir.FloatType()))


def _fraction(typing_context: Any, x: Any) -> Any:
    def of(builder: Any, bits: Any, power: Any) -> Any:
        return builder.bitcast(builder.sub(bits, builder.shl(power, ir.IntType(32)(23))), ir.FloatType())

    return _split(typing_context, x, of)


_BITS_OF_ROOT = int(np.float32(math.sqrt(0.5)).view(np.int32))
_power_of: Any = intrinsic(_power)
_fraction_of: Any = intrinsic(_fraction)

_F = np.float32
_ONE, _TWO, _HALF = _F(1.0), _F(2.0), _F(0.5)
_SHIFT, _SHIFT_64 = _F(1.5 * 2.0**23), 1.5 * 2.0**52
_LOG2_E = _F(1.0 / math.log(2.0))
# ln 2 in two parts; the first has so few bits that its product with n is exact.
_LN2_HIGH = _F(round(math.log(2.0) * 2**12) / 2**12)
_LN2_LOW = _F(math.log(2.0) - round(math.log(2.0) * 2**12) / 2**12)
_LN2_HIGH_64 = round(math.log(2.0) * 2**32) / 2**32
_LN2_LOW_64 = math.log(2.0) - _LN2_HIGH_64
_LOG2_E_64 = 1.0 / math.log(2.0)
_LOWEST, _LOWEST_64, _HIGHEST_64 = _F(-87.0), -708.0, 709.7
_E2, _E3, _E4, _E5, _E6, _E7 = (_F(1.0 / math.factorial(n)) for n in range(2, 8))
_S2, _S3, _S4, _S5, _S6, _S7, _S8, _S9 = (1.0 / math.factorial(n) for n in range(2, 10))
_S10, _S11, _S12, _S13, _S14, _S15, _S16 = (1.0 / math.factorial(n) for n in range(10, 17))
# ln((1 + t) / (1 − t)) / 2 = t + t³ / 3 + …
_L3, _L5, _L7, _L9 = (_F(1.0 / n) for n in (3, 5, 7, 9))
_INFINITY = _F(math.inf)
# The series of tanh x / x in x² (Bernoulli numbers).
_T1, _T2, _T3, _T4 = _F(-1 / 3), _F(2 / 15), _F(-17 / 315), _F(62 / 2835)
_T5, _T6, _T7 = _F(-1382 / 155925), _F(21844 / 6081075), _F(-929569 / 638512875)


def emit_exponential(builder: Any, x: Any) -> Any:
    """Code for :data:`exponential` of float32, or of vectors of them."""
    kind = x.type

    def chain(first: Any, second: Any, third: np.float32) -> Any:
        return emit_fused(builder, first, second, constant(kind, third))

    shifted = chain(x, constant(kind, _LOG2_E), _SHIFT)
    n = builder.fsub(shifted, constant(kind, _SHIFT))
    high = emit_fused(builder, n, constant(kind, -_LN2_HIGH), x)
    r = emit_fused(builder, n, constant(kind, -_LN2_LOW), high)
    power = constant(kind, _E7)
    for coefficient in (_E6, _E5, _E4, _E3, _E2, _ONE, _ONE):
        power = chain(power, r, coefficient)
    word = ir.VectorType(ir.IntType(32), kind.count) if isinstance(kind, ir.VectorType) else ir.IntType(32)
    mantissa = ir.Constant(word, [23] * kind.count if isinstance(kind, ir.VectorType) else 23)
    exponent = builder.shl(builder.bitcast(shifted, word), mantissa)
    value = builder.bitcast(builder.add(builder.bitcast(power, word), exponent), kind)
    lowest = constant(kind, _LOWEST)
    rest = builder.select(builder.fcmp_ordered("<", x, lowest), constant(kind, 0.0), x)
    return builder.select(builder.fcmp_ordered(">=", x, lowest), value, rest)


def _exponential(typing_context: Any, x: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return emit_exponential(builder, arguments[0])

    return types.float32(types.float32), generate


#: ``exponential(x)``: e^x in float32 for x of at most 0, to 1e-7 of its value; 0 below −87; NaN for NaN.
exponential: Any = intrinsic(_exponential)


@rule
def hyperbolic_tangent(x: np.float32) -> np.float32:
    """tanh x in float32, to 2e-7 of its value; NaN for NaN."""
    size = abs(x)
    square = x * x
    p = fused(fused(fused(_T7, square, _T6), square, _T5), square, _T4)
    p = fused(fused(fused(p, square, _T3), square, _T2), square, _T1)
    near = fused(x * square, p, x)
    e = exponential(-_TWO * size)
    far = (_ONE - e) / (_ONE + e)
    return near if size < _HALF else (far if x > _F(0.0) else -far)  # type: ignore[no-any-return]


@rule
def exponential_less_line(x: float) -> float:
    """e^x − 1 − x in float64, to 2e-15 of its value for x from −1 to 1, else to 3e-14.

    Infinite above 709.7; NaN for NaN.
    """
    near = x * x * _series(x)
    bounded = _LOWEST_64 if x < _LOWEST_64 else (_HIGHEST_64 if x > _HIGHEST_64 else x)
    shifted = fused(bounded, _LOG2_E_64, _SHIFT_64)
    n = shifted - _SHIFT_64
    r = fused(n, -_LN2_LOW_64, fused(n, -_LN2_HIGH_64, bounded))
    far = _scaled_by(fused(r * r, _series(r), r) + 1.0, shifted) - 1.0 - x
    far = math.inf if x > _HIGHEST_64 else far
    return near if abs(x) < 0.5 or x != x else far


@rule
def logarithm(x: np.float32) -> np.float32:
    """ln x in float32 for positive normal x, to 1e-7 of its value or of ln 2; infinite for infinity, NaN for NaN."""
    fraction = _fraction_of(x)
    t = (fraction - _ONE) / (fraction + _ONE)
    square = t * t
    p = fused(fused(fused(_L9, square, _L7), square, _L5), square, _L3)
    near = _TWO * fused(t * square, p, t)
    value = fused(_power_of(x), _LN2_HIGH, fused(_power_of(x), _LN2_LOW, near))
    return value if x < _INFINITY else x


@rule
def _series(x: float) -> float:
    """(e^x − 1 − x) / x² for small x."""
    p = fused(fused(fused(_S16, x, _S15), x, _S14), x, _S13)
    p = fused(fused(fused(fused(p, x, _S12), x, _S11), x, _S10), x, _S9)
    p = fused(fused(fused(fused(p, x, _S8), x, _S7), x, _S6), x, _S5)
    return fused(fused(fused(p, x, _S4), x, _S3), x, _S2)  # type: ignore[no-any-return]
