"""Endurance: a soak that goes on in a fresh process after so many cycles, by design."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess

from townlet.errors import Fault, InputError, RunError
from townlet.soak.options import SoakOptions
from townlet.soak.run import SoakResult, run_soak
from townlet.storage import exclusive_file
from townlet.training.attempt import TrainingInterrupted


def endure(
    options: SoakOptions,
    *,
    restart_every: int,
    resume: bool = False,
    progress: Callable[[SoakResult], None] | None = None,
) -> SoakResult:
    """:func:`townlet.soak.run.run_soak`, with a fresh process after every ``restart_every`` cycles.

    What comes out has the same bytes as without restarts. The processes end with this one, however it ends. Raises what
    :func:`run_soak` does, and RunError if a process was killed; ``progress`` is called after each process.
    """
    if restart_every < 1:
        raise InputError.of("options", "--restart-every", str(restart_every), "at least 1")
    with exclusive_file(options.output / "soak"):
        result = _in_a_process(options, resume, restart_every)
        while not result.finished:
            if progress is not None:
                progress(result)
            result = _in_a_process(options, True, restart_every)
        return result


def _in_a_process(options: SoakOptions, resume: bool, most: int) -> SoakResult:
    """The next cycles in a process of their own, a fresh interpreter: torch's threads do not survive a fork."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _end_with_the_parent) as pool:
        try:
            result = pool.submit(_part, options, resume, most).result()
        except BrokenProcessPool:
            told = f"the process that worked on {options.output} was killed"
            raise RunError(f"{told}; the same command with --resume goes on after its last checkpoint") from None
        except KeyboardInterrupt:
            raise TrainingInterrupted(f"the same command with --resume goes on with {options.output}") from None
    if isinstance(result, SoakResult):
        return result
    if isinstance(result, str):
        raise RunError(result)
    raise InputError(result)


def _part(options: SoakOptions, resume: bool, most: int) -> SoakResult | str | tuple[Fault, ...]:
    """Faults are returned: as exceptions they would lose their parts on the way to the other process."""
    try:
        return run_soak(options, resume=resume, most=most)
    except InputError as error:
        return error.faults
    except RunError as error:
        return str(error)


def _end_with_the_parent() -> None:
    """Let this process end as soon as the one that started it has, however that came about."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
