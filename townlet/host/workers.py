"""Threads that share the rows of a batch between them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Workers:
    """``threads`` threads, the calling one among them.

    They help because torch's operations and compiled kernels run outside Python's lock. Each runs torch's operations
    alone (``torch.set_num_threads(1)``): handing a thousand rows over once costs less than sharing out each operation.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads - 1, thread_name_prefix="townlet") if threads > 1 else None

    def share(self, rows: int, work: Callable[[int, slice], None]) -> None:
        """Call ``work(worker, part)`` for equal parts of ``range(rows)``, side by side, and wait for all of them.

        The parts depend on ``rows`` and the number of threads only. Raises what ``work`` raises, after all have ended.
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
        """``range(rows)`` in as many parts as there are threads, of lengths that differ by at most 1, none empty."""
        bounds = [rows * worker // self.threads for worker in range(self.threads + 1)]
        return [slice(begin, end) for begin, end in itertools.pairwise(bounds) if begin < end]


@functools.cache
def workers(threads: int) -> Workers:
    """The same threads for everybody who asks for so many."""
    return Workers(threads)
