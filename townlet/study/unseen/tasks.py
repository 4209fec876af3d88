"""Tasks of the study: policies to train and evaluations, each with the name of its kept result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from townlet.config.drawn import TRAINING
from townlet.files.artefact_names import CARD_NAME
from townlet.sources import sources_sha256
from townlet.study.unseen.amounts import Amounts
from townlet.study.unseen.arms import Arm
from townlet.study.unseen.places import Place, Question, Visit


@dataclass(frozen=True)
class Training:
    """A policy to train: an arm from a seed, with amounts. An arm with a script needs none."""

    arm: Arm
    seed: int
    amounts: Amounts

    def identity(self) -> list[Any]:
        """What decides the policy: the task, the training towns and the sources of the trainer."""
        if self.arm.script:
            return [self.arm.script]
        return [asdict(self), _digest(Place(TRAINING[0])), sources_sha256("townlet.study.unseen.learner")]

    def folder(self, work: Path) -> Path:
        """The folder of the policy."""
        return work / f"policy-{self.arm.name}-{self.seed}-{_name(self.identity())}"

    def is_done(self, work: Path) -> bool:
        """Whether the policy is trained; its card is written last."""
        return (self.folder(work) / CARD_NAME).exists()


@dataclass(frozen=True)
class Evaluation:
    """A policy to evaluate in all places of a visit."""

    policy: Training
    question: Question
    visit: Visit

    def file(self, work: Path) -> Path:
        """The file of the result; the policy, the places and the sources of the evaluation are in its name."""
        towns = [_digest(self.visit.places[0]), sources_sha256("townlet.study.unseen.evaluating")]
        identity = [self.policy.identity(), self.policy.arm.sees_conflict, self.question, asdict(self.visit), towns]
        return work / f"{self.question}-{self.policy.arm.name}-{self.policy.seed}-{_name(identity)}.json"


@cache
def _digest(place: Place) -> str:
    """The configuration of a town: what the sources do not say, such as files that towns are drawn from, shows here."""
    return place.scenario().digest


def _name(identity: list[Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]
