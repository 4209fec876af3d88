"""Matrix products of a training, and the rate at which the best library at hand does each on this machine."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from townlet.bench.libraries import CALLS_ON_DEVICE, Library, Matrix, libraries
from townlet.bench.peak import Peak, rates_of_threads
from townlet.host.workers import Workers

#: Agent-steps that a product is measured over, besides a thread's part of a minibatch: a trainer may work in blocks.
BLOCKS = (128, 512, 2048)


class Product(NamedTuple):
    """One of a layer's products over B agent-steps.

    ``forward`` multiplies its inputs [B, inputs] by its weights, ``error`` the derivatives by its outputs [B, outputs]
    by the transposed weights, and ``weights`` the transposed inputs by those derivatives.
    """

    kind: str
    inputs: int
    outputs: int
    times: int
    """How often an agent-step goes through it."""

    @property
    def operations(self) -> float:
        """Floating-point operations per agent-step: a multiplication and an addition per weight."""
        return 2.0 * self.inputs * self.outputs * self.times

    def factors(self, rows: int, outputs_first: bool) -> tuple[Matrix, Matrix, Matrix]:
        """Random factors over ``rows`` agent-steps, and memory for the result.

        Weights and their gradient lie in memory as [outputs, inputs] if ``outputs_first``, else as [inputs, outputs].
        """
        random = np.random.default_rng(0)
        inputs, errors = (random.standard_normal((rows, units), np.float32) for units in (self.inputs, self.outputs))
        shape = (self.outputs, self.inputs) if outputs_first else (self.inputs, self.outputs)
        stored = random.standard_normal(shape, np.float32)
        weights = stored.T if outputs_first else stored
        if self.kind == "forward":
            return inputs, weights, np.empty_like(errors)
        if self.kind == "error":
            return errors, weights.T, np.empty_like(inputs)
        return (errors.T, inputs, stored) if outputs_first else (inputs.T, errors, stored)


def products_of(features: int, hidden: Sequence[int], actions: int, epochs: int) -> list[Product]:
    """The products of a training with ``epochs`` passes over each rollout, layer by layer.

    Acting takes one forward pass. Each epoch takes another, a product per layer for the gradient of its weights, and
    one per layer but the first for the error of its inputs. Policy and value head are one layer.
    """
    found = []
    for index, (inputs, outputs) in enumerate(itertools.pairwise((features, *hidden, actions + 1))):
        counts = {"forward": 1 + epochs, "error": epochs if index else 0, "weights": epochs}
        found += [Product(kind, inputs, outputs, times) for kind, times in counts.items() if times]
    return found


def operations_per_step(products: Sequence[Product]) -> float:
    """Floating-point operations of all products per agent-step."""
    return sum(product.operations for product in products)


def measure_products(
    products: Sequence[Product], minibatch: int, workers: Workers, repeats: int, device: str = "cpu"
) -> list[dict[str, Any]]:
    """Measure each product with each library, in all threads at once, over blocks of agent-steps of several sizes.

    Args:
        products: what to measure.
        minibatch: agent-steps of a minibatch. No block is larger than a thread's part of it, which is a block, too.
        workers: the threads; a device other than the processor has one.
        repeats: number of timed repeats; see :func:`townlet.bench.peak.rates_of_threads`.
        device: ``cpu`` or ``cuda``.

    Weights are tried in both layouts, and the faster counts. Per product: ``product``, ``inputs``, ``outputs``,
    ``times``; ``library``, ``rows`` and ``gflops`` of the fastest way; and ``libraries``, the GFLOP/s of all threads
    together by library and size of the block.
    """
    part = -(-minibatch // workers.threads)
    sizes = sorted({*(min(block, part) for block in BLOCKS), part})
    at_hand = libraries(device)
    found = []
    for product in products:
        rates = {
            library.name: {str(rows): _gflops(library, product, rows, workers, repeats, device) for rows in sizes}
            for library in at_hand
        }
        gflops, library, rows = max(
            (rate, library, rows) for library, by_rows in rates.items() for rows, rate in by_rows.items()
        )
        best = {"library": library, "rows": int(rows), "gflops": gflops, "libraries": rates}
        shape = {"inputs": product.inputs, "outputs": product.outputs, "times": product.times}
        found.append({"product": product.kind, **shape, **best})
    return found


def _gflops(library: Library, product: Product, rows: int, workers: Workers, repeats: int, device: str) -> float:
    """10⁹ operations per second of all threads together, in the better layout of the weights."""
    # The processor may idle or spin while a device works: then only the wall clock counts.
    calls, clock = (1, time.thread_time) if device == "cpu" else (CALLS_ON_DEVICE, time.perf_counter)
    operations = product.operations / product.times * rows * calls

    def rate(outputs_first: bool) -> float:
        def prepare(worker: int) -> Callable[[], object]:
            return library.prepare(*product.factors(rows, outputs_first))

        return sum(rates_of_threads(workers, repeats, prepare, operations, clock))

    return round(max(rate(False), rate(True)) / 1e9, 1)


def limits_of(measured: Sequence[dict[str, Any]], peak: Peak | None, operations: float) -> dict[str, Any]:
    """The limits of a training that does ``operations`` floating-point operations of its products per second.

    ``matmul_gflops`` is the rate of all products in turn, each by the fastest way, and ``share_matmul`` the training's
    share of it; ``peak_gflops``, ``share_peak`` and ``clock_ghz`` are the same for the processor's peak, and None where
    it is unknown.
    """
    works = [2.0 * entry["inputs"] * entry["outputs"] * entry["times"] for entry in measured]
    matmul = sum(works) / sum(work / entry["gflops"] for work, entry in zip(works, measured, strict=True))
    peak_gflops = None if peak is None else peak.operations / 1e9
    return {
        "share_matmul": round(operations / 1e9 / matmul, 3),
        "matmul_gflops": round(matmul, 1),
        "share_peak": None if peak_gflops is None else round(operations / 1e9 / peak_gflops, 3),
        "peak_gflops": None if peak_gflops is None else round(peak_gflops, 1),
        "clock_ghz": None if peak is None else round(peak.clock / 1e9, 2),
        "products": list(measured),
    }
