"""Which process works on a run, so that anybody can tell later whether it is still there."""

import ctypes
import multiprocessing
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dagster import DagsterInstance, DagsterRun

#: The run tag that names the run's worker.
TAG = "townlet/worker"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Worker:
    """A process that no other can be mistaken for: a recycled number has another start, another boot another id."""

    host: str
    pid: int
    started: int
    """When the kernel started it, in clock ticks since the boot."""
    boot: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_worker() -> Worker | None:
    """This process; None where the system does not say who it is, which only Linux does."""
    started = _started(os.getpid())
    return None if started is None else Worker(socket.gethostname(), os.getpid(), started, _boot())


def worker_tags(run_id: str) -> dict[str, str]:
    """The tag of a run that this process works on; it names the run, because a run that is re-executed hands its tags
    on."""
    worker = this_worker()
    return {TAG: f"{run_id}:{worker.host}:{worker.pid}:{worker.started}:{worker.boot}"} if worker else {}


def worker_of(run: DagsterRun) -> Worker | None:
    """The worker that a run's tags name; None if they name none, or that of another run."""
    parts = run.tags.get(TAG, "").split(":")
    if len(parts) != 5 or parts[0] != run.run_id or not (parts[2].isdecimal() and parts[3].isdecimal()):
        return None
    return Worker(parts[1], int(parts[2]), int(parts[3]), parts[4])


def whereabouts(worker: Worker) -> Literal["running", "gone", "elsewhere"]:
    """Whether the process runs, as far as can be told from here; of another machine nothing can.

    A machine that has the same name and another boot id was started anew, and its processes are gone.
    """
    if worker.host != socket.gethostname() or not _BOOT_ID.exists():
        return "elsewhere"
    return "running" if worker.boot == _boot() and worker.started == _started(worker.pid) else "gone"


def die_with_worker(instance: DagsterInstance, run_id: str) -> None:
    """Have the kernel kill this process when the run's worker ends, if this is a step process that the worker started.

    Under the multiprocess executor a step would otherwise outlive a killed worker and go on writing files of a run
    that is over. A worker itself is left alone: closing the UI must not end a training.
    """
    run, parent = instance.get_run_by_id(run_id), multiprocessing.parent_process()
    worker = worker_of(run) if run else None
    if worker is None or worker.pid == os.getpid() or parent is None or parent.pid != worker.pid:
        return
    die_with(os.getppid())
    # Under a fork server the parent is that server, which ends with the worker.
    if not parent.is_alive():
        os.kill(os.getpid(), signal.SIGKILL)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent, whose number this is, ends; Linux only."""
    if not _BOOT_ID.exists():
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # It may have ended before the kernel was told; then somebody else is the parent by now.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _boot() -> str:
    return _BOOT_ID.read_text().strip()


def _started(pid: int) -> int | None:
    """When a process was started, in clock ticks since the boot; None if there is none, or only its entry."""
    try:
        # The name, in parentheses, may hold anything, spaces and parentheses included.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else int(fields[18])
