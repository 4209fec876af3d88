"""Dispatch of the study's tasks to several processes; each result is kept in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from townlet.sources import sources_sha256
from townlet.study.conflict.execute import read_evaluation, run_task
from townlet.study.conflict.settings import Settings
from townlet.study.conflict.tasks import Continuation, Evaluation, Policy, Task
from townlet.study.progress import Progress
from townlet.study.task_pool import Stage, run_stages


def methods_hash() -> str:
    """SHA-256 of the sources that decide what a policy learns and how it is evaluated, as of the first call.

    What the configuration says is part of each task's own name; see :func:`townlet.study.conflict.tasks.digest`.
    """
    return sources_sha256("townlet.study.conflict.execute")


def run_tasks(
    policies: Sequence[Policy],
    evaluations: Sequence[Evaluation],
    settings: Settings,
    folder: Path,
    processes: int,
    progress: Progress,
) -> dict[Evaluation, dict[str, float]]:
    """Train the policies, make the evaluations, and return the metrics of each evaluation.

    Results that are in the folder already, from the same sources, are used again.

    Args:
        policies: those to train; scripted ones are skipped.
        evaluations: their policies must be among ``policies``.
        settings: amounts of one version of the study.
        folder: where results are kept.
        processes: number of tasks run side by side.
        progress: called after each task.

    Raises what a task raises; the results of the tasks done by then are kept.
    """
    folder = cache_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    learning = [policy for policy in dict.fromkeys(policies) if not policy.arm.script]
    further = [policy for policy in learning if isinstance(policy, Continuation)]
    first = [policy for policy in learning if policy not in further]
    first = list(dict.fromkeys([*first, *(policy.origin for policy in further)]))
    # A training takes about twenty times as long as the rest.
    stages: list[tuple[str, int, Sequence[Task]]] = [
        ("cloning", 3, list(dict.fromkeys(policy.start for policy in first))),
        ("training", 20, first),
        ("continuing", 40, further),
        ("evaluating", 1, list(dict.fromkeys(evaluations))),
    ]
    run_stages(
        [Stage(name, weight, run_task, [(task, settings, folder) for task in tasks]) for name, weight, tasks in stages],
        processes,
        progress,
    )
    return {evaluation: read_evaluation(evaluation, settings, folder) for evaluation in dict.fromkeys(evaluations)}


def cache_folder(folder: Path) -> Path:
    """The folder for results of the present sources."""
    return folder / methods_hash()[:12]
