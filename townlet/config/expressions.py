"""Preconditions: a small expression language, compiled to programs for a stack machine and never evaluated as Python.

``hygiene < 0.95 and wallet >= price`` means the same as in Python. The language has numbers, ``true``, ``false`` and
variables; ``+ - * /``; comparisons, which may be chained; ``and``, ``or``, ``not`` and parentheses. Every part is
either a number or a truth value, and neither converts to the other. An expression that divides by zero is false.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Sequence
from typing import Literal, NamedTuple

from townlet.errors import nearest_name

#: Variables of a precondition, in the order of the values that its program reads.
VARIABLES = (
    "hunger",
    "hygiene",
    "energy",
    "wallet",
    "price",
    "stock",
    "time",
    "day",
    "on_shift",
    "employed",
    "power",
    "water",
)
#: Variables that are true or false; the others are numbers.
TRUTHS = frozenset({"on_shift", "employed", "power", "water"})

#: Longest text in characters, longest program in operations, and deepest stack in values.
MAX_TEXT, MAX_OPERATIONS, MAX_DEPTH = 300, 64, 16

#: Operations. The first two push their operand, or the variable with that number. SKIP_IF_FALSE and SKIP_IF_TRUE jump
#: over as many operations as their operand says if the top value is false or true; otherwise they pop it.
PUSH_NUMBER, PUSH_VARIABLE, SKIP_IF_FALSE, SKIP_IF_TRUE, NEGATE, NOT = 0, 1, 2, 3, 4, 5
ADD, SUBTRACT, MULTIPLY, DIVIDE = 6, 7, 8, 9
LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL = 10, 11, 12, 13, 14, 15

_ARITHMETIC: dict[type[ast.operator], int] = {
    ast.Add: ADD,
    ast.Sub: SUBTRACT,
    ast.Mult: MULTIPLY,
    ast.Div: DIVIDE,
}
_COMPARISONS: dict[type[ast.cmpop], int] = {
    ast.Lt: LESS,
    ast.LtE: LESS_EQUAL,
    ast.Gt: GREATER,
    ast.GtE: GREATER_EQUAL,
    ast.Eq: EQUAL,
    ast.NotEq: NOT_EQUAL,
}
_SYNTAX = "numbers, variables, true, false, + - * /, < <= > >= == !=, and, or, not and parentheses"

Kind = Literal["a number", "true or false"]


class Program(NamedTuple):
    """One expression as operations of a stack machine; an empty program is always true."""

    code: tuple[int, ...] = ()
    operand: tuple[float, ...] = ()
    """One per operation; 0 for operations without an operand."""

    @property
    def depth(self) -> int:
        """The largest number of values on its stack."""
        held = most = 0
        for code in self.code:
            if code in (PUSH_NUMBER, PUSH_VARIABLE):
                held += 1
            elif code not in (NEGATE, NOT):
                held -= 1
            most = max(most, held)
        return most


def parse_expression(text: str, variables: Sequence[str] = VARIABLES) -> Program:
    """Compile an expression; variables are numbered by their order.

    Raises ValueError, whose message names a part and what was expected in its place.
    """
    tree = _syntax_tree(text)
    if sum(isinstance(node, ast.expr) for node in ast.walk(tree)) > MAX_OPERATIONS:
        raise ValueError(f"an expression of at most {MAX_OPERATIONS} operations")
    compiler = _Compiler(" ".join(text.split()), variables)
    compiler.emit_as(tree.body, "true or false")
    program = Program(tuple(code for code, _ in compiler.operations), tuple(value for _, value in compiler.operations))
    if len(program.code) > MAX_OPERATIONS:
        raise ValueError(f"an expression of at most {MAX_OPERATIONS} operations, not {len(program.code)}")
    if program.depth > MAX_DEPTH:
        raise ValueError(f"an expression that keeps at most {MAX_DEPTH} values at once, not {program.depth}")
    return program


def _syntax_tree(text: str) -> ast.Expression:
    if len(text) > MAX_TEXT:
        raise ValueError(f"an expression of at most {MAX_TEXT} characters, not {len(text)}")
    if "#" in text:
        raise ValueError(f"{_SYNTAX} in place of '#'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return ast.parse(" ".join(text.split()), mode="eval")
    except SyntaxError as error:
        place = f" at character {error.offset}" if error.offset else ""
        raise ValueError(f"an expression such as hunger < 0.9 and wallet >= price ({error.msg}{place})") from None
    except (ValueError, RecursionError, MemoryError):
        raise ValueError("an expression such as hunger < 0.9 and wallet >= price") from None


class _Compiler:
    """A compiler of one text, which appends the operations of syntax trees."""

    def __init__(self, text: str, variables: Sequence[str]) -> None:
        self.text, self.variables = text, list(variables)
        self.operations: list[tuple[int, float]] = []

    def emit(self, node: ast.expr) -> Kind:
        """Append the operations that compute a node, and return the kind of its value."""
        match node:
            case ast.Constant():
                return self._number(node)
            case ast.Name():
                return self._name(node)
            case ast.BoolOp():
                self._junction(node)
                return "true or false"
            case ast.Compare():
                self._comparison(node)
                return "true or false"
            case ast.UnaryOp(op=ast.Not()):
                self.emit_as(node.operand, "true or false")
                self._add(NOT)
                return "true or false"
            case ast.UnaryOp(op=ast.USub()):
                self.emit_as(node.operand, "a number")
                self._add(NEGATE)
                return "a number"
            case ast.BinOp() if type(node.op) in _ARITHMETIC:
                self._arithmetic(node)
                return "a number"
        raise self._fault(_SYNTAX, node)

    def emit_as(self, node: ast.expr, wanted: Kind) -> None:
        """Append the operations that compute a node, which must be of the wanted kind."""
        if self.emit(node) != wanted:
            raise self._fault("a comparison or a condition" if wanted == "true or false" else wanted, node)

    def _number(self, node: ast.Constant) -> Kind:
        if isinstance(node.value, bool):
            raise self._fault(str(node.value).lower(), node)
        if not isinstance(node.value, int | float):
            raise self._fault(_SYNTAX, node)
        try:
            value = float(node.value)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self._fault("a finite number", node)
        self._add(PUSH_NUMBER, value)
        return "a number"

    def _name(self, node: ast.Name) -> Kind:
        if node.id in ("true", "false"):
            self._add(PUSH_NUMBER, float(node.id == "true"))
            return "true or false"
        if node.id not in self.variables:
            raise self._fault("a variable", node, f": {nearest_name(node.id, [*self.variables, 'true', 'false'])}")
        self._add(PUSH_VARIABLE, float(self.variables.index(node.id)))
        return "true or false" if node.id in TRUTHS else "a number"

    def _arithmetic(self, node: ast.BinOp) -> None:
        self.emit_as(node.left, "a number")
        self.emit_as(node.right, "a number")
        divisor = node.right.operand if isinstance(node.right, ast.UnaryOp) else node.right
        if isinstance(node.op, ast.Div) and isinstance(divisor, ast.Constant) and divisor.value == 0:
            raise self._fault("a divisor other than 0", node)
        self._add(_ARITHMETIC[type(node.op)])

    def _junction(self, node: ast.BoolOp) -> None:
        skip = SKIP_IF_FALSE if isinstance(node.op, ast.And) else SKIP_IF_TRUE
        skips = []
        for value in node.values[:-1]:
            self.emit_as(value, "true or false")
            skips.append(self._add(skip))
        self.emit_as(node.values[-1], "true or false")
        self._land(skips)

    def _comparison(self, node: ast.Compare) -> None:
        # a < b < c is a < b and b < c: expressions have no side effects, so b may be computed twice.
        sides = [node.left, *node.comparators]
        skips = []
        for place, operator in enumerate(node.ops):
            left, right = sides[place], sides[place + 1]
            if type(operator) not in _COMPARISONS:
                raise self._fault(_SYNTAX, node)
            kind = self.emit(left)
            if kind != "a number" and not isinstance(operator, ast.Eq | ast.NotEq):
                raise self._fault("a number", left)
            self.emit_as(right, kind)
            self._add(_COMPARISONS[type(operator)])
            if place < len(node.ops) - 1:
                skips.append(self._add(SKIP_IF_FALSE))
        self._land(skips)

    def _add(self, code: int, operand: float = 0.0) -> int:
        self.operations.append((code, operand))
        return len(self.operations) - 1

    def _land(self, skips: list[int]) -> None:
        """Make jumps end after the last operation so far."""
        for place in skips:
            self.operations[place] = (self.operations[place][0], float(len(self.operations) - 1 - place))

    def _fault(self, expected: str, node: ast.expr, detail: str = "") -> ValueError:
        found = ast.get_source_segment(self.text, node) or ast.unparse(node)
        return ValueError(f"{expected} in place of {found!r}{detail}")
