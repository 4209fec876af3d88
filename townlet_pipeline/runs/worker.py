"""The worker: the process that works on a run, identified so exactly that any process can later tell if it is dead."""

import ctypes
import multiprocessing
import os
import signal
import socket
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

from dagster import DagsterInstance, DagsterRun

#: The run tag that names the run's worker.
TAG = "townlet/worker"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_MACHINE_ID = Path("/etc/machine-id")
_NAMESPACE = Path("/proc/self/ns/pid")
#: The PID namespace of the machine itself; each container has one of its own (``PROC_PID_INIT_INO`` in Linux's
#: include/linux/proc_ns.h).
_INITIAL_NAMESPACE = 0xEFFFFFFC
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Worker:
    """A process, identified for good: if its PID is reused, the start time differs; after a reboot, the boot ID."""

    host: str
    pid: int
    started: int
    """When the kernel started it, in clock ticks since the boot."""
    boot: str
    machine: str
    """The ID that an installed system keeps across reboots; empty if there is none. Images may copy theirs."""
    namespace: int
    """The PID namespace in which ``pid`` counts: that of the machine, or of one container."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_worker() -> Worker | None:
    """Return this process as a worker; None outside Linux, where a process cannot be identified this way."""
    pid = os.getpid()
    started = _start_time(pid)
    if started is None:
        return None
    machine = _MACHINE_ID.read_text(encoding="utf-8").strip() if _MACHINE_ID.exists() else ""
    namespace = _NAMESPACE.stat().st_ino if _NAMESPACE.exists() else 0
    return Worker(socket.gethostname(), pid, started, _BOOT_ID.read_text(encoding="utf-8").strip(), machine, namespace)


def worker_tags(run_id: str) -> dict[str, str]:
    """Return the tag that names this process as the run's worker; no tag outside Linux."""
    worker = this_worker()
    return {TAG: tag_of(run_id, worker)} if worker else {}


def tag_of(run_id: str, worker: Worker) -> str:
    """Return the tag's value, which :func:`worker_of` reads.

    It includes the run's ID, because a re-executed run inherits the tags of its parent.
    """
    return ":".join(map(str, (run_id, *astuple(worker))))


def worker_of(run: DagsterRun) -> Worker | None:
    """Return the worker that a run's tag names; None without a tag, and for a tag inherited from another run."""
    parts = run.tags.get(TAG, "").split(":")
    if len(parts) != 7 or parts[0] != run.run_id or not all(parts[at].isdecimal() for at in (2, 3, 6)):
        return None
    return Worker(parts[1], int(parts[2]), int(parts[3]), parts[4], parts[5], int(parts[6]))


def worker_status(
    worker: Worker, here: Worker | None = None, *, lock_free: bool = False
) -> Literal["running", "dead", "unknown"]:
    """Return whether a worker still runs, as far as the process ``here`` can tell; by default this process.

    - In the same PID namespace, the process table decides.
    - In another container of the same boot, the worker is dead if nobody holds its lock (``lock_free``, see
      :mod:`townlet_pipeline.runs.worker_lock`): the kernel releases the lock when the process ends. The container that
      this one replaced is such a container.
    - If this machine has rebooted since, the worker is dead. Only processes outside containers can tell: neither the
      host name nor the machine ID is proof of the same machine, and all containers of an image share one machine ID.
    - Otherwise the status is unknown.
    """
    here = here or this_worker()
    if here is None or worker.host != here.host:
        return "unknown"
    if (worker.boot, worker.namespace) == (here.boot, here.namespace):
        return "running" if worker.started == _start_time(worker.pid) else "dead"
    if worker.boot == here.boot and lock_free:
        return "dead"
    same_machine = worker.machine == here.machine != "" and worker.namespace == here.namespace == _INITIAL_NAMESPACE
    return "dead" if same_machine and worker.boot != here.boot else "unknown"


def exit_with_worker(instance: DagsterInstance, run_id: str) -> None:
    """Have the kernel kill this process when the run's worker ends, if the worker started it to execute a step.

    Under the multiprocess executor a step would otherwise outlive a killed worker, and go on writing files for a run
    that is over. The worker itself is not tied to its parent: closing the UI must not end a training.
    """
    run, parent = instance.get_run_by_id(run_id), multiprocessing.parent_process()
    worker = worker_of(run) if run else None
    if worker is None or worker.pid == os.getpid() or parent is None or parent.pid != worker.pid:
        return
    set_parent_death_signal(os.getppid())
    # With a fork server, the direct parent is that server, which ends with the worker.
    if not parent.is_alive():
        os.kill(os.getpid(), signal.SIGKILL)


def set_parent_death_signal(parent: int) -> None:
    """Have the kernel kill this process when its parent, of the given PID, ends. Does nothing outside Linux."""
    if not _BOOT_ID.exists():
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # If the parent ended before that call, this process has another parent by now.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _start_time(pid: int) -> int | None:
    """Return when a process started, in clock ticks since the boot; None if it has ended."""
    try:
        # The process's name, in parentheses, may contain spaces and parentheses.
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else int(fields[18])
