"""Evaluation of one policy in all places of a visit, from files to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.own.groups import spread_out
from townlet.behavior.policy_file import load_policy
from townlet.config import Scenario
from townlet.config.drawn import shower_demand
from townlet.files.storage import pretty_json, write_atomically
from townlet.host.torch_settings import repeatable
from townlet.study.conflict.evaluate import STUDY_METRICS, evaluate
from townlet.study.mixed_populations import mixed_population
from townlet.study.scripted_behaviors import queue_jumper
from townlet.study.unseen.arms import Arm, Script
from townlet.study.unseen.places import Place, Visit
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

#: Metrics of an evaluation; :data:`townlet.metrics.METRICS` has the rest.
UNSEEN_METRICS = STUDY_METRICS

_SCRIPTS: dict[Script, type[Behavior]] = {"random": RandomBehavior, "heuristic": HeuristicBehavior}


def evaluate_policy(arm: Arm, policy: Path | None, visit: Visit, output: Path) -> None:
    """Evaluate an arm's policy, or its script, in every place, and write what was found, unless it is there already.

    Raises InputError for a policy that is damaged or made for other observations or actions.
    """
    if output.exists():
        return
    with repeatable():
        towns = [_in_town(arm, policy, place, visit) for place in visit.places]
    write_atomically(output, pretty_json({"arm": arm.name, "towns": towns}))


def _in_town(arm: Arm, policy: Path | None, place: Place, visit: Visit) -> dict[str, Any]:
    scenario = place.scenario(sees_conflict=arm.sees_conflict)
    behavior = _behavior(arm, policy, scenario)
    background = spread_out(len(scenario.people), visit.jumpers) if visit.jumpers else []
    if background:
        behavior = mixed_population(behavior, queue_jumper(), people=len(scenario.people), background=background)
    focal = [person for person in range(len(scenario.people)) if person not in background]
    metrics = evaluate(behavior, scenario, worlds=visit.worlds, seed=place.number, focal=focal)
    return {
        "number": place.number,
        "people": len(scenario.people),
        "showers": sum(thing.type == "shower" for thing in scenario.objects.values()),
        "shower_demand": shower_demand(scenario),
        "metrics": metrics,
    }


def _behavior(arm: Arm, policy: Path | None, scenario: Scenario) -> Behavior:
    if policy is None:
        return _SCRIPTS[arm.script]()
    actions = action_names(scenario.object_types)
    network, _ = load_policy(policy, observation=observation_schema_of(scenario), actions=actions)
    return NeuralBehavior(network)
