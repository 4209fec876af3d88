"""Processes that train with several seeds side by side, and that end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from townlet.errors import RunError
from townlet.host.processes import exit_with_parent, interrupts_ignored
from townlet.host.workers import VARIABLE, available_cores
from townlet.study.several_seeds.one_seed import SeedOutcome, run_seed
from townlet.study.several_seeds.plan import SeedsPlan

#: Seconds that an interrupted training has to stop by itself.
_PATIENCE = 15.0


class Listener(Protocol):
    """Whoever is told how the trainings go on."""

    def epoch(self, seed: int, number: int, reward: float) -> None:
        """A training has done an epoch."""

    def done(self, outcome: SeedOutcome) -> None:
        """The work for a seed is over."""


class SeedProcessDied(RunError):  # noqa: N818 (it reports another process's end)
    """A process ended without a word, as the system ends one when memory runs out."""

    @classmethod
    def of(cls, seed: int, exit_code: int | None) -> SeedProcessDied:
        """The error about the process that worked on a seed."""
        by = f"signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"exit code {exit_code}"
        return cls(
            f"seed {seed}: its process ended by {by}; if memory ran out, fewer --jobs need less; the same command "
            "with --resume goes on"
        )


def run_seeds(plan: SeedsPlan, jobs: int, listener: Listener) -> None:
    """Train with all seeds of a plan in ``jobs`` processes; with one job, in this one.

    If anything is raised, Ctrl-C included, every process is asked to stop as by Ctrl-C, and has ended before this
    returns. Raises what a training raises, except for a divergence, and SeedProcessDied.
    """
    if jobs == 1:
        for seed in plan.seeds:
            listener.done(run_seed(plan, seed, partial(listener.epoch, seed)))
        return
    queue = list(plan.seeds)
    workers = [_Worker.start(plan, jobs) for _ in range(min(jobs, len(queue)))]
    try:
        for worker in workers:
            worker.give(queue.pop(0))
        while busy := [worker for worker in workers if worker.seed is not None]:
            ready = wait([worker.connection for worker in busy])
            for worker in busy:
                if worker.connection in ready:
                    _listen(worker, queue, listener)
    finally:
        _end(workers)


@dataclass
class _Worker:
    """A process that works on one seed after the other."""

    process: SpawnProcess
    connection: Connection[Any, Any]
    seed: int | None = None
    """The seed that it works on now."""

    @classmethod
    def start(cls, plan: SeedsPlan, jobs: int) -> _Worker:
        """Start a process with its share of the cores; it waits for seeds."""
        # A fresh interpreter, because torch's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        threads = max(1, available_cores() // jobs)
        process = context.Process(target=_work, args=(theirs, plan, threads), daemon=True)
        with interrupts_ignored():
            process.start()
        # The end that the process holds must be the only one, or its death would go unnoticed.
        theirs.close()
        return cls(process, ours)

    def give(self, seed: int | None) -> None:
        """Hand over the next seed; None ends the process."""
        self.seed = seed
        try:
            self.connection.send(seed)
        except BrokenPipeError:
            if seed is not None:
                raise self._died(seed) from None

    def hear(self) -> Any:
        """The next message. Raises SeedProcessDied."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise self._died(self.seed or 0) from None

    def _died(self, seed: int) -> SeedProcessDied:
        self.process.join(_PATIENCE)
        return SeedProcessDied.of(seed, self.process.exitcode)


def _listen(worker: _Worker, queue: list[int], listener: Listener) -> None:
    """Hear one message of a worker; give it the next seed when it has finished one."""
    news, seed = worker.hear(), worker.seed
    assert seed is not None
    if isinstance(news, BaseException):
        raise news
    if isinstance(news, SeedOutcome):
        worker.give(queue.pop(0) if queue else None)
        listener.done(news)
    else:
        listener.epoch(seed, *news)


def _end(workers: Sequence[_Worker]) -> None:
    """End all processes: those at work stop at a moment that leaves every file whole."""
    for worker in workers:
        if worker.seed is not None:
            worker.process.terminate()
        worker.connection.close()
    for worker in workers:
        worker.process.join(_PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _work(connection: Connection[Any, Any], plan: SeedsPlan, threads: int) -> None:
    """Work in a process of its own, seed by seed, until told that there is none."""
    exit_with_parent()
    signal.signal(signal.SIGTERM, _interrupt)
    os.environ.setdefault(VARIABLE, str(threads))
    try:
        while (seed := connection.recv()) is not None:
            connection.send(run_seed(plan, seed, lambda number, reward: connection.send((number, reward))))
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        return
    except BaseException as error:
        connection.send(_sendable(error))


def _interrupt(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _sendable(error: BaseException) -> BaseException:
    """The error, with what it says about where it came from, as far as another process can rebuild it."""
    import pickle
    import traceback

    where = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(where)
    error.add_note(f"In a process of its own:\n{where}")
    return error
