"""Peak of the processor: its clock and its rate of fused multiply-adds, measured by compiled loops."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from townlet.host.workers import Workers
from townlet.world.engine.compile import COMPILED, numba

# Untyped, because Numba's stubs lack them.
_declare: Any = cgutils.get_or_insert_function
_variable: Any = cgutils.alloca_once_value
_repeat: Any = cgutils.for_range
_intrinsic: Any = intrinsic

#: Float32 numbers of a vector of 128, 256 and 512 bits.
WIDTHS = (4, 8, 16)
#: Sums that do not wait for each other. A unit takes four cycles per multiply-add, and there are two to four units: 12
#: fit into 16 registers with both factors, 24 into 32.
CHAINS = (12, 24)
#: Multiply-adds of each chain per turn of the loop, so that counting the turns costs nothing.
_UNROLLED = 4
#: Turns of the loop per call.
_TURNS = 16384
#: Shortest timed repeat, seconds.
_REPEAT = 0.004


class Peak(NamedTuple):
    """Rates of this processor with all threads at work at once."""

    clock: float
    """Cycles per second of one core."""
    operations: float
    """Float32 operations per second of all threads together; a multiply-add is two."""


def measure_peak(workers: Workers, repeats: int) -> Peak | None:
    """Measure the clock and the peak; None where Numba does not compile (``NUMBA_DISABLE_JIT=1``).

    The clock is that of a chain of additions and exclusive ors, each of which waits for the one before it: a step takes
    one cycle on every processor of today. The peak is that of independent chains of multiply-adds in registers, with
    the vector width and the number of chains that turn out fastest.
    """
    if not COMPILED:
        return None
    additions = functools.partial(numba.njit(nogil=True)(_add_in_turn), *_ADDED)
    clock = min(rates_of_threads(workers, repeats, lambda worker: additions, 2.0 * _ADDED[0]))
    rates = [_fused_rate(workers, repeats, width, chains) for width in WIDTHS for chains in CHAINS]
    return Peak(clock, max(rates))


def _fused_rate(workers: Workers, repeats: int, width: int, chains: int) -> float:
    call = functools.partial(_multiply_adds(width, chains), _TURNS, *_FACTORS)
    return sum(rates_of_threads(workers, repeats, lambda worker: call, 2.0 * width * chains * _UNROLLED * _TURNS))


def rates_of_threads(
    workers: Workers,
    repeats: int,
    prepare: Callable[[int], Callable[[], object]],
    operations: float,
    clock: Callable[[], float] = time.thread_time,
) -> list[float]:
    """Operations per second of each thread while all of them call their function over and over.

    Args:
        workers: the threads.
        repeats: number of timed repeats. The fastest counts, because other work only ever slows a loop down.
        prepare: returns the function of a thread, by its number; it is called outside the measured time.
        operations: what one call of such a function does.
        clock: seconds. By default they are the thread's own processor time: what other processes take does not count.
    """
    rates = [0.0] * workers.threads
    barrier = threading.Barrier(workers.threads)

    def work(worker: int, part: slice) -> None:
        try:
            call = prepare(worker)
            call()
            times, elapsed = 1, _seconds(clock, call, 1)
            while elapsed < _REPEAT / 8:
                times *= 2
                elapsed = _seconds(clock, call, times)
            times = max(round(times * _REPEAT / elapsed), 1)
            for _ in range(repeats):
                barrier.wait()
                rates[worker] = max(rates[worker], operations * times / _seconds(clock, call, times))
        except BaseException:
            # Nobody may wait for a thread that failed.
            barrier.abort()
            raise

    workers.share(workers.threads, work)
    return rates


def _seconds(clock: Callable[[], float], call: Callable[[], object], times: int) -> float:
    begin = clock()
    for _ in range(times):
        call()
    return max(clock() - begin, 1e-9)


def _add_in_turn(steps: int, term: np.uint64, mask: np.uint64) -> np.uint64:
    """Two steps of a chain ``steps`` times. Without the exclusive or, a compiler would multiply once instead."""
    value = mask
    for _ in range(steps):
        value = (value + term) ^ mask
    return value


#: Arguments of :func:`_add_in_turn`; odd numbers without a pattern, unknown to the compiler.
_ADDED = 2**16, np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1B54A32D192ED03)
#: Factor and term of all chains: sums stay at 0.5, far from infinity and from 0.
_FACTORS = np.float32(0.5), np.float32(0.25)


@functools.cache
def _multiply_adds(width: int, chains: int) -> Callable[[int, np.float32, np.float32], float]:
    """A compiled loop of ``turns`` × ``chains`` × ``_UNROLLED`` multiply-adds of vectors of ``width`` numbers."""
    vector = ir.VectorType(ir.FloatType(), width)

    def type_and_code(typing: Any, turns: Any, factor: Any, term: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            name = f"llvm.fmuladd.v{width}f32"
            fused = _declare(builder.module, ir.FunctionType(vector, [vector] * 3), name)
            count, *numbers = arguments
            factor, term = (_filled(builder, vector, number) for number in numbers)
            sums = [_variable(builder, term) for _ in range(chains)]
            with _repeat(builder, count):
                for total in sums * _UNROLLED:
                    builder.store(builder.call(fused, [builder.load(total), factor, term]), total)
            result = functools.reduce(builder.fadd, [builder.load(total) for total in sums])
            return builder.extract_element(result, ir.Constant(ir.IntType(32), 0))

        return types.float32(types.int64, types.float32, types.float32), generate

    loop = _intrinsic(type_and_code)

    def run(turns: int, factor: np.float32, term: np.float32) -> float:
        found: float = loop(turns, factor, term)
        return found

    compiled: Callable[[int, np.float32, np.float32], float] = numba.njit(nogil=True)(run)
    return compiled


def _filled(builder: Any, vector: Any, number: Any) -> Any:
    """A vector with the number in every place."""
    result = ir.Constant(vector, ir.Undefined)
    for place in range(vector.count):
        result = builder.insert_element(result, number, ir.Constant(ir.IntType(32), place))
    return result
