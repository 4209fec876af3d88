"""Preconditions of affordances: a stack machine that runs the compiled programs of a town's expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.config.expressions import (
    ADD,
    DIVIDE,
    EQUAL,
    GREATER,
    GREATER_EQUAL,
    LESS,
    LESS_EQUAL,
    MULTIPLY,
    NEGATE,
    NOT,
    PUSH_NUMBER,
    PUSH_VARIABLE,
    SKIP_IF_FALSE,
    SKIP_IF_TRUE,
    SUBTRACT,
    Program,
)
from townlet.world.engine.compile import rule


class Programs(NamedTuple):
    """Programs one after another: program ``p`` begins at operation ``start[p]`` and ends before ``start[p + 1]``."""

    code: NDArray[np.int64]
    """int64 [operations]."""
    operand: NDArray[np.float64]
    """float64 [operations]."""
    start: NDArray[np.int64]
    """int64 [programs + 1]."""


def pack_programs(programs: Sequence[Program]) -> Programs:
    """Pack programs into the form that rules read."""
    return Programs(
        code=np.array([code for program in programs for code in program.code], np.int64),
        operand=np.array([operand for program in programs for operand in program.operand], np.float64),
        start=np.cumsum([0, *(len(program.code) for program in programs)], dtype=np.int64),
    )


@rule
def holds(code: np.ndarray, operand: np.ndarray, first: int, end: int, values: np.ndarray, stack: np.ndarray) -> bool:
    """Whether a program holds. One that divides by zero does not; an empty one does.

    Args:
        code: int64 [operations].
        operand: float64 [operations].
        first: index of the program's first operation.
        end: index after its last one.
        values: float64 [variables], 1 for true and 0 for false.
        stack: scratch space, float64 [MAX_DEPTH] of :mod:`townlet.config.expressions`.
    """
    if first == end:
        return True
    top = -1
    at = first
    while at < end:
        operation = code[at]
        if operation == PUSH_NUMBER:
            top += 1
            stack[top] = operand[at]
        elif operation == PUSH_VARIABLE:
            top += 1
            stack[top] = values[int(operand[at])]
        elif operation in (SKIP_IF_FALSE, SKIP_IF_TRUE):
            if (stack[top] != 0.0) == (operation == SKIP_IF_TRUE):
                at += int(operand[at])
            else:
                top -= 1
        elif operation == NEGATE:
            stack[top] = -stack[top]
        elif operation == NOT:
            stack[top] = 1.0 if stack[top] == 0.0 else 0.0
        else:
            top -= 1
            # Python's floats overflow to infinity without a warning, as compiled arithmetic does.
            left = float(stack[top])
            right = float(stack[top + 1])
            if operation >= LESS:
                stack[top] = 1.0 if compares(operation, left, right) else 0.0
            elif operation == DIVIDE and right == 0.0:
                return False
            else:
                stack[top] = calculate(operation, left, right)
        at += 1
    return bool(stack[top] != 0.0)


@rule
def calculate(operation: int, left: float, right: float) -> float:
    """The result of ADD, SUBTRACT, MULTIPLY or DIVIDE; the divisor must not be 0."""
    if operation == ADD:
        return left + right
    if operation == SUBTRACT:
        return left - right
    if operation == MULTIPLY:
        return left * right
    return left / right


@rule
def compares(operation: int, left: float, right: float) -> bool:
    """Whether a comparison, LESS to NOT_EQUAL, is true."""
    if operation == LESS:
        return left < right
    if operation == LESS_EQUAL:
        return left <= right
    if operation == GREATER:
        return left > right
    if operation == GREATER_EQUAL:
        return left >= right
    if operation == EQUAL:
        return left == right
    return left != right
