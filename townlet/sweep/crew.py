"""Processes that work on a sweep's tasks, and tell how far they are."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from townlet.errors import RunError
from townlet.host.processes import exit_with_parent, interrupts_ignored
from townlet.host.workers import VARIABLE, available_cores
from townlet.sweep.tasks import Outcome, Task

#: Times that a task is given to a process although its processes ended before it was done.
_TRIES = 2


class Crew:
    """``jobs`` processes. They end with this one, however it ends, and Ctrl-C is for this one to see."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._members: list[_Member] = []
        self._ended: dict[str, int] = {}

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        for member in self._members:
            # Whatever a process does, its files are whole at any moment.
            member.process.kill()
            member.process.join()

    def run(
        self,
        next_task: Callable[[], Task | None],
        stop: Callable[[Task, int, float], bool],
        done: Callable[[Task, Outcome], None],
    ) -> None:
        """Work on tasks until there is none left and all are done.

        Args:
            next_task: returns the next task, or None if there is none now; it is asked again after each one is done.
            stop: called with a step and the metric until then of a task; returns whether it is to be stopped.
            done: called with the outcome of each task.

        A task whose processes end while they work on it, again and again, has failed. Raises what a task raised.
        """
        waiting: list[Task] = []
        while True:
            while len(self._working()) < self._jobs and (task := waiting.pop() if waiting else next_task()):
                self._idle().give(task)
            working = self._working()
            if not working:
                return
            for connection in wait([member.connection for member in working]):
                member = next(one for one in working if one.connection is connection)
                task, message = member.task, member.message()
                assert task is not None
                if message is None:
                    outcome = self._left_by(member, task)
                    if outcome is None:
                        waiting.append(task)
                    else:
                        done(task, outcome)
                elif message[0] == "report":
                    member.answer(stop(task, message[1], message[2]))
                else:
                    member.task = None
                    if message[0] == "raised":
                        raise message[1]
                    done(task, message[1])

    def _working(self) -> list[_Member]:
        return [member for member in self._members if member.task is not None]

    def _idle(self) -> _Member:
        found = next((member for member in self._members if member.task is None), None)
        if found is None:
            found = _Member(self._jobs)
            self._members.append(found)
        return found

    def _left_by(self, member: _Member, task: Task) -> Outcome | None:
        """Take leave of a process that has ended by itself; the outcome of its task if it is not tried again."""
        member.process.join()
        self._members.remove(member)
        self._ended[task.name] = self._ended.get(task.name, 0) + 1
        if self._ended[task.name] < _TRIES:
            return None
        code = member.process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return Outcome(
            "failed", reason=f"its process ended {_TRIES} times, last with {how}; there may be too little memory"
        )


class _Member:
    """One process, its connection, and its task."""

    def __init__(self, jobs: int) -> None:
        # Fresh interpreters, because torch's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs, jobs), daemon=True)
        with interrupts_ignored():
            self.process.start()
        theirs.close()
        self.task: Task | None = None

    def give(self, task: Task) -> None:
        self.task = task
        self.answer(task)

    def answer(self, value: Any) -> None:
        # If the process has ended, the next look at the connection finds that.
        with contextlib.suppress(OSError):
            self.connection.send(value)

    def message(self) -> tuple[Any, ...] | None:
        """The next message; None if the process has ended."""
        try:
            received: tuple[Any, ...] = self.connection.recv()
        except (EOFError, OSError):
            return None
        return received


def _work(connection: Connection[Any, Any], jobs: int) -> None:
    """The main function of a process."""
    exit_with_parent()
    # Processes share the cores; the number of threads changes no result.
    os.environ.setdefault(VARIABLE, str(max(1, available_cores() // jobs)))
    from townlet.sweep.work import work_on

    def ask(step: int, value: float) -> bool:
        connection.send(("report", step, value))
        return bool(connection.recv())

    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            message: tuple[str, Any] = ("done", work_on(task, ask))
        except Exception as error:
            message = ("raised", _portable(error))
        connection.send(message)


def _portable(error: Exception) -> Exception:
    """The error, or one with its words if it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RunError(f"{type(error).__name__}: {error}")
    return error
