"""Threads that share the rows of a batch."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from townlet.errors import InputError

#: The environment variable that sets the number of threads.
VARIABLE = "TOWNLET_THREADS"
_MOST = 256


class Workers:
    """``threads`` threads, including the calling one.

    Torch's operations and compiled kernels run outside Python's lock, so threads run in parallel. Each runs whole torch
    operations (``torch.set_num_threads(1)``): handing over a thousand rows once is cheaper than splitting every
    operation.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads - 1, thread_name_prefix="townlet") if threads > 1 else None

    def share(self, rows: int, work: Callable[[int, slice], None]) -> None:
        """Call ``work(worker, part)`` in parallel for equal parts of ``range(rows)``, and wait for all of them.

        The parts depend only on ``rows`` and the number of threads. Raises what ``work`` raises, after all have ended.
        """
        parts = self.parts(rows)
        if self._pool is None or len(parts) == 1:
            for worker, part in enumerate(parts):
                work(worker, part)
            return
        others = [self._pool.submit(work, worker, part) for worker, part in enumerate(parts[1:], start=1)]
        try:
            work(0, parts[0])
        finally:
            failures = [future.exception() for future in others]
        for failure in failures:
            if failure is not None:
                raise failure

    def parts(self, rows: int) -> list[slice]:
        """Split ``range(rows)`` into one part per thread; lengths differ by at most 1, and none is empty."""
        bounds = [rows * worker // self.threads for worker in range(self.threads + 1)]
        return [slice(begin, end) for begin, end in itertools.pairwise(bounds) if begin < end]


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_threads(least: int) -> int:
    """The number of threads that share worlds and minibatches: ``$TOWNLET_THREADS``, else one per core.

    Without that variable there are at least ``least``. The number changes the time alone, and no result.
    Raises InputError for a variable that is not a number from 1 to 256.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return max(least, min(available_cores(), _MOST))
    if not (named.isdecimal() and 1 <= int(named) <= _MOST):
        raise InputError.of("environment", VARIABLE, repr(named), f"a whole number from 1 to {_MOST}")
    return int(named)


@functools.cache
def workers(threads: int) -> Workers:
    """Return the shared workers with this number of threads."""
    return Workers(threads)
