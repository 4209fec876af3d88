"""Options of a sweep, and its plan: everything that its results depend on, except for its length."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from townlet.config import Scenario
from townlet.config.settings import read_settings, with_settings
from townlet.errors import Fault, InputError, nearest_name
from townlet.evaluation import EVALUATION_METRICS, MOST_WORLDS, held_out_seed
from townlet.files.storage import pretty_json, read_json, write_atomically
from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, METRICS, REWARD, Metric
from townlet.sources import sources_sha256
from townlet.sweep.space import Space

Sampler = Literal["tpe", "random", "grid"]
Pruner = Literal["median", "hyperband", "none"]

#: Parts of a training after which it may be pruned.
STEPS = 10
#: Metrics that the log of a training has too; only by these can a trial be pruned.
PRUNED_BY = (REWARD, CONFLICT_INTENSITY, COMPLETED_USES)
PLAN_NAME = "plan.json"
#: Most trials, seeds per trial, seeds of the confirmation, and processes.
MOST = {"--trials": 10_000, "--seeds-per-trial": 1000, "--confirm": 1000, "--jobs": 256}


@dataclass(frozen=True)
class SweepOptions:
    """Options of a sweep."""

    output: Path
    """Folder of the sweep; the same sweep goes on there."""
    trials: int = 32
    """Finished trials in all, also those that were pruned or failed."""
    seeds_per_trial: int = 2
    """Trainings of a trial, with seeds that all trials share."""
    metric: str = REWARD
    """The score: a metric of evaluations."""
    sampler: Sampler = "tpe"
    pruner: Pruner | None = None
    """By default ``median``, or ``none`` if the training log lacks the metric."""
    jobs: int = 1
    """Trainings at a time, each in a process of its own."""
    seed: int = 0
    """Seed of the sampler; the first seed of the trainings, too."""
    worlds: int = 64
    """Unseen worlds in which each policy is scored."""
    confirm: int = 10
    """Fresh seeds with which the best settings and the scenario's own are compared in the end; 0 for none."""

    @property
    def measured(self) -> Metric:
        """The metric of the score."""
        return METRICS[self.metric]

    @property
    def sign(self) -> float:
        """1 if more of the metric is better, else -1."""
        return 1.0 if self.measured.more_is_better else -1.0

    @property
    def pruned_by(self) -> Pruner:
        """The pruner in use."""
        return self.pruner or ("median" if self.metric in PRUNED_BY else "none")

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of every trial's trainings."""
        return tuple(range(self.seed, self.seed + self.seeds_per_trial))

    @property
    def fresh_seeds(self) -> tuple[int, ...]:
        """The seeds of the confirmation, which no trial has."""
        first = self.seed + self.seeds_per_trial
        return tuple(range(first, first + self.confirm))

    @property
    def lag(self) -> int:
        """Trial N is drawn once trials up to N - ``lag`` are finished, and from their results alone.

        So results depend on the number of processes, but not on which of them is faster.
        """
        return 1 if self.jobs == 1 else 2 * self.jobs

    def world_seeds(self, scenario: Scenario) -> tuple[int, int]:
        """The seeds of the worlds in which trials are scored, and of those of the confirmation."""
        used = {*self.seeds, *self.fresh_seeds, scenario.seed, scenario.training.seed}
        first = held_out_seed(used)
        return first, held_out_seed({*used, first})

    def require_usable(self) -> None:
        """Raise InputError for every option that is out of range, unknown, or fits no other."""
        faults = [Fault("options", *fault) for fault in self._faults()]
        if faults:
            raise InputError(faults)

    def _faults(self) -> list[tuple[str, str, str]]:
        faults: list[tuple[str, str, str]] = []
        for option, number, least in (
            ("--trials", self.trials, 1),
            ("--seeds-per-trial", self.seeds_per_trial, 1),
            ("--jobs", self.jobs, 1),
            ("--confirm", self.confirm, 0),
        ):
            if not least <= number <= MOST[option]:
                faults.append((option, str(number), f"a number from {least} to {MOST[option]:,}"))
        if self.confirm == 1:
            faults.append(("--confirm", "1", "0, or at least 2: an interval needs a spread"))
        if not 2 <= self.worlds <= MOST_WORLDS:
            faults.append(("--worlds", str(self.worlds), f"a number from 2 to {MOST_WORLDS:,}"))
        if self.seed < 0:
            faults.append(("--seed", str(self.seed), "a whole number from 0 on"))
        known = [name for name in EVALUATION_METRICS if METRICS[name].more_is_better is not None]
        if self.metric not in known:
            faults.append(("--metric", repr(self.metric), nearest_name(self.metric, known)))
        elif self.pruner not in (None, "none") and self.metric not in PRUNED_BY:
            expected = f"none with --metric {self.metric}: the log of a training has only {', '.join(PRUNED_BY)}"
            faults.append(("--pruner", str(self.pruner), expected))
        for option, name, kind in (("--sampler", self.sampler, Sampler), ("--pruner", self.pruner or "none", Pruner)):
            if name not in get_args(kind):
                faults.append((option, repr(name), nearest_name(name, get_args(kind))))
        return faults


def fixed_scenario(scenario: Scenario, space: Space, settings: Sequence[str]) -> Scenario:
    """The scenario with what is fixed for all trials.

    Raises InputError for a bad setting, and for one that the space varies.
    """
    varied = {each.where: each.key for each in read_settings({key: [] for key in space.settings}, space.source)}
    for each in read_settings(settings, "--set"):
        if each.where == ("training", "seed"):
            raise InputError.of("--set", each.key, "a seed", "--seed: a sweep gives each training its own")
        if each.where in varied:
            raise InputError.of("--set", each.key, "a fixed value", f"a key that {space.source} does not vary")
    return with_settings(scenario, settings)


def plan_of(scenario: Scenario, space: Space, options: SweepOptions) -> dict[str, Any]:
    """What must stay the same while a sweep goes on, as JSON values."""
    return {
        "format": "townlet-sweep-plan",
        "version": 1,
        "scenario": {"name": scenario.name, "config_sha256": scenario.digest},
        "space": space.as_json(),
        "metric": options.metric,
        "sampler": options.sampler,
        "pruner": options.pruned_by,
        "seeds": list(options.seeds),
        "worlds": options.worlds,
        "world_seed": options.world_seeds(scenario)[0],
        "code": code(),
    }


def code() -> dict[str, str]:
    """The part of a plan about the code: our own, and the libraries that draw, prune and compute."""
    versions = {name: importlib.metadata.version(name) for name in ("optuna", "torch", "numpy", "numba")}
    return {"sha256": sources_sha256("townlet.sweep.run", "townlet.sweep.work"), **versions}


def require_plan(folder: Path, plan: dict[str, Any]) -> None:
    """Write a new sweep's plan into its folder.

    Raises InputError, with nothing changed, if another sweep is there.
    """
    path = folder / PLAN_NAME
    if not path.exists():
        write_atomically(path, pretty_json(plan))
        return
    there = read_json(path, "the plan of a sweep")
    for name, value in plan.items():
        if there.get(name) != value:
            expected = f"{there.get(name)}, as the sweep in this folder has; or another --output"
            raise InputError.of(path, name, str(value), expected)
