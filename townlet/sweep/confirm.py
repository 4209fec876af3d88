"""Confirmation: the best settings beside the scenario's own, with fresh seeds, in worlds that no trial saw.

The best of many trials owes part of its score to luck, so the score that made it the best says too much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from townlet.config import Scenario
from townlet.config.settings import with_settings
from townlet.errors import RunError
from townlet.files.storage import pretty_json, read_json, write_atomically
from townlet.statistics.over_seeds import Estimate, interquartile_mean, probability_of_improvement, rank_test
from townlet.sweep.options import SweepOptions
from townlet.sweep.records import TrialRecord, trial_folder
from townlet.sweep.tasks import Outcome, Task

DEFAULT = "default"
#: Largest p-value of the rank test at which one may say "better": bootstrap intervals of few seeds are too narrow.
LEVEL = 0.05
_SCORE_NAME = "score.json"


@dataclass(frozen=True)
class Confirmation:
    """Scores of the best settings and of the scenario's own; of the latter alone if they are the same."""

    options: SweepOptions
    world_seed: int
    best: tuple[float, ...]
    default: tuple[float, ...]

    @property
    def improvement(self) -> Estimate:
        """Probability that a training by the best settings has a better score than one by the scenario's own."""
        sign = self.options.sign
        return probability_of_improvement(sign * np.array(self.best), sign * np.array(self.default))

    @property
    def better(self) -> bool:
        """Whether the intervals of the two lie apart, the best settings' on the better side, and a rank test agrees."""
        (low, high), (own_low, own_high) = (_bounds(scores) for scores in (self.best, self.default))
        apart = low > own_high if self.options.sign > 0 else high < own_low
        return apart and rank_test(self.best, self.default) < LEVEL

    def as_json(self) -> dict[str, Any]:
        """All figures as plain values."""
        arms = {"best": self.best, DEFAULT: self.default}
        return {
            "seeds": list(self.options.fresh_seeds),
            "worlds": self.options.worlds,
            "world_seed": self.world_seed,
            **{name: {"scores": list(scores), **interquartile_mean(scores).as_json()} for name, scores in arms.items()},
            "probability_of_improvement": self.improvement.as_json(),
            "better": self.better,
        }


def _bounds(scores: tuple[float, ...]) -> tuple[float, float]:
    estimate = interquartile_mean(scores)
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


class Confirming:
    """The trainings of a confirmation in a sweep's folder, whose lock the caller holds."""

    def __init__(self, scenario: Scenario, best: TrialRecord, options: SweepOptions, tell: Callable[[], None]) -> None:
        self._scenario, self._options, self._tell = scenario, options, tell
        self._root = Path(options.output) / "confirm"
        self._best = trial_folder(self._root, best.number).name
        self.arms: dict[str, Mapping[str, JsonValue]] = {self._best: best.settings, DEFAULT: {}}
        self._world_seed = options.world_seeds(scenario)[1]
        self.scores: dict[str, dict[int, float]] = {arm: {} for arm in self.arms}
        self._left: list[tuple[str, int]] = []
        # Arm by arm within a seed, so that what is there can be compared at any time.
        for seed in options.fresh_seeds:
            for arm in self.arms:
                score = self._stored(arm, seed)
                if score is None:
                    self._left.append((arm, seed))
                else:
                    self.scores[arm][seed] = score

    @property
    def done_so_far(self) -> int:
        """Number of trainings that have a score."""
        return sum(len(scores) for scores in self.scores.values())

    @property
    def confirmation(self) -> Confirmation:
        """The result, once all is done."""
        seeds, scores = self._options.fresh_seeds, self.scores
        best, default = (tuple(scores[arm][seed] for seed in seeds) for arm in (self._best, DEFAULT))
        return Confirmation(self._options, self._world_seed, best, default)

    def next_task(self) -> Task | None:
        """The task of the next training."""
        if not self._left:
            return None
        arm, seed = self._left.pop(0)
        options = self._options
        return Task(
            name=f"{arm}/{seed}",
            scenario=with_settings(self._scenario, self.arms[arm], arm),
            town=self._scenario,
            folder=self._root / arm,
            seeds=(seed,),
            metric=options.metric,
            worlds=options.worlds,
            world_seed=self._world_seed,
            reports=False,
        )

    def done(self, task: Task, outcome: Outcome) -> None:
        """Record a score. Raises RunError if there is none."""
        arm, _, seed = task.name.partition("/")
        if outcome.state != "complete":
            raise RunError(
                f"the confirmation cannot be finished: {arm} with seed {seed}: {outcome.reason}; the same command with "
                "--confirm 0 writes the results of the trials"
            )
        self.scores[arm][int(seed)] = outcome.scores[0]
        content = {"metric": task.metric, "world_seed": task.world_seed, "value": outcome.scores[0]}
        write_atomically(self._root / arm / f"seed-{seed}" / _SCORE_NAME, pretty_json(content))
        self._tell()

    def _stored(self, arm: str, seed: int) -> float | None:
        path = self._root / arm / f"seed-{seed}" / _SCORE_NAME
        if not path.exists():
            return None
        content = read_json(path, "the score of a training")
        same = content.get("metric") == self._options.metric and content.get("world_seed") == self._world_seed
        value = content.get("value")
        return float(value) if same and isinstance(value, int | float) else None
