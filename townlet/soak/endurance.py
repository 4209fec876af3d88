"""Endurance: a soak that starts a fresh process after every N cycles."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from traceback import format_exc

from townlet.errors import InputError, RunError
from townlet.files.storage import exclusive_file
from townlet.host.processes import exit_with_parent
from townlet.soak.options import SoakOptions
from townlet.soak.progress import Progress, SoakProgress
from townlet.soak.resources import WARM_UP
from townlet.soak.run import SoakResult, run_soak
from townlet.training.resumable import TrainingInterrupted


def endure(
    options: SoakOptions,
    *,
    restart_every: int,
    resume: bool = False,
    progress: Callable[[SoakResult], None] | None = None,
    after_cycle: Progress | None = None,
) -> SoakResult:
    """Run a soak as :func:`townlet.soak.run.run_soak` does, with a fresh process after every ``restart_every`` cycles.

    The result has the same bytes as without restarts. The processes end when this one ends, however it ends, and
    immediately if it is interrupted. ``progress`` is called after each process except the last, and ``after_cycle``
    after each cycle as ``progress`` is by :func:`run_soak`. Raises what :func:`run_soak` raises, and RunError if a
    process was killed.
    """
    if restart_every <= WARM_UP:
        expected = f"at least {WARM_UP + 1}: a process's first {WARM_UP} cycles say nothing about memory and speed"
        raise InputError.of("options", "--restart-every", str(restart_every), expected)
    with exclusive_file(options.output / "soak"):
        result = _in_a_process(options, resume, restart_every, after_cycle)
        while not result.finished:
            if progress is not None:
                progress(result)
            result = _in_a_process(options, True, restart_every, after_cycle)
        return result


def _in_a_process(options: SoakOptions, resume: bool, most: int, after_cycle: Progress | None) -> SoakResult:
    """Run the next cycles in a fresh interpreter: torch's threads do not survive a fork."""
    context = multiprocessing.get_context("spawn")
    answers, answering = context.Pipe(duplex=False)
    process = context.Process(target=_part, args=(answering, options, resume, most, after_cycle is not None))
    process.start()
    # Now only the process holds this end, so that its death is noticed.
    answering.close()
    try:
        while isinstance(answer := answers.recv(), SoakProgress):
            assert after_cycle is not None
            after_cycle(answer)
        process.join()
    except EOFError:
        killed = f"the process that worked on {options.output} was killed"
        raise RunError(f"{killed}; the same command with --resume continues after its last checkpoint") from None
    except KeyboardInterrupt:
        raise TrainingInterrupted(f"the same command with --resume continues {options.output}") from None
    finally:
        # Whatever the process is doing, the soak can be resumed.
        process.terminate()
        process.join()
        answers.close()
    if isinstance(answer, SoakResult):
        return answer
    if isinstance(answer, tuple):
        raise InputError(answer)
    raise answer


def _part(answering: Connection, options: SoakOptions, resume: bool, most: int, reports: bool) -> None:
    """Send the progress after each cycle if ``reports`` is set, then the result to the parent.

    The result may be a RunError, or the faults of an InputError, which pickling would lose.
    """
    # Ctrl-C interrupts the parent too, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exit_with_parent()
    try:
        answering.send(run_soak(options, resume=resume, most=most, progress=answering.send if reports else None))
    except InputError as error:
        answering.send(error.faults)
    except RunError as error:
        answering.send(RunError(str(error)))
    except Exception:
        # The exception might not survive pickling; and since the input is not at fault, its traceback is wanted.
        answering.send(RunError(format_exc()))
