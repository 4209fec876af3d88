"""Scores of all runs in the same unseen worlds: those on record where they fit, and new ones where they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior, ScriptedBehavior
from townlet.behavior.choose import choose_behavior
from townlet.config import Scenario
from townlet.errors import Fault, InputError
from townlet.evaluation import WORLDS, measure, require_options, unused_seed
from townlet.host.torch_settings import repeatable
from townlet.outcomes.groups import Values
from townlet.study.comparison.runs import Run, require_policies, town_differences
from townlet.study.several_seeds.results import CHANCE

#: Differences between towns that a refusal names.
_NAMED = 8

#: Called with the policies and behaviours that are scored, those to score in all, and the name of the present one.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Worlds:
    """The unseen worlds in which everybody is scored."""

    scenario: Scenario
    count: int
    seed: int
    recorded: bool
    """Whether all studies of several seeds were scored in them, so that their scores need not be computed again."""


@dataclass(frozen=True)
class Scores:
    """The scores of a run."""

    by_seed: dict[str, list[float]]
    """Per metric, the mean over worlds of each policy."""
    by_world: Mapping[str, NDArray[np.float64]] | None = None
    """Per metric, the value in each world, of a single policy."""


def shared_worlds(runs: Sequence[Run], scenario: Scenario | None, count: int | None, seed: int | None) -> Worlds:
    """The worlds in which these runs can be compared.

    Args:
        runs: at least two.
        scenario: the town to score everybody in; by default that of the runs of several seeds.
        count: worlds; by default those on record, or else 16.
        seed: of the worlds; by default the one on record, or else the first from 1,000,000 on that nobody trained with.

    Raises InputError for runs of different towns, for runs without any, and for unusable options.
    """
    studies = [run for run in runs if run.scenario is not None]
    if scenario is None:
        scenario = _town_of(studies)
    known = {(run.results["worlds"]["count"], run.results["worlds"]["seed"]) for run in studies}
    same_town = all(run.scenario is not None and not town_differences(scenario, run.scenario) for run in studies)
    if same_town and len(known) == 1:
        (recorded,) = known
        if count in (None, recorded[0]) and seed in (None, recorded[1]):
            _require_unseen([run for run in runs if not run.is_sample], scenario, recorded[1])
            return Worlds(scenario, *recorded, recorded=True)
    chosen = max((each for each, _ in known), default=WORLDS) if count is None else count
    require_options(chosen, seed)
    for run in runs:
        require_policies(run, "to score it again: the runs have not been scored in the same worlds")
    cards = [card for run in runs for card in run.cards()]
    found, _ = unused_seed(cards, scenario, seed)
    return Worlds(scenario, chosen, found, recorded=False)


def score_runs(
    runs: Sequence[Run], worlds: Worlds, progress: Progress
) -> tuple[list[Scores], dict[str, dict[str, float]]]:
    """The scores of every run, and the means of the other behaviours, all in the same worlds.

    Raises InputError for a policy that does not fit the town.
    """
    tasks = sum(0 if _on_record(run, worlds) else len(run.policies) for run in runs)
    study = next((run for run in runs if _on_record(run, worlds)), None)
    others = {} if study is not None else _other_behaviors(worlds.scenario)
    done = 0

    def tell(name: str) -> None:
        nonlocal done
        progress(done, tasks + len(others), name)
        done += 1

    behaviors: dict[str, dict[str, float]] = {}
    if study is not None:
        behaviors = {name: dict(means) for name, means in study.results["behaviors"].items()}
    for name, who in others.items():
        tell(name)
        with repeatable(worlds.scenario.training.threads):
            behaviors[name] = _means(measure(who, worlds.scenario, worlds=worlds.count, seed=worlds.seed))
    found = [_scores(run, worlds, behaviors[CHANCE], tell) for run in runs]
    progress(tasks + len(others), tasks + len(others), "")
    return found, behaviors


def _town_of(studies: Sequence[Run]) -> Scenario:
    """The town of all these runs. Raises InputError if they have none, or different ones."""
    if not studies:
        expected = "--scenario: none of these runs holds the town that it was scored in"
        raise InputError.of("options", "--scenario", "nothing", expected)
    first, faults = studies[0], []
    assert first.scenario is not None
    for run in studies[1:]:
        assert run.scenario is not None
        differences = town_differences(run.scenario, first.scenario)
        faults += [Fault(run.name, key, mine, f"{theirs}, as in {first.name}") for key, mine, theirs in differences]
    if faults:
        more = [Fault("runs", "", f"{len(faults)} such differences", "one town")] if len(faults) > _NAMED else []
        advice = Fault(
            "runs", "", "different towns", "the same one, or --scenario FILE.yaml, in which to score everybody again"
        )
        raise InputError([advice, *faults[:_NAMED], *more])
    return first.scenario


def _require_unseen(runs: Sequence[Run], scenario: Scenario, seed: int) -> None:
    """Raise InputError if a policy was trained with the seed of the worlds."""
    unused_seed([card for run in runs for card in run.cards()], scenario, seed)


def _on_record(run: Run, worlds: Worlds) -> bool:
    return worlds.recorded and run.is_sample


def _other_behaviors(scenario: Scenario) -> dict[str, Behavior]:
    scripted: dict[str, Behavior] = {"scripted": ScriptedBehavior(scenario)} if scenario.schedule else {}
    return {**scripted, "heuristic": HeuristicBehavior(), CHANCE: RandomBehavior()}


def _scores(run: Run, worlds: Worlds, chance: Mapping[str, float], tell: Callable[[str], None]) -> Scores:
    if _on_record(run, worlds):
        rows = [each["scores"] for each in run.results["seeds"]]
        return Scores({name: [float(row[name]) for row in rows] for name in rows[0]})
    every: list[Mapping[str, float]] = []
    last: Values | None = None
    for place in run.policies:
        tell(run.name)
        if place is None:
            every.append(chance)
            continue
        acting = choose_behavior(worlds.scenario, None, place)
        with repeatable(worlds.scenario.training.threads):
            last = measure(acting.behavior, acting.scenario, worlds=worlds.count, seed=worlds.seed)
        every.append(_means(last))
    by_seed = {name: [float(row[name]) for row in every] for name in every[0]}
    return Scores(by_seed, None if run.is_sample else last)


def _means(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(each.mean()) for name, each in values.items()}
