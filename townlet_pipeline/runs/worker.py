"""Which process works on a run, so that anybody can tell later whether it is still there."""

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
#: The numbers that a whole machine has for its processes; a container has a set of its own (``PROC_PID_INIT_INO`` in
#: Linux's include/linux/proc_ns.h).
_WHOLE_MACHINE = 0xEFFFFFFC
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Worker:
    """A process that no other can be mistaken for: a recycled number has another start, another boot another id."""

    host: str
    pid: int
    started: int
    """When the kernel started it, in clock ticks since the boot."""
    boot: str
    machine: str
    """The id that an installed system keeps over boots; empty where there is none. Images may hand theirs on."""
    namespace: int
    """Among which processes the number counts: those of the machine, or of one container."""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def this_worker() -> Worker | None:
    """This process; None where the system does not say who it is, which only Linux does."""
    pid = os.getpid()
    started = _started(pid)
    if started is None:
        return None
    machine = _MACHINE_ID.read_text(encoding="utf-8").strip() if _MACHINE_ID.exists() else ""
    namespace = _NAMESPACE.stat().st_ino if _NAMESPACE.exists() else 0
    return Worker(socket.gethostname(), pid, started, _BOOT_ID.read_text(encoding="utf-8").strip(), machine, namespace)


def worker_tags(run_id: str) -> dict[str, str]:
    """The tag of a run that this process works on; it names the run, because a run that is re-executed hands its tags
    on."""
    worker = this_worker()
    return {TAG: tag_of(run_id, worker)} if worker else {}


def tag_of(run_id: str, worker: Worker) -> str:
    """The value of the tag, which :func:`worker_of` reads."""
    return ":".join(map(str, (run_id, *astuple(worker))))


def worker_of(run: DagsterRun) -> Worker | None:
    """The worker that a run's tags name; None if they name none, or that of another run."""
    parts = run.tags.get(TAG, "").split(":")
    if len(parts) != 7 or parts[0] != run.run_id or not all(parts[at].isdecimal() for at in (2, 3, 6)):
        return None
    return Worker(parts[1], int(parts[2]), int(parts[3]), parts[4], parts[5], int(parts[6]))


def whereabouts(
    worker: Worker, here: Worker | None = None, *, unheld: bool = False
) -> Literal["running", "gone", "elsewhere"]:
    """Whether the process runs, as far as can be told from the process ``here``, by default this one.

    That is, of processes among the same numbers; of those in another container of the same machine, such as this one
    before it was started again, if nobody holds their lock (``unheld``, see
    :mod:`townlet_pipeline.runs.worker_lock`), of which the one kernel knows; and of those that the same machine had before it was started anew.
    Neither a name nor a machine's id alone is enough for the latter: machines may be named alike, and the containers
    of one image have its id.
    """
    here = here or this_worker()
    if here is None or worker.host != here.host:
        return "elsewhere"
    if (worker.boot, worker.namespace) == (here.boot, here.namespace):
        return "running" if worker.started == _started(worker.pid) else "gone"
    if worker.boot == here.boot and unheld:
        return "gone"
    same_machine = worker.machine == here.machine != "" and worker.namespace == here.namespace == _WHOLE_MACHINE
    return "gone" if same_machine and worker.boot != here.boot else "elsewhere"


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


def _started(pid: int) -> int | None:
    """When a process was started, in clock ticks since the boot; None if there is none, or only its entry."""
    try:
        # The name, in parentheses, may hold anything, spaces and parentheses included.
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else int(fields[18])
