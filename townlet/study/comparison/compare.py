"""Comparison of runs: scores in the same unseen worlds, statistics over seeds, and a sentence on who earns more."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from townlet.config import Scenario
from townlet.metrics import METRICS, REWARD, Metric
from townlet.statistics.intervals import interval_as_json
from townlet.statistics.over_seeds import interquartile_mean, probability_of_improvement, rank_test
from townlet.study.comparison.runs import Run, find_runs, training_differences
from townlet.study.comparison.scores import Progress, Scores, score_runs, shared_worlds
from townlet.study.comparison.verdict import verdict

FORMAT, VERSION = "townlet-comparison", 1


def compare(
    names: Sequence[str],
    *,
    scenario: Scenario | None = None,
    worlds: int | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare runs in the same unseen worlds.

    Studies of several seeds that were scored in the same worlds are compared by the scores on record; all other
    policies are scored, or scored again, where they can be.

    Args:
        names: at least two: folders of ``townlet train --seeds``, folders of single trainings, and names of policies.
        scenario: the town to score everybody in; by default that of the studies of several seeds.
        worlds: unseen worlds; by default those on record, or else 16.
        seed: of the worlds; by default the one on record, or else the first from 1,000,000 on that nobody trained with.
        progress: called as policies are scored.

    Returns an object for :func:`townlet.study.comparison.report.write_comparison`.

    Raises InputError for runs that cannot be compared, naming what differs, and for unusable options.
    """
    runs = find_runs(names)
    shared = shared_worlds(runs, scenario, worlds, seed)
    scores, behaviors = score_runs(runs, shared, progress or (lambda done, total, name: None))
    metrics = [name for name in scores[0].by_seed if all(name in each.by_seed for each in scores)]
    pairs = [_pair(runs, scores, one, other) for one, other in combinations(range(len(runs)), 2)]
    described = [_run(run, own, metrics) for run, own in zip(runs, scores, strict=True)]
    return {
        "format": FORMAT,
        "version": VERSION,
        "scenario": {"name": shared.scenario.name, "config_sha256": shared.scenario.digest},
        "worlds": {"count": shared.count, "seed": shared.seed, "ticks": shared.scenario.ticks},
        "scored_again": not shared.recorded,
        "metrics": {
            name: {
                "label": METRICS[name].label,
                "unit": METRICS[name].unit,
                "more_is_better": METRICS[name].more_is_better,
            }
            for name in metrics
        },
        "runs": described,
        "behaviors": {who: {name: means[name] for name in metrics} for who, means in behaviors.items()},
        "training_differs_in": training_differences(runs),
        "pairs": pairs,
        "verdict": verdict(described, pairs),
    }


def _about(metric: Metric) -> dict[str, Any]:
    return {"label": metric.label, "unit": metric.unit, "more_is_better": metric.more_is_better}


def _run(run: Run, scores: Scores, metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "name": run.name,
        "kind": "seeds" if run.is_sample else "policy",
        "seeds": len(run.policies),
        "diverged": run.policies.count(None),
        "interquartile_means": {name: interquartile_mean(scores.by_seed[name]).as_json() for name in metrics},
        "scores": {name: scores.by_seed[name] for name in metrics},
        "curves": run.results.get("curves", {}),
    }


def _pair(runs: Sequence[Run], scores: Sequence[Scores], one: int, other: int) -> dict[str, Any]:
    """How the later run of a pair does beside the earlier one, by the reward."""
    x, y = scores[other].by_seed[REWARD], scores[one].by_seed[REWARD]
    pair: dict[str, Any] = {
        "of": runs[other].name,
        "over": runs[one].name,
        "probability_of_improvement": probability_of_improvement(x, y).as_json(),
        "p_value": rank_test(x, y),
    }
    ours, theirs = scores[other].by_world, scores[one].by_world
    if ours is not None and theirs is not None:
        # Two fixed policies in the same worlds: what differs from world to world is all that there is to chance.
        pair["difference_over_worlds"] = interval_as_json(ours[REWARD] - theirs[REWARD])
    return pair
