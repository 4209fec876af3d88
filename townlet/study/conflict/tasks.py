"""Pieces of the study's work: warm starts, policies to train and evaluations, each with the name of its result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from townlet.study.conflict.arms import AWARE, Arm
from townlet.study.conflict.settings import CONTINUATION_SEED, EVALUATION_SEED, Settings, training_config
from townlet.study.conflict.town import StudyTown, study_scenario

#: Companies in which some of the people are not of the arm that is judged.
COMPANIES = ("two queue-jumpers", "two doormats", "half of another seed")


@dataclass(frozen=True)
class Start:
    """A warm start, the same for all arms that see the same, in whatever town they are trained."""

    sees_conflict: bool
    seed: int


@dataclass(frozen=True)
class Policy:
    """A policy to train: an arm in a town from a seed. An arm with a script needs no training."""

    arm: Arm
    seed: int
    town: StudyTown

    @property
    def start(self) -> Start:
        """The weights with which its training begins."""
        return Start(self.arm.sees_conflict, self.seed)


@dataclass(frozen=True)
class Continuation(Policy):
    """A policy to train further: its arm's way, from what the conflict-aware arm has learnt from the seed."""

    @property
    def origin(self) -> Policy:
        """The policy with whose weights its training begins."""
        return Policy(AWARE, self.seed, self.town)

    @property
    def training_seed(self) -> int:
        """A seed of its own, so that it meets other days than those from which the first part was learnt."""
        return CONTINUATION_SEED + self.seed


@dataclass(frozen=True)
class Judgement:
    """A policy to judge, in a town and a company; ``other_seed`` is the seed of the strangers among the people."""

    policy: Policy
    town: StudyTown
    company: str = ""
    other_seed: int = -1


Piece = Start | Policy | Judgement


def digest(what: Piece, settings: Settings) -> str:
    """Name of a cached result: a hash of what was done, of how much of it, and of the town and the trainer."""
    policy = what.policy if isinstance(what, Judgement) else what
    arm, grown = (policy.arm, policy.town) if isinstance(policy, Policy) else (AWARE, StudyTown())
    sees = policy.sees_conflict if isinstance(policy, Start) else arm.sees_conflict
    towns = [grown, what.town] if isinstance(what, Judgement) else [grown]
    training = training_config(settings, policy.seed)
    scenarios = [study_scenario(town, sees_conflict=sees, penalty=arm.penalty, training=training) for town in towns]
    done = [asdict(what), _amounts(what, settings), [scenario.digest for scenario in scenarios]]
    return hashlib.sha256(json.dumps(done, sort_keys=True).encode()).hexdigest()[:20]


def _amounts(what: Piece, settings: Settings) -> dict[str, int]:
    """The settings that decide what comes out of a single piece; the others are how many."""
    names = ["cycles", "worlds", "rollout_ticks", "cloning_worlds", "cloning_epochs"]
    if isinstance(what, Judgement):
        names.append("evaluation_worlds")
    if isinstance(what.policy if isinstance(what, Judgement) else what, Continuation):
        names.append("further_cycles")
    return {name: getattr(settings, name) for name in names}


def evaluation_seed(seed: int) -> int:
    """The seed of the towns in which all policies of a seed are judged, so that arms can be compared in pairs."""
    return EVALUATION_SEED + seed
