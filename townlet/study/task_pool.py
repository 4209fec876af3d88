"""Tasks of a study in processes of their own, stage by stage, with progress."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from townlet.host.processes import exit_with_parent
from townlet.study.progress import Progress


@dataclass(frozen=True)
class Stage:
    """Tasks that do not need each other's results; they begin when those of the stages before are done."""

    name: str
    weight: int
    """Units of progress of one task, about in proportion to its time."""
    run: Callable[..., object]
    """A function of a module that a task's arguments are handed to, in a process of its own."""
    tasks: Sequence[tuple[Any, ...]]
    """Arguments of each task."""


def run_stages(stages: Sequence[Stage], processes: int, progress: Progress) -> None:
    """Run all tasks, so many at once, and report each that is done.

    Raises what a task raises; tasks that have not begun by then are dropped.
    """
    total = sum(stage.weight * len(stage.tasks) for stage in stages)
    done = 0
    # Fresh interpreters, because torch's threads do not survive a fork.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), exit_with_parent) as pool:
        for stage in stages:
            for finished in _as_completed(pool, stage):
                done += stage.weight
                progress(done, total, f"{stage.name}: {finished} of {len(stage.tasks)}")


def _as_completed(pool: ProcessPoolExecutor, stage: Stage) -> Iterator[int]:
    futures = [pool.submit(stage.run, *task) for task in stage.tasks]
    try:
        for finished, future in enumerate(as_completed(futures), 1):
            future.result()
            yield finished
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
