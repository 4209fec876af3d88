"""What a soak's process uses, cycle by cycle: measured, so it differs between identical soaks."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from typing import Any

import psutil

from townlet.telemetry.reader import part_paths

#: Cycles at the start of each process in which it loads, allocates and fills its caches; no resource is judged by them.
WARM_UP = 2


class Meter:
    """Measures the cycles of one process, the ``process``-th of its soak, counted from 1.

    Durations are differences of a monotonic clock, so a system clock that jumps changes nothing but ``started``.
    Memory is what is in use: what the allocator only keeps for later is given back to the system first, where the C
    library can (glibc's ``malloc_trim``), outside of the durations. Otherwise a heap that is ever more scattered, with
    nothing kept in it, looks like a leak.
    """

    def __init__(self, process: int, log: Path) -> None:
        self.process, self._log = process, log
        self._cycle = 0
        self._self = psutil.Process()
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

    def begin(self) -> None:
        """A cycle begins."""
        self._cycle += 1
        self._started = time.time()
        self._clock, self._cpu = time.perf_counter(), time.process_time()

    def end(self, cycle: int, agent_steps: int) -> dict[str, Any]:
        """The row of the cycle that ends: memory and log in bytes, durations in seconds."""
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
            "agent_steps_per_second": agent_steps / max(seconds, 1e-9),
            "resident_memory_bytes": self._self.memory_info().rss,
            "open_files": self._self.num_fds(),
            "log_bytes": sum(part.stat().st_size for part in part_paths(self._log)),
        }
