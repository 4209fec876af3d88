"""Resources that a soak's process uses, measured in every cycle; they differ between identical soaks."""

from __future__ import annotations

import ctypes
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from townlet.telemetry.reader import part_paths

#: Cycles at the start of each process in which it loads, allocates and fills caches; tests of resources leave them out.
WARM_UP = 2


class Yardstick:
    """A fixed calculation whose duration shows how fast the machine is at the moment.

    The speed of a virtual machine's processor wanders by some 10 % within minutes, as its neighbours use clock and
    cache. Most of the calculation is arithmetic; a seventh of it reads numbers scattered over 8 MB. With this mix, its
    duration and that of a cycle rise and fall together.
    """

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self._operand, self._table = random.random(1 << 16, np.float32), random.random(1 << 21, np.float32)
        self._places = random.integers(0, self._table.size, 1 << 15)
        self._result, self._found = np.empty_like(self._operand), np.empty(self._places.size, np.float32)

    def seconds(self) -> float:
        """The processor time of the calculation now, the median of nine."""
        return statistics.median(self._once() for _ in range(9))

    def _once(self) -> float:
        started = time.thread_time()
        for _ in range(9):
            np.exp(self._operand, out=self._result)
        np.take(self._table, self._places, out=self._found, mode="clip")
        return time.thread_time() - started


class Meter:
    """Measures the cycles of one process, the ``process``-th of its soak, counted from 1.

    Durations come from a monotonic clock, so a jump of the system clock changes nothing but ``started``. Memory is what
    is in use: memory that the allocator merely keeps is first returned to the system, outside of the durations, where
    the C library can do that (glibc's ``malloc_trim``). Otherwise fragmentation of the heap would look like a leak.
    """

    def __init__(self, process: int, log: Path) -> None:
        self.process, self._log = process, log
        self._cycle = 0
        self._self = psutil.Process()
        self._yardstick = Yardstick()
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def begin(self) -> None:
        """Start measuring a cycle."""
        self._cycle += 1
        self._before = self._yardstick.seconds()
        self._started = time.time()
        self._clock, self._cpu = time.perf_counter(), time.process_time()

    def end(self, cycle: int, agent_steps: int) -> dict[str, Any]:
        """The row of the cycle that ends: memory and log in bytes, durations in seconds.

        ``yardstick_seconds`` is the mean of the yardstick's durations before and after the cycle.
        """
        seconds, cpu = time.perf_counter() - self._clock, time.process_time() - self._cpu
        if self._trim is not None:
            self._trim(0)
        return {
            "cycle": cycle,
            "started": self._started,
            "process": self.process,
            "process_cycle": self._cycle,
            "seconds": seconds,
            "cpu_seconds": cpu,
            "yardstick_seconds": (self._before + self._yardstick.seconds()) / 2,
            "agent_steps_per_second": agent_steps / max(seconds, 1e-9),
            "resident_memory_bytes": self._self.memory_info().rss,
            "open_files": self._self.num_fds(),
            "log_bytes": sum(part.stat().st_size for part in part_paths(self._log)),
        }
