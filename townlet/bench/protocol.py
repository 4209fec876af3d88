"""Protocol of all measurements, of Townlet and of the references: one core, warm-up, repeats of equal length."""

from __future__ import annotations

import itertools
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Libraries read these when they are imported, so they are set before a measuring process starts.
_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS")

#: Rows of actions drawn beforehand, as many as PufferLib's own performance tests draw.
CACHED_ROWS = 1024
#: Most bytes that these rows may take; larger batches get fewer rows.
CACHE_BYTES = 64 * 2**20


def thread_limits(threads: int) -> dict[str, str]:
    """Environment variables that limit libraries to ``threads`` threads."""
    return dict.fromkeys(_LIMITS, str(threads))


def use_cores(count: int) -> None:
    """Bind this process to ``count`` of the cores it may use, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-count:])


def drawn_actions(choices: int, shape: tuple[int, ...], seed: int = 0) -> NDArray[np.int32]:
    """int32 [rows, *shape]: actions drawn uniformly from all ``choices``, legal or not, to cycle through."""
    row_bytes = 4 * int(np.prod(shape))
    rows = min(CACHED_ROWS, max(CACHE_BYTES // row_bytes, 16))
    return np.random.default_rng(seed).integers(0, choices, (rows, *shape), dtype=np.int32)


def cycle_rows(actions: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """The rows in turn, over and over."""
    return itertools.cycle(list(actions))


def measure_rates(
    step: Callable[[], None],
    agent_steps: Callable[[], float],
    *,
    seconds: float,
    repeats: int,
    period: int = 1,
) -> dict[str, Any]:
    """Time a number of ticks several times over, after a warm-up of the same length.

    Args:
        step: makes one tick.
        agent_steps: returns the number of agent-steps made so far.
        seconds: approximate length of a repeat, which decides its number of ticks.
        repeats: number of timed repeats.
        period: ticks of an episode. If one fits into a repeat, the repeat is a whole number of episodes, so that all
            repeats see the same part of the day.

    Returns the keys of :func:`summary_of`, and ``core_share``, the share of the measured time in which this process had
    its core: if it is below 1, other work had the rest, and the rates are too low.
    """

    def run(ticks: int) -> float:
        begin = time.perf_counter()
        for _ in range(ticks):
            step()
        return time.perf_counter() - begin

    run(1)
    ticks, elapsed = 1, run(1)
    while elapsed < seconds / 10:
        ticks *= 2
        elapsed = run(ticks)
    ticks = max(round(ticks * seconds / elapsed), 1)
    if ticks >= period:
        ticks = round(ticks / period) * period
    run(ticks)
    rates, measured, working = [], 0.0, time.process_time()
    for _ in range(repeats):
        before = agent_steps()
        elapsed = run(ticks)
        measured += elapsed
        rates.append((agent_steps() - before) / elapsed)
    working = time.process_time() - working
    return {**summary_of(rates), "core_share": round(min(working / measured, 1.0), 3)}


def measure_phases(phase: Callable[[], object], agent_steps: int, repeats: int) -> dict[str, Any]:
    """Time phases of ``agent_steps`` agent-steps each, after one to warm up; the keys of :func:`summary_of`."""
    phase()
    rates = []
    for _ in range(repeats):
        begin = time.perf_counter()
        phase()
        rates.append(agent_steps / (time.perf_counter() - begin))
    return summary_of(rates)


def summary_of(rates: Sequence[float]) -> dict[str, Any]:
    """``agent_steps_per_second``, the median of the repeats' rates, and ``spread``, the slowest and the fastest."""
    return {
        "agent_steps_per_second": round(statistics.median(rates)),
        "spread": [round(min(rates)), round(max(rates))],
    }


def machine() -> dict[str, Any]:
    """CPU model, cores, and the versions of Python and NumPy of this process."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
