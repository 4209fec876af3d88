"""Evaluation of a policy in unseen worlds, and of other behaviours in the very same worlds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from townlet.baselines.world_metrics import rollout_metrics
from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior, ScriptedBehavior
from townlet.behavior.choose import Acting, Choice, choose_behavior
from townlet.capture.manifest import BehaviorEntry
from townlet.capture.sample_metrics import capture_metrics
from townlet.config import Scenario
from townlet.errors import InputError
from townlet.files.storage import AnyPath, pretty_json, read_json, write_atomically
from townlet.group_scores import Company
from townlet.host.torch_settings import repeatable
from townlet.metrics import (
    ATTENDANCE,
    COMPLETED_USES,
    CONFLICT_INTENSITY,
    CONFLICT_PER_USE,
    FAINTS,
    NEEDS_OF_RESIDENTS,
    REWARD,
    RIVALRY,
    per_1000_agent_steps,
)
from townlet.outcomes import OutcomeRecorder, record_outcomes
from townlet.outcomes.groups import Values
from townlet.outcomes.uses import metric_named, metric_of_uses, own_affordances
from townlet.simulation import telemetry_totals
from townlet.statistics.intervals import interval_as_json
from townlet.world import Town

if TYPE_CHECKING:
    from townlet.behavior.policy_file import PolicyCard

#: Worlds of an evaluation by default, and how many are simulated side by side.
WORLDS, BATCH = 16, 64
#: As many as a capture may have.
MOST_WORLDS = 65536
#: Where the search for an unused seed begins.
FIRST_SEED = 1_000_000
#: Name of the policy among the behaviours.
POLICY = "policy"
#: Version of ``evaluation.json``; since 3, it has the outcomes that apply to the town.
VERSION = 3

#: Names of the metrics of one world; :data:`townlet.metrics.METRICS` has the rest. An evaluation has those that apply,
#: and the completed uses of affordances of one's own.
EVALUATION_METRICS = (
    REWARD,
    CONFLICT_INTENSITY,
    CONFLICT_PER_USE,
    "queue_conflict_events_per_1000",
    "needs_mean",
    NEEDS_OF_RESIDENTS,
    COMPLETED_USES,
    "waiting_ticks",
    "queueing_p95",
    RIVALRY,
    FAINTS,
    ATTENDANCE,
    "late_or_missed_shifts_per_1000",
    "wages",
    "utilisation",
    "fairness",
)


def evaluate(
    policy: AnyPath | None,
    scenario: Scenario,
    *,
    behavior: Acting | None = None,
    worlds: int = WORLDS,
    seed: int | None = None,
    trained_with: Collection[int] = (),
    greedy: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Evaluate a policy, the heuristic, chance and, where there is one, the schedule by one episode in each world.

    All meet the same worlds of the same seed (common random numbers), so that differences are taken world by world.

    Args:
        policy: folder, file or name of the policy, which must know the town's types of object. If it brings other
            observation options than the scenario's, it acts with these, and the result has them as ``observations``.
            None with ``behavior``.
        scenario: the town.
        behavior: a behaviour to evaluate in place of a policy, as :func:`townlet.behavior.choose.choose_behavior` takes
            it, such as ``package.module:factory``.
        worlds: number of worlds, at least 2.
        seed: of the worlds; by default the first from 1,000,000 on that was not trained with. One that the policy's
            card, the scenario or ``trained_with`` names is refused.
        trained_with: further seeds that data for the training came from.
        greedy: whether the policy takes its most probable action instead of drawing one.
        progress: called with the episodes done, those in all, and the name of the behaviour.

    Returns an object for :func:`write_evaluation`: per behaviour and metric the mean over worlds with its 95 %
    interval (Student's t), the same of the differences between the policy and each other behaviour, and the values of
    each world. Of mixed company also ``groups``, see :meth:`townlet.group_scores.Company.scores`.

    Raises InputError for unusable options, and for a policy that is damaged or of another town.
    """
    require_options(worlds, seed, trained_with)
    acting = _acting(policy, behavior, scenario, greedy)
    chosen, used = unused_seed(acting.cards, scenario, seed, trained_with)
    values, groups = _play(acting, scenario, worlds, chosen, progress)
    return {
        "format": "townlet-evaluation",
        "version": VERSION,
        "scenario": {"name": scenario.name, "config_sha256": scenario.digest, **_settings(scenario)},
        **_identity(acting, scenario),
        "greedy": greedy,
        "seed": chosen,
        "seeds_trained_with": sorted(used),
        "worlds": worlds,
        "ticks": scenario.ticks,
        **_summary(values),
        **({"groups": groups} if groups else {}),
    }


def _settings(scenario: Scenario) -> dict[str, Any]:
    return {"settings": dict(scenario.settings)} if scenario.settings else {}


def _play(
    acting: Choice,
    scenario: Scenario,
    worlds: int,
    seed: int,
    progress: Callable[[int, int, str], None] | None,
) -> tuple[dict[str, Values], dict[str, Any]]:
    """The values of every behaviour by name, and the scores of the groups of mixed company, if it acts."""
    behaviors, company = _behaviors(acting.behavior, scenario), Company.of(acting.behavior, acting.scenario, scenario)
    own = len(behaviors) * worlds
    episodes = own + (company.runs * worlds if company else 0)
    tell = progress or (lambda done, total, name: None)
    values: dict[str, Values] = {}
    for index, (name, who) in enumerate(behaviors.items()):
        tell(index * worlds, episodes, name)
        with repeatable(scenario.training.threads):
            town = acting.scenario if name == POLICY else scenario
            values[name] = measure(who, town, worlds=worlds, seed=seed)
    groups = company.scores(worlds, seed, lambda done, name: tell(own + done, episodes, name)) if company else {}
    return values, groups


def unused_seed(
    cards: Iterable[PolicyCard], scenario: Scenario, seed: int | None, trained_with: Collection[int] = ()
) -> tuple[int, set[int]]:
    """The seed of the worlds, and the seeds that the trainings of these policies are known to have used.

    Raises InputError for a ``seed`` that is one of them.
    """
    used = {*trained_with, scenario.seed, scenario.training.seed}
    used |= {int(str(card.provenance.get("seed", 0))) for card in cards}
    chosen = held_out_seed(used) if seed is None else seed
    if chosen in used:
        raise InputError.of("options", "--seed", str(chosen), "a seed that the policy was not trained with")
    return chosen, used


def require_options(worlds: int, seed: int | None, trained_with: Collection[int] = ()) -> None:
    """Raise InputError unless an evaluation can have so many worlds, and these seeds."""
    if worlds < 2:
        raise InputError.of("options", "--worlds", str(worlds), "at least 2: an interval needs a spread")
    if worlds > MOST_WORLDS:
        raise InputError.of("options", "--worlds", str(worlds), f"at most {MOST_WORLDS}")
    for option, given in (("--seed", [] if seed is None else [seed]), ("--trained-with", trained_with)):
        for number in given:
            if number < 0:
                raise InputError.of("options", option, str(number), "a whole number from 0 on")


def held_out_seed(used: Collection[int]) -> int:
    """The first seed from 1,000,000 on that is not among those used."""
    seed = FIRST_SEED
    while seed in used:
        seed += 1
    return seed


def _acting(policy: AnyPath | None, behavior: Acting | None, scenario: Scenario, greedy: bool) -> Choice:
    """Who is evaluated, and in which town."""
    if (policy is None) == (behavior is None):
        found = "neither" if policy is None else "both"
        raise InputError.of("options", "policy, --behavior", found, "one of them")
    return choose_behavior(scenario, behavior, policy, greedy=greedy)


def _identity(acting: Choice, scenario: Scenario) -> dict[str, Any]:
    """Who was evaluated, and what they were shown if that is not what the scenario says."""
    identity: dict[str, Any] = {"policy_sha256": acting.policy_sha256}
    if acting.card is None:
        entry = BehaviorEntry.of(acting.behavior, acting.policy_sha256, acting.origin)
        identity["behavior"] = entry.model_dump(mode="json")
    if acting.scenario is not scenario:
        identity["observations"] = acting.scenario.observations.model_dump(mode="json")
    return identity


def _behaviors(acting: Behavior, scenario: Scenario) -> dict[str, Behavior]:
    """All behaviours to evaluate, by name."""
    behaviors: dict[str, Behavior] = {POLICY: acting}
    if scenario.schedule:
        behaviors["scripted"] = ScriptedBehavior(scenario)
    return behaviors | {"heuristic": HeuristicBehavior(), "random": RandomBehavior()}


def _summary(values: Mapping[str, Values]) -> dict[str, Any]:
    """What the values say, and the values, each per behaviour and metric."""
    registered = {name: metric_named(name) for name in values[POLICY]}
    return {
        "metrics": {
            name: {"label": metric.label, "unit": metric.unit, "more_is_better": metric.more_is_better}
            for name, metric in registered.items()
        },
        "behaviors": {name: {metric: interval_as_json(v) for metric, v in own.items()} for name, own in values.items()},
        "policy_minus": {
            name: {metric: interval_as_json(values[POLICY][metric] - own[metric]) for metric in registered}
            for name, own in values.items()
            if name != POLICY
        },
        "values": {name: {metric: v.tolist() for metric, v in own.items()} for name, own in values.items()},
    }


def measure(behavior: Behavior, scenario: Scenario, *, worlds: int, seed: int) -> Values:
    """The metrics of the first episode of each world under a behaviour, each float64 [W]; those that apply.

    Worlds are simulated in batches; a world's history does not depend on the others.
    """
    batches = [
        _metrics_of(
            record_outcomes(behavior, scenario, worlds=min(BATCH, worlds - first), seed=seed, first_world=first)
        )
        for first in range(0, worlds, BATCH)
    ]
    found = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    own = [metric_of_uses(name) for name in own_affordances(scenario)]
    return {name: found[name] for name in (*EVALUATION_METRICS, *own) if name in found}


def _metrics_of(recorder: OutcomeRecorder) -> Values:
    """The metrics of each world: its outcomes, and those that a capture of it alone would report."""
    town, outcomes = recorder.town, recorder.per_world()
    each = [_captured_metrics(town, world, ATTENDANCE in outcomes) for world in range(town.worlds)]
    return outcomes | {name: np.array([metrics[name] for metrics in each]) for name in each[0]}


def _captured_metrics(town: Town, world: int, jobs: bool) -> dict[str, float]:
    """One world's metrics that a capture of it alone would report; ``jobs`` says whether anybody has one."""
    tally, counter = town.state.tally[world : world + 1], town.state.counter[world : world + 1]
    captured = capture_metrics(town.people, tally, counter, telemetry_totals(tally, counter), 0.0, True)
    events, steps, people = captured["events"], captured["agent_steps"], captured["people"].values()
    metrics = rollout_metrics(captured, jobs=jobs) | {
        "needs_mean": float(np.mean([person["needs_mean"] for person in people])),
        "waiting_ticks": float(np.mean([person["waiting_ticks"] for person in people])),
    }
    if jobs:
        late_or_missed = events["late_arrival"] + events["absence"]
        metrics["late_or_missed_shifts_per_1000"] = per_1000_agent_steps(late_or_missed, steps)
    return metrics


def write_evaluation(result: Mapping[str, Any], output: AnyPath) -> str:
    """Write an evaluation as JSON; return its SHA-256. Equal evaluations give equal bytes."""
    return write_atomically(output, pretty_json(result))


def read_evaluation(path: AnyPath) -> dict[str, Any]:
    """An evaluation from its file. Raises InputError for another file, and for one of another version."""
    content: dict[str, Any] = read_json(path, "an evaluation")
    if content.get("format") != "townlet-evaluation":
        raise InputError.of(path, "format", repr(content.get("format")), "'townlet-evaluation'")
    if content.get("version") != VERSION:
        expected = f"{VERSION}, which has other metrics; evaluate the policy again"
        raise InputError.of(path, "version", repr(content.get("version")), expected)
    return content
