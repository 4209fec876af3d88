"""Judging a policy: fresh worlds that no training has seen, beside other behaviours in the very same worlds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior, ScriptedBehavior
from townlet.capture.metrics import capture_metrics
from townlet.config import Scenario
from townlet.errors import InputError
from townlet.files.storage import AnyPath, pretty_json, write_atomically
from townlet.host.torch_settings import repeatable
from townlet.rollout import aligned_zeros
from townlet.simulation import telemetry_totals
from townlet.statistics.intervals import student_interval
from townlet.world import CONFLICT_KINDS, Town
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

Values = dict[str, NDArray[np.float64]]

#: Worlds in which everybody is judged unless told otherwise, and how many are simulated side by side.
WORLDS, BATCH = 16, 64
#: As many as a capture may have.
MOST_WORLDS = 65536
#: Where the search for a seed begins that no training has used.
FIRST_SEED = 1_000_000
#: How the policy itself is called in results.
POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured in one world: its unit, whether more of it is better, and how it follows from the metrics that
    captures report too."""

    unit: str
    more_is_better: bool
    of: Callable[[Mapping[str, Any]], float]


def _per_1000(*kinds: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda m: 1000.0 * sum(m["events"][kind] for kind in kinds) / max(m["agent_steps"], 1)


def _mean_of_people(name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda m: float(np.mean([person[name] for person in m["people"].values()]))


METRICS: dict[str, Metric] = {
    "reward_mean": Metric("per agent-step", True, lambda m: float(m["baseline"]["reward_mean"])),
    "conflict_intensity": Metric(
        "per 1,000 agent-steps", False, lambda m: float(m["total"]["queue_conflict_intensity_per_1000_agent_steps"])
    ),
    "conflicts": Metric("per 1,000 agent-steps", False, _per_1000(*CONFLICT_KINDS)),
    "needs": Metric("mean level, 1 is satisfied", True, _mean_of_people("needs_mean")),
    "uses": Metric("completed per 1,000 agent-steps", True, _per_1000("use_completed")),
    "waiting": Metric("ticks in a queue per person", False, _mean_of_people("waiting_ticks")),
    "rivalry": Metric("strongest grudge held, mean", False, _mean_of_people("rivalry_max_mean")),
    "lateness": Metric("late or missed shifts per 1,000 agent-steps", False, _per_1000("late_arrival", "absence")),
    "faints": Metric("per 1,000 agent-steps", False, _per_1000("faint")),
}


def evaluate(
    policy: AnyPath,
    scenario: Scenario,
    *,
    worlds: int = WORLDS,
    seed: int | None = None,
    trained_with: Collection[int] = (),
    greedy: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Judge a policy, the heuristic, chance and, where there is one, the schedule by one episode in each world.

    All meet the same worlds of the same seed (common random numbers), so that differences are taken world by world.

    Args:
        policy: folder or file of the policy; its observations and actions must be the scenario's.
        worlds: number of worlds, at least 2.
        seed: of the worlds; by default the first from 1,000,000 on that was not trained with. One that the policy's
            card, the scenario or ``trained_with`` names is refused.
        greedy: the policy takes its most probable action instead of drawing one.
        progress: called with the episodes done, those in all, and the name of the behaviour.

    Returns an object for :func:`write_evaluation`: per behaviour and metric the mean over worlds with its 95 %
    interval (Student's t), the same of the differences between the policy and each other behaviour, and the values of
    each world.

    Raises InputError for unusable options or a policy that is not whole or not for this town.
    """
    from townlet.behavior.neural import NeuralBehavior
    from townlet.behavior.policy_file import load_policy

    if worlds < 2:
        raise InputError.of("options", "--worlds", str(worlds), "at least 2: an interval needs a spread")
    if worlds > MOST_WORLDS:
        raise InputError.of("options", "--worlds", str(worlds), f"at most {MOST_WORLDS}")
    for option, given in (("--seed", [] if seed is None else [seed]), ("--trained-with", trained_with)):
        for number in given:
            if number < 0:
                raise InputError.of("options", option, str(number), "a whole number from 0 on")
    network, card = load_policy(
        policy, observation=observation_schema_of(scenario), actions=action_names(scenario.object_types)
    )
    used = {*trained_with, scenario.seed, scenario.training.seed, int(str(card.provenance.get("seed", 0)))}
    chosen = held_out_seed(used) if seed is None else seed
    if chosen in used:
        raise InputError.of("options", "--seed", str(chosen), "a seed that the policy was not trained with")
    behaviors: dict[str, Behavior] = {POLICY: NeuralBehavior(network, greedy=greedy)}
    if scenario.schedule:
        behaviors["scripted"] = ScriptedBehavior(scenario)
    behaviors |= {"heuristic": HeuristicBehavior(), "random": RandomBehavior()}
    values: dict[str, Values] = {}
    for index, (name, behavior) in enumerate(behaviors.items()):
        if progress:
            progress(index * worlds, len(behaviors) * worlds, name)
        with repeatable(scenario.training.threads):
            values[name] = measure(behavior, scenario, worlds=worlds, seed=chosen)
    return {
        "format": "townlet-evaluation",
        "version": 1,
        "scenario": {"name": scenario.name, "config_sha256": scenario.digest},
        "policy_sha256": card.sha256,
        "greedy": greedy,
        "seed": chosen,
        "seeds_trained_with": sorted(used),
        "worlds": worlds,
        "ticks": scenario.ticks,
        "metrics": {name: {"unit": m.unit, "more_is_better": m.more_is_better} for name, m in METRICS.items()},
        "behaviors": {name: {metric: interval(v) for metric, v in own.items()} for name, own in values.items()},
        "policy_minus": {
            name: {metric: interval(values[POLICY][metric] - own[metric]) for metric in METRICS}
            for name, own in values.items()
            if name != POLICY
        },
        "values": {name: {metric: v.tolist() for metric, v in own.items()} for name, own in values.items()},
    }


def held_out_seed(used: Collection[int]) -> int:
    """The first seed from 1,000,000 on that is not among those used."""
    seed = FIRST_SEED
    while seed in used:
        seed += 1
    return seed


def measure(behavior: Behavior, scenario: Scenario, *, worlds: int, seed: int) -> Values:
    """The metrics of the first episode of each world under a behaviour, each float64 [W].

    Worlds are simulated in batches; a world's history does not depend on the others.
    """
    found: dict[str, list[float]] = {name: [] for name in METRICS}
    for first in range(0, worlds, BATCH):
        town = Town(scenario, worlds=min(BATCH, worlds - first), seed=seed, first_world=first)
        town.reset_tallies()
        action = aligned_zeros(town.alive.shape, np.int32)
        log_prob, value = aligned_zeros(action.shape, np.float32), aligned_zeros(action.shape, np.float32)
        for _ in range(scenario.ticks):
            behavior.act(town, action, log_prob, value)
            town.step(action)
        for world in range(town.worlds):
            metrics = _metrics_of(town, world)
            for name, metric in METRICS.items():
                found[name].append(metric.of(metrics))
    return {name: np.array(values) for name, values in found.items()}


def _metrics_of(town: Town, world: int) -> dict[str, Any]:
    """One world's metrics as a capture of it alone would report them."""
    tally, counter = town.state.tally[world : world + 1], town.state.counter[world : world + 1]
    return capture_metrics(town.people, tally, counter, telemetry_totals(tally, counter), 0.0, True)


def interval(values: NDArray[np.float64]) -> dict[str, float]:
    """Mean of independent values, float64 [N], N at least 2, with its 95 % interval by Student's t, as JSON."""
    mean, low, high = student_interval(values)
    return {"mean": mean, "low": low, "high": high}


def write_evaluation(result: Mapping[str, Any], output: AnyPath) -> str:
    """Write an evaluation as JSON; return its SHA-256. Equal evaluations give equal bytes."""
    return write_atomically(output, pretty_json(result))
