"""Elementary functions of the compiled passes against decimal arithmetic of 60 digits, to the bounds they claim."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext

import numpy as np
import pytest

from townlet.behavior.compiled.elementary import exponential, exponential_less_line, hyperbolic_tangent, logarithm
from townlet.behavior.compiled.kernel import TORCH, processor_kernel
from townlet.world.engine.compile import uncached_entry

pytestmark = pytest.mark.skipif(processor_kernel() is TORCH, reason="this processor has no tiles")


@uncached_entry
def fill(function: int, x: np.ndarray, found: np.ndarray) -> None:
    """Fill ``found`` with one of three functions of float32 numbers."""
    for index in range(len(x)):
        if function == 0:
            found[index] = exponential(x[index])
        elif function == 1:
            found[index] = logarithm(x[index])
        else:
            found[index] = hyperbolic_tangent(x[index])


@uncached_entry
def fill_less_line(x: np.ndarray, found: np.ndarray) -> None:
    """Fill ``found`` with ``exponential_less_line`` of float64 numbers."""
    for index in range(len(x)):
        found[index] = exponential_less_line(x[index])


def single(function: int, x: list[float] | np.ndarray) -> np.ndarray:
    numbers = np.asarray(x, np.float32)
    found = np.empty_like(numbers)
    fill(function, numbers, found)
    return found


def less_line(x: list[float] | np.ndarray) -> np.ndarray:
    numbers = np.asarray(x, np.float64)
    found = np.empty_like(numbers)
    fill_less_line(numbers, found)
    return found


def worst(x: np.ndarray, found: np.ndarray, exact: Callable[[Decimal], Decimal], least: float = 0.0) -> float:
    """The largest error, relative to the exact value or to ``least`` if that is larger."""
    with localcontext() as context:
        context.prec = 60
        context.Emin, context.Emax = -99_999, 99_999
        errors = []
        for argument, result in zip(x.tolist(), found.tolist(), strict=True):
            value = exact(Decimal(argument))
            size = max(abs(value), Decimal(least))
            errors.append(0.0 if size == 0 and result == 0 else float(abs(Decimal(result) - value) / size))
        return max(errors)


def spread(low: float, high: float, count: int = 3000) -> np.ndarray:
    """Numbers of all magnitudes between two positive ones, with the float32 neighbours of both."""
    between = np.geomspace(low, high, count).astype(np.float32)
    edges = np.array([low, high], np.float32)
    return np.concatenate([between, edges, np.nextafter(edges, np.float32(1.0)), np.nextafter(edges, np.float32(9e9))])


def hyperbolic(x: Decimal) -> Decimal:
    # e^2x - 1 of a small x loses digits; 60 are enough for magnitudes from 1e-20 on.
    grown = (2 * x).exp()
    return (grown - 1) / (grown + 1)


def test_exponential_is_exact_to_1e_7() -> None:
    x = -np.concatenate([np.linspace(0.0, 87.0, 6000, dtype=np.float32), spread(1e-30, 86.9)])
    assert worst(x, single(0, x), Decimal.exp) < 1e-7
    assert single(0, [0.0, -0.0]).tolist() == [1.0, 1.0]
    assert (
        single(0, [float(np.nextafter(np.float32(-87.0), np.float32(-99.0))), -1e30, -math.inf]).tolist() == [0.0] * 3
    )
    assert math.isnan(single(0, [math.nan])[0])


def test_logarithm_is_exact_to_1e_7_of_its_value_or_of_ln_2() -> None:
    smallest, largest = (float(limit) for limit in (np.finfo(np.float32).tiny, np.finfo(np.float32).max))
    near_1 = np.float32(1.0) + np.linspace(-0.3, 0.5, 4000, dtype=np.float32)
    x = np.concatenate([np.geomspace(smallest, largest, 6000).astype(np.float32).clip(smallest, largest), near_1])
    assert worst(x, single(1, x), Decimal.ln, math.log(2.0)) < 1e-7
    assert single(1, [1.0]).tolist() == [0.0] and single(1, [math.inf]).tolist() == [math.inf]
    assert math.isnan(single(1, [math.nan])[0])


def test_hyperbolic_tangent_is_exact_to_2e_7() -> None:
    x = np.concatenate([spread(1e-20, 0.499), np.linspace(0.4, 0.6, 3000, dtype=np.float32), spread(0.5, 100.0)])
    x = np.concatenate([x, -x])
    assert worst(x, single(2, x), hyperbolic) < 2e-7
    assert single(2, [math.inf, -math.inf, 3e38, -3e38, 0.0]).tolist() == [1.0, -1.0, 1.0, -1.0, 0.0]
    tiny = [1e-42, -1e-42, 1e-38]
    assert single(2, tiny).tolist() == np.array(tiny, np.float32).tolist()
    assert math.isnan(single(2, [math.nan])[0])


def test_the_exponential_less_its_line_is_exact_to_2e_15_near_0_and_to_3e_14() -> None:
    size = np.concatenate([np.geomspace(1e-20, 1.0, 4000), np.linspace(0.45, 0.55, 2000)])
    far = np.concatenate([np.geomspace(1.0, 709.7, 4000), -np.geomspace(1.0, 1e30, 4000)])
    for x, bound in ((np.concatenate([size, -size]), 2e-15), (far, 3e-14)):
        assert worst(x, less_line(x), lambda number: number.exp() - 1 - number) < bound
    assert less_line([0.0, -0.0]).tolist() == [0.0, 0.0]
    assert less_line([float(np.nextafter(709.7, 800.0)), 800.0, math.inf, -math.inf]).tolist() == [math.inf] * 4
    assert math.isnan(less_line([math.nan])[0])
