"""What is trained and what is judged to answer which question."""

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
from townlet.study.conflict.evaluate import STUDY_METRICS
from townlet.study.conflict.settings import Settings
from townlet.study.conflict.tasks import COMPANIES, Continuation, Judgement, Policy
from townlet.study.conflict.town import StudyTown
from townlet.study.conflict.work import Progress, cache_folder, run_study

#: Arms that are judged in towns in which nobody was trained, at other demands, and in mixed company.
ABROAD = (FIRST_COME, HEURISTIC, BLIND, AWARE)
DOSED = (HEURISTIC, BLIND, AWARE)
MIXED = (BLIND, AWARE)

Scores = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Findings:
    """All scores: by metric, float64 [S], one row per seed."""

    settings: Settings
    arms: dict[str, Scores]
    """In the town of the training, by arm."""
    held_out: dict[str, dict[str, Scores]]
    """By town, then by arm."""
    companies: dict[str, dict[str, Scores]]
    """By company, then by arm; over the people of the arm only."""
    doses: dict[float, dict[str, Scores]]
    """By demand, then by arm, trained at that demand."""
    penalties: dict[float, Scores]
    """Conflict-aware, by factor of the conflict weights."""
    further: dict[str, Scores]
    """The heuristic, and the continued conflict-aware arm, in more worlds; by arm."""
    curves: dict[str, Scores]
    """What rollouts of the trainings were like: by arm and figure, float64 [S, rollouts]."""


def study_conflict(settings: Settings, folder: Path, processes: int, progress: Progress) -> Findings:
    """Train and judge everything, with what the work folder holds already. Raises what a training raises."""
    seeds = settings.seed_numbers()
    curve = seeds[: settings.curve_seeds]
    home = StudyTown()
    held_out = settings.held_out()
    groups: dict[tuple[str, object, str], list[Judgement]] = {}

    def judge(question: str, point: object, arm: Arm, town: StudyTown, grown: StudyTown, company: str = "") -> None:
        amount = curve if question in ("dose", "penalty") else seeds
        groups[question, point, arm.name] = [
            Judgement(Policy(arm, seed, grown), town, company, following if company == COMPANIES[2] else -1)
            for seed, following in zip(amount, [*seeds[1:], seeds[0]], strict=False)
        ]

    for arm in ARMS:
        judge("arm", "", arm, home, home)
    for name, town in held_out.items():
        for arm in ABROAD:
            judge("held out", name, arm, town, home)
    for company in COMPANIES:
        for arm in MIXED:
            judge("company", company, arm, home, home, company)
    for demand in settings.demands:
        for arm in DOSED:
            judge("dose", demand, arm, StudyTown(demand=demand), StudyTown(demand=demand))
    for penalty in settings.penalties:
        judge("penalty", penalty, aware_with(penalty), home, home)

    judgements = [judgement for group in groups.values() for judgement in group]
    policies = [judgement.policy for judgement in judgements]
    metrics = run_study(policies, judgements, settings, folder, processes, progress)
    scores = {place: _scores(group, metrics) for place, group in groups.items()}

    def by_arm(question: str, point: object) -> dict[str, Scores]:
        return {arm: found for (asked, at, arm), found in scores.items() if asked == question and at == point}

    return Findings(
        settings=settings,
        arms=by_arm("arm", ""),
        held_out={name: by_arm("held out", name) for name in held_out},
        companies={company: by_arm("company", company) for company in COMPANIES},
        doses={demand: by_arm("dose", demand) for demand in settings.demands},
        further=_further(settings, folder, processes, progress),
        curves={arm.name: _curves([Policy(arm, seed, home) for seed in seeds], settings, folder) for arm in LEARNING},
        penalties={penalty: scores["penalty", penalty, aware_with(penalty).name] for penalty in settings.penalties},
    )


def _scores(group: list[Judgement], metrics: dict[Judgement, dict[str, float]]) -> Scores:
    return {name: np.array([metrics[judgement][name] for judgement in group]) for name in STUDY_METRICS}


def _further(settings: Settings, folder: Path, processes: int, progress: Progress) -> dict[str, Scores]:
    home = StudyTown()
    groups = {
        arm.name: [Judgement(kind(arm, seed, home), home) for seed in settings.seed_numbers()]
        for arm, kind in ((HEURISTIC, Policy), (CONTINUED, Continuation))
    }
    judgements = [judgement for group in groups.values() for judgement in group]
    policies = [judgement.policy for judgement in judgements]
    metrics = run_study(policies, judgements, settings.further(), folder, processes, progress)
    return {name: _scores(group, metrics) for name, group in groups.items()}


def _curves(policies: list[Policy], settings: Settings, folder: Path) -> Scores:
    from townlet.study.conflict.execute import read_curve

    curves = [read_curve(policy, settings, cache_folder(folder)) for policy in policies]
    return {name: np.array([[point[name] for point in curve] for curve in curves]) for name in curves[0][0]}


def trainings(settings: Settings) -> int:
    """How many policies the study trains; one that is trained on counts twice."""
    doses = 2 * settings.curve_seeds * sum(demand != StudyTown().demand for demand in settings.demands)
    penalties = settings.curve_seeds * sum(penalty != AWARE.penalty for penalty in settings.penalties)
    return (len(LEARNING) + 1) * settings.seeds + doses + penalties
