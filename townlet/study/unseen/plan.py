"""Plan of the study: the policies and evaluations that answer each question, made or found in the work folder."""

from __future__ import annotations

from pathlib import Path

from townlet.study.progress import Progress
from townlet.study.task_pool import Stage, run_stages
from townlet.study.unseen.arms import AWARE, BLIND, HEURISTIC, Arm
from townlet.study.unseen.evaluating import evaluate_policy
from townlet.study.unseen.findings import Findings, answer_of
from townlet.study.unseen.learner import train_policy
from townlet.study.unseen.places import QUESTIONS, Question
from townlet.study.unseen.settings import Settings
from townlet.study.unseen.tasks import Evaluation, Training
from townlet.study.unseen.visits import visit


def asked_arms(question: Question, settings: Settings) -> tuple[Arm, ...]:
    """The arms that a question is about."""
    if question == "towns":
        return settings.arms()
    return (HEURISTIC, BLIND, AWARE) if question == "company" else (HEURISTIC, AWARE)


def trainings(settings: Settings) -> list[Training]:
    """Every policy that the study trains, the conflict-aware ones first."""
    return [
        Training(arm, seed, settings.training)
        for arm in sorted(settings.arms(), key=lambda arm: arm != AWARE)
        if not arm.script
        for seed in settings.seed_numbers(arm)
    ]


def evaluations(settings: Settings) -> list[Evaluation]:
    """Every evaluation of the study. The policy to ship is chosen first: its towns are none of the test towns."""
    return [
        Evaluation(Training(arm, seed, settings.training), question, visit(question, settings))
        for question in sorted(QUESTIONS, key=lambda question: question != "choice")
        for arm in asked_arms(question, settings)
        for seed in settings.seed_numbers(arm)
    ]


def study_unseen(settings: Settings, work: Path, processes: int, progress: Progress) -> Findings:
    """Train and evaluate everything; what the work folder holds from the same sources and amounts is used again.

    Raises what a task raises; the results of the tasks done by then are kept.
    """
    work.mkdir(parents=True, exist_ok=True)
    policies, asked = trainings(settings), evaluations(settings)
    missing = [policy for policy in policies if not policy.is_done(work)]
    open_ones = [evaluation for evaluation in asked if not evaluation.file(work).exists()]
    # A training takes about a hundred times as long as an evaluation.
    run_stages(
        [
            Stage("training", 100, run_training, [(policy, work) for policy in missing]),
            Stage("evaluating", 1, run_evaluation, [(evaluation, work) for evaluation in open_ones]),
        ],
        processes,
        progress,
    )
    files: dict[Question, dict[str, list[Path]]] = {question: {} for question in QUESTIONS}
    for evaluation in asked:
        files[evaluation.question].setdefault(evaluation.policy.arm.name, []).append(evaluation.file(work))
    folders: dict[str, dict[int, Path]] = {}
    for policy in policies:
        folders.setdefault(policy.arm.name, {})[policy.seed] = policy.folder(work)
    return Findings(settings, {question: answer_of(files[question]) for question in QUESTIONS}, folders)


def run_training(policy: Training, work: Path) -> None:
    """Train a policy into its folder."""
    folder = policy.folder(work)
    folder.mkdir(parents=True, exist_ok=True)
    train_policy(policy.arm.name, policy.seed, folder, amounts=policy.amounts)


def run_evaluation(evaluation: Evaluation, work: Path) -> None:
    """Make an evaluation and write it to its file."""
    policy = evaluation.policy
    folder = None if policy.arm.script else policy.folder(work)
    evaluate_policy(policy.arm, folder, evaluation.visit, evaluation.file(work))
