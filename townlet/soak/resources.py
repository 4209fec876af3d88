"""Resources that a soak's process uses, measured in every cycle; they differ between identical soaks."""

from __future__ import annotations

import ctypes
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from townlet.host.torch_settings import repeatable
from townlet.telemetry.reader import part_paths

#: Cycles at the start of each process in which it loads, allocates and fills caches; tests of resources leave them out.
WARM_UP = 2


class Yardstick:
    """A fixed calculation whose duration shows how fast the machine is at the moment.

    The speed of a virtual machine's processor wanders within seconds: neighbours use its clock and its caches, and
    other processes take turns with this one and leave the caches cold. The calculation is of the kinds that a cycle
    consists of, arithmetic over an array and dense layers forwards and backwards, so its duration and that of a cycle
    rise and fall together.
    """

    def __init__(self) -> None:
        import torch

        random = np.random.default_rng(0)
        self._operand = random.random(1 << 16, np.float32)
        self._result = np.empty_like(self._operand)
        # Not from torch's generator, from which the network draws.
        sizes = ((512, 64), (64, 128), (128, 128))
        self._inputs, self._first, self._second = (
            torch.from_numpy(random.standard_normal(size, np.float32)) for size in sizes
        )
        self._learning = self._first.clone().requires_grad_()
        # The first time, torch also prepares itself.
        self.seconds()

    def seconds(self) -> float:
        """The processor time of the calculation now, in one thread: the mean of three.

        The mean, not the median: a cycle suffers from every interruption too.
        """
        with repeatable():
            started = time.process_time()
            for _ in range(3):
                self._once()
            return (time.process_time() - started) / 3

    def _once(self) -> None:
        import torch

        for _ in range(3):
            np.exp(self._operand, out=self._result)
        with torch.no_grad():
            torch.tanh(torch.tanh(self._inputs @ self._first) @ self._second).sum()
        rows = self._inputs[:128]
        torch.autograd.grad((torch.tanh(rows @ self._learning) @ self._second).square().mean(), self._learning)


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
        self._yardsticks: list[float] = []
        self._seconds = self._cpu_seconds = 0.0

    def begin(self) -> None:
        """Start measuring a cycle."""
        self._cycle += 1
        self._yardsticks = [self._yardstick.seconds()]
        self._seconds = self._cpu_seconds = 0.0
        self._started = time.time()
        self._continue()

    def pause(self) -> None:
        """Measure the yardstick between two parts of a cycle; what this takes does not count for the cycle."""
        self._stop()
        self._yardsticks.append(self._yardstick.seconds())
        self._continue()

    def _continue(self) -> None:
        self._clock, self._cpu = time.perf_counter(), time.process_time()

    def _stop(self) -> None:
        self._seconds += time.perf_counter() - self._clock
        self._cpu_seconds += time.process_time() - self._cpu

    def end(self, cycle: int, agent_steps: int) -> dict[str, Any]:
        """The row of the cycle that ends: memory and log in bytes, durations in seconds.

        ``yardstick_seconds`` is the mean of the yardstick's durations before the cycle, in its pauses and after it.
        """
        self._stop()
        seconds = self._seconds
        if self._trim is not None:
            self._trim(0)
        return {
            "cycle": cycle,
            "started": self._started,
            "process": self.process,
            "process_cycle": self._cycle,
            "seconds": seconds,
            "cpu_seconds": self._cpu_seconds,
            "yardstick_seconds": statistics.mean([*self._yardsticks, self._yardstick.seconds()]),
            "agent_steps_per_second": agent_steps / max(seconds, 1e-9),
            "resident_memory_bytes": self._self.memory_info().rss,
            "open_files": self._self.num_fds(),
            "log_bytes": sum(part.stat().st_size for part in part_paths(self._log)),
        }
