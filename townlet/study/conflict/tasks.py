"""Tasks of the study: warm starts, policies to train and evaluations, each with the name of its cached result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from townlet.study.conflict.arms import AWARE, Arm
from townlet.study.conflict.settings import CONTINUATION_SEED, EVALUATION_SEED, Settings, training_config
from townlet.study.conflict.town import StudyTown, study_scenario

#: Background populations: the people of a mixed population who do not follow the evaluated arm (Leibo et al. 2021,
#: "Scalable Evaluation of Multi-Agent Reinforcement Learning with Melting Pot").
QUEUE_JUMPERS, DOORMATS, OTHER_SEED = "two queue-jumpers", "two doormats", "half of another seed"
BACKGROUNDS = (QUEUE_JUMPERS, DOORMATS, OTHER_SEED)


@dataclass(frozen=True)
class WarmStart:
    """Weights with which trainings begin: one set per seed and kind of observation, for all training towns."""

    sees_conflict: bool
    seed: int


@dataclass(frozen=True)
class Policy:
    """A policy to train: an arm in a town from a seed. An arm with a script needs no training."""

    arm: Arm
    seed: int
    training_town: StudyTown

    @property
    def start(self) -> WarmStart:
        """The weights with which its training begins."""
        return WarmStart(self.arm.sees_conflict, self.seed)


@dataclass(frozen=True)
class Continuation(Policy):
    """A policy to train further by its own arm's rewards, starting from the conflict-aware policy of the same seed."""

    @property
    def origin(self) -> Policy:
        """The policy with whose weights its training begins."""
        return Policy(AWARE, self.seed, self.training_town)

    @property
    def training_seed(self) -> int:
        """A seed that the first part of the training has not used, so that it meets other days."""
        return CONTINUATION_SEED + self.seed


@dataclass(frozen=True)
class Evaluation:
    """A policy to evaluate in a town, alone or in a mixed population; ``background_seed`` is that of another policy."""

    policy: Policy
    town: StudyTown
    background: str = ""
    """One of :data:`BACKGROUNDS`, or empty if everybody follows the policy."""
    background_seed: int = -1


Task = WarmStart | Policy | Evaluation


def digest(task: Task, settings: Settings) -> str:
    """Name of a task's cached result: a hash of the task, its share of the settings, its towns and the trainer."""
    policy = task.policy if isinstance(task, Evaluation) else task
    arm, training_town = (policy.arm, policy.training_town) if isinstance(policy, Policy) else (AWARE, StudyTown())
    sees = policy.sees_conflict if isinstance(policy, WarmStart) else arm.sees_conflict
    towns = [training_town, task.town] if isinstance(task, Evaluation) else [training_town]
    training = training_config(settings, policy.seed)
    scenarios = [study_scenario(town, sees_conflict=sees, penalty=arm.penalty, training=training) for town in towns]
    identity = [asdict(task), _decisive_settings(task, settings), [scenario.digest for scenario in scenarios]]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]


def _decisive_settings(task: Task, settings: Settings) -> dict[str, int]:
    """The settings on which a single task's result depends; the others only set the number of tasks."""
    names = ["cycles", "worlds", "rollout_ticks", "cloning_worlds", "cloning_epochs"]
    if isinstance(task, Evaluation):
        names.append("evaluation_worlds")
    if isinstance(task.policy if isinstance(task, Evaluation) else task, Continuation):
        names.append("further_cycles")
    return {name: getattr(settings, name) for name in names}


def evaluation_seed(seed: int) -> int:
    """The seed of the towns in which all policies of a seed are evaluated, so that arms can be compared in pairs."""
    return EVALUATION_SEED + seed
