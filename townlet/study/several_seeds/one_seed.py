"""Training with one seed and the score of its policy, from where an earlier attempt stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from townlet.errors import InputError
from townlet.evaluation import evaluate, read_evaluation, write_evaluation
from townlet.files.artefact_names import EVALUATION_NAME
from townlet.study.several_seeds.plan import SeedsPlan
from townlet.tracking import Recorder
from townlet.training import TrainingDiverged, TrainingResult, train

#: Called after each epoch with its number and its mean reward.
Tell = Callable[[int, float], None]


@dataclass(frozen=True)
class SeedOutcome:
    """The work of this process for one seed."""

    seed: int
    seconds: float
    already_done: bool
    """Whether an earlier attempt had trained the policy."""
    diverged: str | None = None
    """What happened, if the training diverged; its policy cannot be scored then."""


def _train(plan: SeedsPlan, seed: int, tell: Tell) -> TrainingResult:
    options, folder = plan.options_of(seed), plan.folder_of(seed)
    name = f"{plan.folder.absolute().name}-{folder.name}"
    tags = {"scenario_sha256": plan.scenario.digest}
    with Recorder(plan.track, folder, options.log_path(), name=name, tags=tags) as recorder:
        return train(plan.scenario, options, recorder.beside(lambda record: tell(*_shown(record))))


def run_seed(plan: SeedsPlan, seed: int, tell: Tell) -> SeedOutcome:
    """Train with one seed, or go on with it, and score its policy, unless that is done already.

    A training that diverges is an outcome like another. Raises whatever else
    :func:`townlet.training.train` and :func:`townlet.evaluation.evaluate` raise.
    """
    started = time.perf_counter()
    try:
        result = _train(plan, seed, tell)
    except TrainingDiverged as error:
        (plan.folder_of(seed) / EVALUATION_NAME).unlink(missing_ok=True)
        return SeedOutcome(seed, time.perf_counter() - started, already_done=False, diverged=str(error))
    evaluation = plan.folder_of(seed) / EVALUATION_NAME
    if not _is_of(evaluation, plan, result):
        found = evaluate(
            plan.folder_of(seed),
            plan.scenario,
            worlds=plan.worlds,
            seed=plan.world_seed,
            trained_with=plan.data_seeds,
        )
        write_evaluation(found, evaluation)
    return SeedOutcome(seed, time.perf_counter() - started, already_done=result.already_done)


def _shown(record: dict[str, Any]) -> tuple[int, float]:
    return int(record["epoch"]), float(record["reward_mean"])


def _is_of(file: Path, plan: SeedsPlan, result: TrainingResult) -> bool:
    """Whether an evaluation on disk is that of this policy in the plan's worlds."""
    if not result.already_done or not file.exists():
        return False
    try:
        found = read_evaluation(file)
    except InputError:
        return False
    settings = {"settings": dict(plan.scenario.settings)} if plan.scenario.settings else {}
    return {name: found.get(name) for name in ("policy_sha256", "seed", "worlds", "scenario")} == {
        "policy_sha256": result.sha256,
        "seed": plan.world_seed,
        "worlds": plan.worlds,
        "scenario": {"name": plan.scenario.name, "config_sha256": plan.scenario.digest, **settings},
    }
