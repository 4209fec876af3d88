"""Plan of the study: the policies and evaluations that answer each question."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from townlet.study.conflict.arms import (
    ARMS,
    AWARE,
    BLIND,
    CONTINUED,
    FIRST_COME,
    HEURISTIC,
    LEARNING,
    Arm,
    aware_with,
)
from townlet.study.conflict.dispatch import cache_folder, run_tasks
from townlet.study.conflict.evaluate import STUDY_METRICS
from townlet.study.conflict.execute import read_curve
from townlet.study.conflict.settings import Settings
from townlet.study.conflict.tasks import BACKGROUNDS, OTHER_SEED, Continuation, Evaluation, Policy
from townlet.study.conflict.town import StudyTown
from townlet.study.progress import Progress

#: Arms that are evaluated in towns in which nobody was trained, at other demands, and in mixed populations.
HELD_OUT_ARMS = (FIRST_COME, HEURISTIC, BLIND, AWARE)
DOSE_ARMS = (HEURISTIC, BLIND, AWARE)
MIXED_ARMS = (BLIND, AWARE)

Scores = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Findings:
    """All scores: by metric, float64 [S], one row per seed."""

    settings: Settings
    arms: dict[str, Scores]
    """In the town of the training, by arm."""
    held_out: dict[str, dict[str, Scores]]
    """By town, then by arm."""
    mixed: dict[str, dict[str, Scores]]
    """In mixed populations: by background, then by arm; over the focal people only."""
    doses: dict[float, dict[str, Scores]]
    """By demand, then by arm, trained at that demand."""
    penalties: dict[float, Scores]
    """Conflict-aware, by factor of the conflict weights."""
    further: dict[str, Scores]
    """The heuristic, and the continued conflict-aware arm, in more worlds; by arm."""
    curves: dict[str, Scores]
    """Reward and conflict intensity during training: by arm and figure, float64 [S, rollouts]."""


def study_conflict(settings: Settings, folder: Path, processes: int, progress: Progress) -> Findings:
    """Train and evaluate everything, reusing the results in the work folder. Raises what a training raises."""
    seeds = settings.seed_numbers()
    curve = seeds[: settings.curve_seeds]
    home = StudyTown()
    held_out = settings.held_out()
    groups: dict[tuple[str, object, str], list[Evaluation]] = {}

    def plan(
        question: str, point: object, arm: Arm, town: StudyTown, training_town: StudyTown, background: str = ""
    ) -> None:
        asked = curve if question in ("dose", "penalty") else seeds
        groups[question, point, arm.name] = [
            Evaluation(
                Policy(arm, seed, training_town), town, background, following if background == OTHER_SEED else -1
            )
            for seed, following in zip(asked, [*seeds[1:], seeds[0]], strict=False)
        ]

    for arm in ARMS:
        plan("arm", "", arm, home, home)
    for name, town in held_out.items():
        for arm in HELD_OUT_ARMS:
            plan("held out", name, arm, town, home)
    for background in BACKGROUNDS:
        for arm in MIXED_ARMS:
            plan("mixed", background, arm, home, home, background)
    for demand in settings.demands:
        for arm in DOSE_ARMS:
            plan("dose", demand, arm, StudyTown(demand=demand), StudyTown(demand=demand))
    for penalty in settings.penalties:
        plan("penalty", penalty, aware_with(penalty), home, home)

    evaluations = [evaluation for group in groups.values() for evaluation in group]
    policies = [evaluation.policy for evaluation in evaluations]
    metrics = run_tasks(policies, evaluations, settings, folder, processes, progress)
    scores = {place: _scores(group, metrics) for place, group in groups.items()}

    def by_arm(question: str, point: object) -> dict[str, Scores]:
        return {arm: found for (asked, at, arm), found in scores.items() if asked == question and at == point}

    return Findings(
        settings=settings,
        arms=by_arm("arm", ""),
        held_out={name: by_arm("held out", name) for name in held_out},
        mixed={background: by_arm("mixed", background) for background in BACKGROUNDS},
        doses={demand: by_arm("dose", demand) for demand in settings.demands},
        further=_further(settings, folder, processes, progress),
        curves={arm.name: _curves([Policy(arm, seed, home) for seed in seeds], settings, folder) for arm in LEARNING},
        penalties={penalty: scores["penalty", penalty, aware_with(penalty).name] for penalty in settings.penalties},
    )


def _scores(group: list[Evaluation], metrics: dict[Evaluation, dict[str, float]]) -> Scores:
    return {name: np.array([metrics[evaluation][name] for evaluation in group]) for name in STUDY_METRICS}


def _further(settings: Settings, folder: Path, processes: int, progress: Progress) -> dict[str, Scores]:
    home = StudyTown()
    groups = {
        arm.name: [Evaluation(kind(arm, seed, home), home) for seed in settings.seed_numbers()]
        for arm, kind in ((HEURISTIC, Policy), (CONTINUED, Continuation))
    }
    evaluations = [evaluation for group in groups.values() for evaluation in group]
    policies = [evaluation.policy for evaluation in evaluations]
    metrics = run_tasks(policies, evaluations, settings.further(), folder, processes, progress)
    return {name: _scores(group, metrics) for name, group in groups.items()}


def _curves(policies: list[Policy], settings: Settings, folder: Path) -> Scores:
    curves = [read_curve(policy, settings, cache_folder(folder)) for policy in policies]
    return {name: np.array([[point[name] for point in curve] for curve in curves]) for name in curves[0][0]}


def trainings(settings: Settings) -> int:
    """Number of policies that the study trains; one whose training is continued counts twice."""
    doses = 2 * settings.curve_seeds * sum(demand != StudyTown().demand for demand in settings.demands)
    penalties = settings.curve_seeds * sum(penalty != AWARE.penalty for penalty in settings.penalties)
    return (len(LEARNING) + 1) * settings.seeds + doses + penalties
