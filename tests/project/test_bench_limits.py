"""The machine's limits in ``townlet bench train``: matrix products, the libraries that do them, and the peak."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch

from townlet.behavior.network import ActorCritic
from townlet.bench.libraries import libraries
from townlet.bench.matrix import limits_of, measure_products, operations_per_step, products_of
from townlet.bench.peak import Peak, measure_peak, rates_of_threads
from townlet.config.training import NetworkConfig
from townlet.host.torch_settings import repeatable
from townlet.host.workers import Workers, available_cores

LIBRARIES = {library.name: library for library in libraries("cpu")}


def test_operations_are_counted_for_acting_and_for_each_epoch_of_learning() -> None:
    network = ActorCritic(10, 3, NetworkConfig(hidden=(7, 5)))
    weights = [parameter.numel() for parameter in network.parameters() if parameter.dim() == 2]
    forward, by_inputs = sum(weights), sum(weights[1:])
    assert forward == 10 * 7 + 7 * 5 + 5 * 3 + 5 * 1
    products = products_of(10, (7, 5), 3, 4)
    assert operations_per_step(products) == 2 * (forward + 4 * (forward + forward + by_inputs))
    assert [product.kind for product in products if product.inputs == 10] == ["forward", "weights"]


def test_a_product_has_the_factors_of_a_layer_in_either_layout() -> None:
    forward, weights, error = (
        next(product for product in products_of(10, (7, 5), 3, 1) if (product.kind, product.inputs) == (kind, 7))
        for kind in ("forward", "weights", "error")
    )
    for outputs_first in (False, True):
        x, w, y = forward.factors(6, outputs_first)
        assert (x.shape, w.shape, y.shape) == ((6, 7), (7, 5), (6, 5)) and w.T.flags.c_contiguous == outputs_first
        g, w_transposed, error_before = error.factors(6, outputs_first)
        assert np.array_equal(w_transposed.T, w) and (g.shape, error_before.shape) == ((6, 5), (6, 7))
        left, right, gradient = weights.factors(6, outputs_first)
        expected = (left @ right).T if outputs_first else left @ right
        assert np.array_equal(expected, x.T @ g) and gradient.flags.c_contiguous


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_multiplies_matrices_and_transposed_views_of_them(name: str) -> None:
    random = np.random.default_rng(0)

    def matrix(rows: int, columns: int, transposed: bool) -> np.ndarray:
        shape = (columns, rows) if transposed else (rows, columns)
        stored = random.standard_normal(shape, np.float32)
        return stored.T if transposed else stored

    with repeatable():
        for views in itertools.product((False, True), repeat=3):
            left, right, result = (
                matrix(*shape, view) for shape, view in zip(((6, 9), (9, 4), (6, 4)), views, strict=True)
            )
            returned = LIBRARIES[name].prepare(left, right, result)()
            if name == "oneDNN" and isinstance(returned, torch.Tensor):
                result = returned.numpy()
            elif name == "tiles" and callable(returned):
                result = returned()
            np.testing.assert_allclose(result, left.astype(float) @ right, rtol=1e-4, atol=1e-4)


def test_libraries_say_what_they_are(capfd: pytest.CaptureFixture[str]) -> None:
    for library in LIBRARIES.values():
        assert any(character.isalpha() for character in library.describe())
    # What they print about themselves stays out of the results.
    assert capfd.readouterr().out == ""


def test_rates_are_those_of_the_fastest_repeat_of_each_thread() -> None:
    own = threading.local()

    def prepare(worker: int) -> Callable[[], None]:
        own.time, own.calls = 0.0, 0

        def call() -> None:
            own.calls += 1
            # The second worker takes twice as long as the first, and both slow down after some calls.
            own.time += (1 + worker) * (0.001 if own.calls <= 6 else 0.005)

        return call

    rates = rates_of_threads(Workers(2), 3, prepare, 6.0, lambda: float(own.time))
    assert rates == pytest.approx([6000, 3000])


def test_a_thread_that_fails_leaves_nobody_waiting() -> None:
    def prepare(worker: int) -> Callable[[], None]:
        if worker == 1:
            raise ZeroDivisionError
        return lambda: None

    with pytest.raises((ZeroDivisionError, threading.BrokenBarrierError)):
        rates_of_threads(Workers(2), 1, prepare, 1.0)


@pytest.mark.skipif(available_cores() < 2, reason="needs two cores")
def test_no_library_exceeds_the_peak_because_each_call_uses_one_core() -> None:
    team = Workers(2)
    with repeatable():
        measured = measure_products(products_of(64, (64,), 7, 1)[:1], 4096, team, 2)
    peak = measure_peak(team, 3)
    assert peak is not None and peak.operations > 2 * peak.clock
    for rates in measured[0]["libraries"].values():
        assert list(rates) == ["128", "512", "2048"]
        # The clock of a shared machine varies; a second core per call would double the rate.
        assert max(rates.values()) < 1.4 * peak.operations / 1e9


def test_the_limit_weighs_each_product_by_its_share_of_the_work() -> None:
    large = {"inputs": 100, "outputs": 50, "times": 2, "gflops": 100.0}
    small = {"inputs": 50, "outputs": 10, "times": 4, "gflops": 20.0}
    limits = limits_of([large, small], Peak(3e9, 200e9), 40e9)
    # Of 24,000 operations, 20,000 take 0.2 µs and 4,000 take 0.2 µs.
    assert limits["matmul_gflops"] == pytest.approx(60.0) and limits["share_matmul"] == pytest.approx(40 / 60, abs=1e-3)
    assert (limits["peak_gflops"], limits["share_peak"], limits["clock_ghz"]) == (200.0, 0.2, 3.0)
    unknown = limits_of([large, small], None, 40e9)
    assert unknown["share_peak"] is unknown["peak_gflops"] is unknown["clock_ghz"] is None
