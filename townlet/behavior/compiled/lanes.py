"""Operations on a group of rows side by side, each on one whole vector of numbers, written out for LLVM.

The compiler makes vectors of short loops only if it can tell that the arrays do not overlap, which it cannot here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from townlet.behavior.compiled.elementary import emit_exponential
from townlet.behavior.compiled.transposition import GROUP, pointers

_VECTOR = ir.VectorType(ir.FloatType(), GROUP)
_WORD = ir.IntType(64)

Vectors = tuple[Any, Any, Any, Any]
#: Of a builder, the vectors of an action's log-probabilities and probabilities, the two of the lanes, and a vector that
#: holds one number in every place; returns what the first four become.
Operation = Callable[..., Vectors]


def _on_lanes(operation: Operation) -> Any:
    """``operation(log_probs, probs, place, lanes, number)``: change an action's numbers, from ``place`` on, and lanes.

    ``lanes`` holds two vectors, ``number`` is float32. What the operation does not change is not written.
    """

    def typed(typing_context: Any, log_probs: Any, probs: Any, place: Any, lanes: Any, number: Any) -> Any:
        return types.void(log_probs, probs, types.intp, lanes, types.float32), generate

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = pointers(context, builder, signature, arguments)
        addresses = [
            builder.gep(data(0), [arguments[2]]),
            builder.gep(data(1), [arguments[2]]),
            data(3),
            builder.gep(data(3), [_WORD(GROUP)]),
        ]
        places = [builder.bitcast(address, _VECTOR.as_pointer()) for address in addresses]
        before = [builder.load(each, align=4 * GROUP) for each in places]
        alone = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), arguments[4], ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), GROUP), [0] * GROUP)
        number = builder.shuffle_vector(alone, ir.Constant(_VECTOR, ir.Undefined), everywhere)
        for each, old, new in zip(places, before, operation(builder, *before, number), strict=True):
            if new is not old:
                builder.store(new, each, align=4 * GROUP)
        return context.get_dummy_value()

    return intrinsic(typed)


def _highest(builder: Any, logit: Any, prob: Any, first: Any, second: Any, number: Any) -> Vectors:
    return logit, prob, builder.select(builder.fcmp_ordered(">", logit, first), logit, first), second


def _weigh(builder: Any, logit: Any, prob: Any, first: Any, second: Any, number: Any) -> Vectors:
    below = builder.fsub(logit, first)
    weight = emit_exponential(builder, below)
    return below, weight, first, builder.fadd(second, weight)


def _normalize(builder: Any, log_prob: Any, prob: Any, first: Any, second: Any, number: Any) -> Vectors:
    return builder.fsub(log_prob, first), builder.fmul(prob, second), first, second


def _add_entropy(builder: Any, log_prob: Any, prob: Any, first: Any, second: Any, number: Any) -> Vectors:
    return log_prob, prob, builder.fsub(first, builder.fmul(prob, log_prob)), second


def _differentiate(builder: Any, log_prob: Any, prob: Any, first: Any, second: Any, number: Any) -> Vectors:
    share = builder.fadd(second, builder.fmul(number, builder.fadd(log_prob, first)))
    return log_prob, builder.fmul(prob, builder.fneg(share)), first, second


#: The first lanes become the highest of them and of the logits.
keep_highest: Any = _on_lanes(_highest)
#: Logits less the first lanes, the highest ones; their exponentials, which are added to the second lanes.
weigh: Any = _on_lanes(_weigh)
#: Log-probabilities less the first lanes, the logarithms of the sums; probabilities times the second, their inverses.
normalize: Any = _on_lanes(_normalize)
#: −p ln p of an action is added to the first lanes.
add_entropy: Any = _on_lanes(_add_entropy)
#: Probabilities p become −p (g + n (ln p + H)), with H the first and g the second lanes, and n the number.
differentiate_logits: Any = _on_lanes(_differentiate)
