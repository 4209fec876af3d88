"""Execution of a single task: a cloning, a training or an evaluation, from files to files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.behavior.own.groups import spread_out
from townlet.config import Scenario
from townlet.files.storage import pretty_json, read_json, require_field, write_atomically
from townlet.host.torch_settings import repeatable
from townlet.metrics import CONFLICT_INTENSITY, REWARD
from townlet.study.conflict.cloning import Weights, clone_script
from townlet.study.conflict.evaluate import evaluate
from townlet.study.conflict.learner import train_arm
from townlet.study.conflict.settings import Settings, training_config
from townlet.study.conflict.tasks import (
    DOORMATS,
    OTHER_SEED,
    QUEUE_JUMPERS,
    Continuation,
    Evaluation,
    Policy,
    Task,
    WarmStart,
    digest,
    evaluation_seed,
)
from townlet.study.conflict.town import study_scenario
from townlet.study.mixed_populations import mixed_population
from townlet.study.scripted_behaviors import FirstComeBehavior, doormat, queue_jumper
from townlet.telemetry.rates import conflict_intensity
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names


def run_task(task: Task, settings: Settings, folder: Path) -> None:
    """Run a task and keep its result in the folder, unless it is there already."""
    with repeatable():
        _run(task, settings, folder)


def _run(task: Task, settings: Settings, folder: Path) -> None:
    if isinstance(task, WarmStart):
        _warm_start(task, settings, folder)
    elif isinstance(task, Policy):
        _train(task, settings, folder)
    else:
        path = _evaluation_file(task, settings, folder)
        if not path.exists():
            write_atomically(path, pretty_json(_evaluate(task, settings, folder)))


def read_evaluation(evaluation: Evaluation, settings: Settings, folder: Path) -> dict[str, float]:
    """The metrics of a finished evaluation."""
    path = _evaluation_file(evaluation, settings, folder)
    metrics: dict[str, float] = require_field(read_json(path, "an evaluation"), "metrics", path, "its metrics", dict)
    return metrics


def read_curve(policy: Policy, settings: Settings, folder: Path) -> list[dict[str, float]]:
    """Reward and conflict intensity of each rollout of a finished training, in order."""
    path = _weights_file(policy, settings, folder).with_suffix(".json")
    curve: list[dict[str, float]] = require_field(read_json(path, "a training's curve"), "curve", path, "a list", list)
    return curve


def _weights_file(policy: Policy, settings: Settings, folder: Path) -> Path:
    return folder / f"policy-{policy.arm.name}-{policy.seed}-{digest(policy, settings)}.safetensors"


def _evaluation_file(evaluation: Evaluation, settings: Settings, folder: Path) -> Path:
    policy = evaluation.policy
    return folder / f"evaluation-{policy.arm.name}-{policy.seed}-{digest(evaluation, settings)}.json"


def _warm_start(start: WarmStart, settings: Settings, folder: Path) -> Weights:
    path = folder / f"warm-start-{start.seed}-{digest(start, settings)}.safetensors"
    if not path.exists():
        write_atomically(path, save(clone_script(start.sees_conflict, start.seed, settings)))
    return load_file(path)


def _train(policy: Policy, settings: Settings, folder: Path) -> None:
    path = _weights_file(policy, settings, folder)
    if path.exists():
        return
    curve: list[dict[str, float]] = []

    def record(cycle: int, fields: dict[str, Any]) -> None:
        curve.append({REWARD: fields["reward_mean"], CONFLICT_INTENSITY: conflict_intensity(fields)})

    if isinstance(policy, Continuation):
        start = load_file(_weights_file(policy.origin, settings, folder))
        seed, amounts = policy.training_seed, settings.continuing()
    else:
        start, seed, amounts = _warm_start(policy.start, settings, folder), policy.seed, settings
    weights = train_arm(policy.arm, policy.training_town, seed, amounts, start, record)
    # The weights are written last: if they exist, the training is complete.
    write_atomically(path.with_suffix(".json"), pretty_json({"curve": curve}))
    write_atomically(path, save(weights))


def _evaluate(evaluation: Evaluation, settings: Settings, folder: Path) -> dict[str, Any]:
    policy, town = evaluation.policy, evaluation.town
    scenario = study_scenario(town, sees_conflict=policy.arm.sees_conflict)
    behavior = _behavior(policy, scenario, settings, folder)
    people = list(range(town.people))
    background: list[int] = []
    if evaluation.background:
        background = spread_out(town.people, town.people // 2 if evaluation.background == OTHER_SEED else 2)
        other = _background_behavior(evaluation, scenario, settings, folder)
        behavior = mixed_population(behavior, other, people=town.people, background=background)
    focal = [person for person in people if person not in background]
    metrics = evaluate(
        behavior, scenario, worlds=settings.evaluation_worlds, seed=evaluation_seed(policy.seed), focal=focal
    )
    return {"arm": policy.arm.name, "seed": policy.seed, "background": evaluation.background, "metrics": metrics}


def _background_behavior(evaluation: Evaluation, scenario: Scenario, settings: Settings, folder: Path) -> Behavior:
    if evaluation.background == QUEUE_JUMPERS:
        return queue_jumper()
    if evaluation.background == DOORMATS:
        return doormat()
    focal = evaluation.policy
    other = Policy(focal.arm, evaluation.background_seed, focal.training_town)
    return _behavior(other, scenario, settings, folder)


def _behavior(policy: Policy, scenario: Scenario, settings: Settings, folder: Path) -> Behavior:
    scripts: dict[str, type[Behavior]] = {
        "random": RandomBehavior,
        "first_come": FirstComeBehavior,
        "heuristic": HeuristicBehavior,
    }
    if policy.arm.script:
        return scripts[policy.arm.script]()
    return NeuralBehavior(trained_network(policy, scenario, settings, folder))


def trained_network(policy: Policy, scenario: Scenario, settings: Settings, folder: Path) -> ActorCritic:
    """The network of a finished training; the scenario has the observations and actions that it was trained with."""
    features, actions = len(observation_schema_of(scenario)), len(action_names(scenario.object_types))
    network = ActorCritic(features, actions, training_config(settings, policy.seed).network, seed=policy.seed)
    network.load_state_dict(load_file(_weights_file(policy, settings, folder)))
    return network
