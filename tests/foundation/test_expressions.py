"""Preconditions mean the same as in Python, are never evaluated as Python, and have readable errors."""

from __future__ import annotations

import ast
import inspect
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from townlet.config import expressions
from townlet.config.expressions import (
    MAX_DEPTH,
    MAX_OPERATIONS,
    MAX_TEXT,
    TRUTHS,
    VARIABLES,
    Program,
    parse_expression,
)
from townlet.world.engine import preconditions
from townlet.world.engine.compile import COMPILED, numba
from townlet.world.engine.preconditions import holds, pack_programs

NUMBERS = [name for name in VARIABLES if name not in TRUTHS]

literals = st.one_of(
    st.integers(0, 1000).map(str),
    st.floats(0, 1e308, exclude_min=True).map(repr),
    st.sampled_from(["0.5", "1e-300", "1e300", "0.0"]),
)
numbers: st.SearchStrategy[str] = st.recursive(
    st.one_of(st.sampled_from(NUMBERS), literals),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}{}{}".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("-{}".format, inner),
    ),
    max_leaves=5,
)
orders = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
comparisons = st.one_of(
    st.builds("{} {} {}".format, numbers, orders, numbers),
    st.builds("{}{}{} {} {}".format, numbers, orders, numbers, orders, numbers),
)
conditions: st.SearchStrategy[str] = st.recursive(
    st.one_of(comparisons, st.sampled_from([*sorted(TRUTHS), "true", "false", "power == water", "on_shift != false"])),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("not ({})".format, inner),
        st.builds("not {}".format, inner),
    ),
    max_leaves=6,
)
situations = st.fixed_dictionaries(
    {
        name: st.sampled_from([0.0, 1.0])
        if name in TRUTHS
        else st.one_of(st.sampled_from([0.0, 0.5, 1.0, 1e300]), st.floats(-1e308, 1e308))
        for name in VARIABLES
    }
)


class Floats(ast.NodeTransformer):
    """Python's integers have no limit, but numbers in preconditions are doubles."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        assert isinstance(node.value, int | float)
        return ast.copy_location(ast.Constant(float(node.value)), node)


def in_python(text: str, values: dict[str, float]) -> bool:
    tree = ast.fix_missing_locations(Floats().visit(ast.parse(text, mode="eval")))
    names = {name: value != 0.0 if name in TRUTHS else value for name, value in values.items()}
    try:
        return bool(eval(compile(tree, text, "eval"), {"true": True, "false": False}, names))
    except ZeroDivisionError:
        return False


@numba.njit(error_model="numpy", _nrt=False)  # type: ignore[untyped-decorator]
def compiled(code: Any, operand: Any, first: int, end: int, values: Any, stack: Any) -> bool:
    return holds(code, operand, first, end, values, stack)


#: The same rule in plain Python, as under ``NUMBA_DISABLE_JIT=1``.
interpreted = FunctionType(
    getattr(holds, "py_func", holds).__code__,
    {name: getattr(value, "py_func", value) for name, value in vars(preconditions).items()},
)


def answer(program: Program, values: dict[str, float], run: Any = compiled) -> bool:
    packed = pack_programs([Program(), program])
    row = np.array([values[name] for name in VARIABLES])
    stack = np.full(MAX_DEPTH, np.nan)
    assert run(packed.code, packed.operand, packed.start[0], packed.start[1], row, stack)
    return bool(run(packed.code, packed.operand, packed.start[1], packed.start[2], row, stack))


def ask(text: str, **values: float) -> bool:
    return answer(parse_expression(text), dict.fromkeys(VARIABLES, 0.0) | values)


@settings(max_examples=500)
@given(conditions, situations)
@example("price == 0 or wallet / price > 2", dict.fromkeys(VARIABLES, 0.0))
@example("wallet / price > 2 or price == 0", dict.fromkeys(VARIABLES, 0.0))
@example("not wallet / price > 2", dict.fromkeys(VARIABLES, 0.0))
@example("1 < 2 < stock / stock", dict.fromkeys(VARIABLES, 0.0))
@example("2 < 1 < stock / stock or true", dict.fromkeys(VARIABLES, 0.0))
@example("1e300 * 1e300 - 1e300 * 1e300 != 0", dict.fromkeys(VARIABLES, 0.0))
def test_an_expression_means_what_it_means_in_python(text: str, values: dict[str, float]) -> None:
    try:
        program = parse_expression(text)
    except ValueError as error:
        refused = ("a divisor other than 0", "an expression of at most", "an expression that keeps at most")
        assert str(error).startswith(refused), text
        return
    assert len(program.code) <= MAX_OPERATIONS and program.depth <= MAX_DEPTH
    expected = in_python(text, values)
    assert answer(program, values) is expected
    assert answer(program, values, interpreted) is expected


@settings(max_examples=300)
@given(st.one_of(st.text(), st.text("()-+*/<>=! .,:'\"\\[]{}abdhnoreutw0123456789e_#\n", max_size=80)))
@example("-" * 299 + "1 < 2")
@example("(" * 150 + "1" + ")" * 150)
@example("hunger < 1\0")
@example("'\\d' < 1")
@example("1if power else 2")
@example("\ud800")
def test_any_text_is_a_program_or_a_readable_refusal(text: str) -> None:
    try:
        program = parse_expression(text)
    except ValueError as error:
        assert str(error) and "\n" not in str(error)
    else:
        assert 0 < len(program.code) <= MAX_OPERATIONS and 0 < program.depth <= MAX_DEPTH


def test_a_precondition_reads_its_variables() -> None:
    shower = "hygiene < 0.95 and wallet >= price and water"
    assert ask(shower, hygiene=0.5, wallet=2.0, price=2.0, water=1.0)
    assert not ask(shower, hygiene=0.95, wallet=2.0, price=2.0, water=1.0)
    assert not ask(shower, hygiene=0.5, wallet=1.9, price=2.0, water=1.0)
    assert not ask(shower, hygiene=0.5, wallet=2.0, price=2.0)
    assert ask("not on_shift or\n  employed == false", on_shift=1.0)
    assert [ask("200 <= time < 900", time=float(time)) for time in (199, 200, 899, 900)] == [False, True, True, False]


def test_an_expression_that_divides_by_zero_is_false_in_any_form() -> None:
    for text in ("wallet / price > 1", "wallet / price < 1", "not wallet / price > 1", "wallet / price != 1"):
        assert not ask(text, wallet=3.0, price=0.0)
    assert ask("price == 0 or wallet / price > 1", price=0.0)


def test_a_program_numbers_the_variables_it_was_given() -> None:
    program = parse_expression("b > a", ["a", "b"])
    assert (program.operand[0], program.operand[1]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hungr < 0.9", "a variable in place of 'hungr': one of day, "),
        ("hunger", "a comparison or a condition in place of 'hunger'"),
        ("hunger and power", "a comparison or a condition in place of 'hunger'"),
        ("not 1", "a comparison or a condition in place of '1'"),
        ("power < 1", "a number in place of 'power'"),
        ("power == 1", "a comparison or a condition in place of '1'"),
        ("hunger + (energy < 1) > 0", "a number in place of 'energy < 1'"),
        ("-power < 1", "a number in place of 'power'"),
        ("True", "true in place of 'True'"),
        ("wallet / 0 > 1", "a divisor other than 0 in place of 'wallet / 0'"),
        ("wallet / -0.0 > 1", "a divisor other than 0 in place of 'wallet / -0.0'"),
        ("hunger < 1e999", "a finite number in place of '1e999'"),
        ("hunger < 9" + "9" * 280 + "e99", "a finite number in place of '9"),
        ("hunger < 1 # always", "numbers, variables, "),
        ("", "an expression such as hunger < 0.9 and wallet >= price"),
        ("hunger <", "an expression such as hunger < 0.9 and wallet >= price (invalid syntax"),
        ("1 < 2; 3", "an expression such as hunger < 0.9 and wallet >= price (invalid syntax"),
        ("1+" * 40 + "1 > 2", "an expression of at most 64 operations"),
        ("0 < " + "-" * 40 + "1 < 2", "an expression of at most 64 operations, not 8"),
        ("hunger < " + "1+" * 150, f"an expression of at most {MAX_TEXT} characters, not 309"),
        ("1+(" * 16 + "1" + ")" * 16 + " > 0", "an expression that keeps at most 16 values at once, not 17"),
    ],
)
def test_a_refusal_says_what_was_expected_in_place_of_what(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_expression(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "part",
    [
        "abs(hunger)",
        "__import__('os').system('true')",
        "hunger.real",
        "(1, 2)[0]",
        "[hunger for hunger in [1]]",
        "(lambda: 1)()",
        "2 ** 8",
        "7 // 2",
        "7 % 2",
        "1 if power else 2",
        "(stock := 3)",
        "f'{hunger}'",
        "1j",
        "...",
        "~1",
        "+1",
    ],
)
def test_calls_attributes_and_all_other_syntax_are_refused(part: str) -> None:
    for text in (f"{part} < 1", f"hunger < 1 or {part} == 2"):
        with pytest.raises(ValueError, match=r"numbers, variables, true, false, .* in place of "):
            parse_expression(text)
    for text in ("hunger in power", "hunger is 1", "hunger < 1 not in power"):
        with pytest.raises(ValueError, match="numbers, variables, true, false, "):
            parse_expression(text)


def test_a_misspelt_variable_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'hygiene'"):
        parse_expression("hygene < 0.5")


def test_no_expression_ever_reaches_pythons_own_evaluation() -> None:
    for module in (expressions, preconditions):
        calls = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.Call)]
        names = {node.func.id for node in calls if isinstance(node.func, ast.Name)}
        assert not names & {"eval", "exec", "compile", "__import__", "getattr"}


@pytest.mark.skipif(not COMPILED, reason="rules run as plain Python")
def test_preconditions_run_compiled_without_allocating() -> None:
    ask("hunger < 1")
    assert compiled.nopython_signatures
    assert all("NRT" not in source for source in compiled.inspect_llvm().values())
