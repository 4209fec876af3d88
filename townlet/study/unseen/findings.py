"""Findings of the study: the scores of every arm, seed and town, by question."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.files.storage import read_json, require_field
from townlet.study.unseen.evaluating import UNSEEN_METRICS
from townlet.study.unseen.places import Question
from townlet.study.unseen.settings import Settings

#: By metric: float64 [S, K], one row per training seed and one column per town; a script has one row. NaN where a town
#: lacks what is measured.
Scores = dict[str, NDArray[np.float64]]
#: A town has scarce showers if its people need more than this share of the showers' time.
SCARCE = 0.6


@dataclass(frozen=True)
class TownFacts:
    """Facts about a town."""

    number: int
    people: int
    showers: int
    shower_demand: float
    """Share of the showers' time that the people need."""

    @property
    def is_scarce(self) -> bool:
        """Whether showers are scarce."""
        return self.shower_demand > SCARCE


@dataclass(frozen=True)
class Answer:
    """All scores of one question."""

    towns: tuple[TownFacts, ...]
    arms: dict[str, Scores]

    def scarce(self) -> NDArray[np.bool_]:
        """bool [K]: whether showers are scarce in a town."""
        return np.array([town.is_scarce for town in self.towns], np.bool_)


@dataclass(frozen=True)
class Findings:
    """All scores, and the policies they are about."""

    settings: Settings
    answers: dict[Question, Answer]
    policies: dict[str, dict[int, Path]]
    """Folder of each trained policy, by arm and seed."""


def answer_of(files: dict[str, list[Path]]) -> Answer:
    """The answer to a question from the files of its evaluations, by arm, one for each seed."""
    towns: tuple[TownFacts, ...] = ()
    arms: dict[str, Scores] = {}
    for arm, paths in files.items():
        found = [_towns_in(path) for path in paths]
        arms[arm] = {
            name: np.array([[town["metrics"].get(name, np.nan) for town in each] for each in found], np.float64)
            for name in UNSEEN_METRICS
        }
        towns = tuple(
            TownFacts(town["number"], town["people"], town["showers"], town["shower_demand"]) for town in found[0]
        )
    return Answer(towns, arms)


def _towns_in(path: Path) -> list[dict[str, Any]]:
    towns: list[dict[str, Any]] = require_field(read_json(path, "an evaluation"), "towns", path, "its towns", list)
    return towns
