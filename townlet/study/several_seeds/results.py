"""Results of a study of several seeds, ``seeds.json``: scores of every policy, statistics over seeds, and curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, JsonValue

from townlet.behavior.policy_file import load_policy
from townlet.config.base import Section
from townlet.config.validate import validated
from townlet.errors import InputError, RunError
from townlet.evaluation import POLICY, read_evaluation
from townlet.files.artefact_names import DIVERGENCE_NAME, EVALUATION_NAME, TRAINING_LOG_NAME
from townlet.files.storage import AnyPath, as_path, pretty_json, read_json
from townlet.metrics import CONFLICT_INTENSITY, REWARD
from townlet.statistics.over_seeds import curve, interquartile_mean, probability_of_improvement
from townlet.study.several_seeds.plan import SeedsPlan, folder_name
from townlet.telemetry import read_records
from townlet.telemetry.rates import conflict_intensity

#: Files of a study; the JSON is written last.
SEEDS_NAME, PAGE_NAME, PLOT_NAME = "seeds.json", "seeds.md", "seeds.png"
RESULT_NAMES = (SEEDS_NAME, PAGE_NAME, PLOT_NAME)
FORMAT, VERSION = "townlet-seeds", 1
#: Whose scores a training that diverged counts with: it leaves no policy, so one might as well draw actions by lot.
CHANCE = "random"

#: The content of ``seeds.json``.
SeedsResults = dict[str, Any]


class _Scenario(Section):
    name: str
    config_sha256: str


class _Worlds(Section):
    count: int
    seed: int
    ticks: int


class _Seed(Section):
    seed: int
    folder: str
    diverged: JsonValue
    policy_sha256: str | None
    scores: dict[str, float]


class _Results(Section):
    """The form of ``seeds.json``, but for what is computed from it."""

    model_config = ConfigDict(extra="ignore")

    scenario: _Scenario
    mode: str
    training: dict[str, JsonValue]
    worlds: _Worlds
    metrics: Annotated[dict[str, JsonValue], Field(min_length=1)]
    seeds: Annotated[list[_Seed], Field(min_length=1)]
    behaviors: dict[str, dict[str, float]]
    curves: dict[str, JsonValue]

    def all_scores(self) -> Iterator[tuple[str, Mapping[str, float]]]:
        """Everybody's scores, and where they stand."""
        yield from ((f"seeds.{row}.scores", each.scores) for row, each in enumerate(self.seeds))
        yield from ((f"behaviors.{name}", scores) for name, scores in self.behaviors.items())


def collect_results(plan: SeedsPlan) -> SeedsResults:
    """Read what the trainings of a plan left in their folders, and compute the statistics over seeds.

    Raises RunError if every training diverged, and InputError for a file that is damaged.
    """
    evaluations = {seed: _evaluation(plan, seed) for seed in plan.seeds}
    scored = {seed: found for seed, found in evaluations.items() if found is not None}
    if not scored:
        causes = "\n".join(f"seed {seed}: {_divergence(plan, seed)['message']}" for seed in plan.seeds)
        raise RunError(f"every training diverged, so there is nothing to score:\n{causes}")
    first = next(iter(scored.values()))
    behaviors = {name: _means(found) for name, found in first["behaviors"].items() if name != POLICY}
    seeds = [_of_seed(plan, seed, found, behaviors[CHANCE]) for seed, found in evaluations.items()]
    return {
        "format": FORMAT,
        "version": VERSION,
        "scenario": {"name": plan.scenario.name, "config_sha256": plan.scenario.digest},
        **_training(plan, next(iter(scored))),
        "worlds": {"count": plan.worlds, "seed": plan.world_seed, "ticks": plan.scenario.ticks},
        "metrics": first["metrics"],
        "seeds": seeds,
        "behaviors": behaviors,
        **statistics(seeds, behaviors),
        "curves": _curves(plan),
    }


def statistics(seeds: Sequence[Mapping[str, Any]], behaviors: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """The interquartile mean of every metric over seeds, and P(a policy earns more) beside each other behaviour."""
    metrics = seeds[0]["scores"]
    values = {name: np.array([each["scores"][name] for each in seeds]) for name in metrics}
    return {
        "interquartile_means": {name: interquartile_mean(own).as_json() for name, own in values.items()},
        "probability_of_improvement": {
            name: probability_of_improvement(values[REWARD], [means[REWARD]]).as_json()
            for name, means in behaviors.items()
        },
    }


def scenario_file(folder: Path, name: str) -> Path:
    """The place of the complete scenario, for later comparisons in the same town; a scenario has its file's name."""
    return folder / f"{name}.yaml"


def read_results(place: AnyPath) -> SeedsResults:
    """The results in a study's folder, or of its ``seeds.json``.

    Raises InputError for another file, and for one of another version.
    """
    path = as_path(place)
    path = path / SEEDS_NAME if path.is_dir() else path
    content = read_json(path, "the results of several seeds")
    for name, expected in (("format", FORMAT), ("version", VERSION)):
        if content.get(name) != expected:
            raise InputError.of(path, name, repr(content.get(name)), repr(expected))
    found = validated(content, _Results, path)
    for where, scores in found.all_scores():
        if odd := sorted(scores.keys() ^ found.metrics.keys()):
            raise InputError.of(path, where, f"other scores: {', '.join(odd)}", "one of each metric in metrics")
    return content


def as_file(results: SeedsResults) -> str:
    """The content of ``seeds.json``; equal results have equal bytes."""
    return pretty_json(results)


def _evaluation(plan: SeedsPlan, seed: int) -> dict[str, Any] | None:
    """The evaluation of a seed's policy; None if its training diverged."""
    file = plan.folder_of(seed) / EVALUATION_NAME
    return read_evaluation(file) if file.exists() else None


def _divergence(plan: SeedsPlan, seed: int) -> dict[str, Any]:
    """Where and why a training diverged: what does not depend on the time that anything took."""
    report = read_json(plan.folder_of(seed) / DIVERGENCE_NAME, "the diagnosis of a divergence")
    return {name: report.get(name) for name in ("message", "epoch", "minibatch", "term", "value", "cause")}


def _means(behavior: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {metric: interval["mean"] for metric, interval in behavior.items()}


def _of_seed(
    plan: SeedsPlan, seed: int, evaluation: Mapping[str, Any] | None, chance: Mapping[str, float]
) -> dict[str, Any]:
    if evaluation is None:
        return {
            "seed": seed,
            "folder": folder_name(seed),
            "diverged": _divergence(plan, seed),
            "policy_sha256": None,
            "scores": dict(chance),
        }
    return {
        "seed": seed,
        "folder": folder_name(seed),
        "diverged": None,
        "policy_sha256": evaluation["policy_sha256"],
        "scores": _means(evaluation["behaviors"][POLICY]),
    }


def _training(plan: SeedsPlan, seed: int) -> dict[str, Any]:
    """How all seeds were trained, from the card of one policy."""
    provenance = load_policy(plan.folder_of(seed))[1].provenance
    training = provenance["training"]
    assert isinstance(training, dict)
    return {
        "mode": provenance["mode"],
        "training": {name: value for name, value in training.items() if name != "seed"},
        "parents": provenance["parents"],
        "epochs": provenance["epochs"],
        "agent_steps": provenance["agent_steps"],
    }


def _curves(plan: SeedsPlan) -> dict[str, Any]:
    """The interquartile means of reward and conflict in every rollout that all seeds finished; nothing in mode replay.

    A seed lacks the rollouts in which nobody was in town, and those after it diverged.
    """
    logs = [_rollouts(plan.folder_of(seed) / TRAINING_LOG_NAME) for seed in plan.seeds]
    shared = sorted(set.intersection(*(set(log) for log in logs)))
    if not shared:
        return {}
    reward, conflict = np.array([[log[rollout] for rollout in shared] for log in logs]).transpose(2, 0, 1)
    return {
        "rollout": shared,
        REWARD: {**curve(reward).as_json(), "seeds": reward.tolist()},
        CONFLICT_INTENSITY: {**curve(conflict).as_json(), "seeds": conflict.tolist()},
    }


def _rollouts(log: Path) -> dict[int, tuple[float, float]]:
    """Reward and conflict intensity of each rollout: of its first epoch, since all of them learn from the same one."""
    found: dict[int, tuple[float, float]] = {}
    # A training that diverges in its first epoch leaves an empty log, which is none.
    for record in read_records(log) if log.exists() and log.stat().st_size else ():
        if record["data_mode"] != "replay":
            reward = float(record.get("fresh_reward_mean", record["reward_mean"]))
            found.setdefault(int(record["cycle_id"]), (reward, conflict_intensity(record)))
    return found
