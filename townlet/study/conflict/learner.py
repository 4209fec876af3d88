"""Training of one policy of an arm: rollouts with annealed step size and entropy, from a warm start."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from townlet.study.conflict.arms import Arm
from townlet.study.conflict.cloning import Weights
from townlet.study.conflict.settings import Settings, training_config
from townlet.study.conflict.shaping import loop_of
from townlet.study.conflict.town import StudyTown, study_scenario
from townlet.training import TrainingHarness


def train_arm(
    arm: Arm,
    town: StudyTown,
    seed: int,
    settings: Settings,
    start: Weights,
    advance: Callable[[int, dict[str, Any]], None] | None = None,
) -> Weights:
    """Train a policy of an arm, and return its weights. Step size and entropy coefficient fall linearly to 0.

    Args:
        arm: what the policy observes and is rewarded for.
        town: the town of the training.
        seed: of the training.
        settings: number and size of its rollouts.
        start: weights to begin with.
        advance: called after each rollout with the number of rollouts done and the last epoch's telemetry fields; if
            nobody was in town during this rollout, the fields of an earlier one.

    Raises TrainingDiverged.
    """
    config = training_config(settings, seed)
    annealed = config.ppo.model_copy(update={"lr_schedule": "linear", "entropy_schedule": "linear"})
    config = config.model_copy(update={"ppo": annealed})
    scenario = study_scenario(town, sees_conflict=arm.sees_conflict, penalty=arm.penalty, training=config)
    loop = loop_of(arm.shaping, scenario, worlds=config.worlds, seed=seed)
    harness = TrainingHarness.for_scenario(scenario, seed=seed, loop=loop)
    harness.network.load_state_dict(start)
    fields: deque[dict[str, Any]] = deque(maxlen=1)

    def report(done: int) -> None:
        if advance:
            advance(done, fields[-1])

    harness.run("rollout", fields.append, after_phase=report)
    return {name: tensor.detach().clone() for name, tensor in harness.network.state_dict().items()}
