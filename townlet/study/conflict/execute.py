"""One piece of the study's work in a process of its own: a warm start, a training or a judgement, from and to files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior
from townlet.behavior.network import ActorCritic
from townlet.behavior.neural import NeuralBehavior
from townlet.config import Scenario
from townlet.files.storage import pretty_json, read_json, require_field, write_atomically
from townlet.metrics import CONFLICT_INTENSITY, REWARD
from townlet.study.conflict.cloning import Weights, clone_script
from townlet.study.conflict.evaluate import evaluate
from townlet.study.conflict.learner import train_arm
from townlet.study.conflict.mixed import MixedBehavior
from townlet.study.conflict.scripts import FirstComeBehavior, doormat, queue_jumper
from townlet.study.conflict.settings import Settings, training_config
from townlet.study.conflict.tasks import (
    COMPANIES,
    Continuation,
    Judgement,
    Piece,
    Policy,
    Start,
    digest,
    evaluation_seed,
)
from townlet.study.conflict.town import study_scenario
from townlet.telemetry.rates import conflict_intensity
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names


def do(piece: Piece, settings: Settings, folder: Path) -> None:
    """Do a piece of work unless its file is there."""
    torch.set_num_threads(1)
    if isinstance(piece, Start):
        _start(piece, settings, folder)
    elif isinstance(piece, Policy):
        _train(piece, settings, folder)
    else:
        path = _judgement_file(piece, settings, folder)
        if not path.exists():
            write_atomically(path, pretty_json(_judge(piece, settings, folder)))


def read_judgement(judgement: Judgement, settings: Settings, folder: Path) -> dict[str, float]:
    """The metrics that a judgement's file holds."""
    path = _judgement_file(judgement, settings, folder)
    metrics: dict[str, float] = require_field(read_json(path, "a judgement"), "metrics", path, "its metrics", dict)
    return metrics


def read_curve(policy: Policy, settings: Settings, folder: Path) -> list[dict[str, float]]:
    """What the rollouts of a training were like, in order."""
    path = _weights_file(policy, settings, folder).with_suffix(".json")
    curve: list[dict[str, float]] = require_field(read_json(path, "a training's curve"), "curve", path, "a list", list)
    return curve


def _weights_file(policy: Policy, settings: Settings, folder: Path) -> Path:
    return folder / f"policy-{policy.arm.name}-{policy.seed}-{digest(policy, settings)}.safetensors"


def _judgement_file(judgement: Judgement, settings: Settings, folder: Path) -> Path:
    policy = judgement.policy
    return folder / f"judgement-{policy.arm.name}-{policy.seed}-{digest(judgement, settings)}.json"


def _start(start: Start, settings: Settings, folder: Path) -> Weights:
    path = folder / f"start-{start.seed}-{digest(start, settings)}.safetensors"
    if not path.exists():
        write_atomically(path, save(clone_script(start.sees_conflict, start.seed, settings)))
    return load_file(path)


def _train(policy: Policy, settings: Settings, folder: Path) -> None:
    path = _weights_file(policy, settings, folder)
    if path.exists():
        return
    curve: list[dict[str, float]] = []

    def note(cycle: int, fields: dict[str, Any]) -> None:
        curve.append({REWARD: fields["reward_mean"], CONFLICT_INTENSITY: conflict_intensity(fields)})

    if isinstance(policy, Continuation):
        start = load_file(_weights_file(policy.origin, settings, folder))
        seed, amounts = policy.training_seed, settings.continuing()
    else:
        start, seed, amounts = _start(policy.start, settings, folder), policy.seed, settings
    weights = train_arm(policy.arm, policy.town, seed, amounts, start, note)
    # The weights come last: where they are, the training is complete.
    write_atomically(path.with_suffix(".json"), pretty_json({"curve": curve}))
    write_atomically(path, save(weights))


def _judge(judgement: Judgement, settings: Settings, folder: Path) -> dict[str, Any]:
    policy, town = judgement.policy, judgement.town
    scenario = study_scenario(town, sees_conflict=policy.arm.sees_conflict)
    behavior = _behavior(policy, scenario, settings, folder)
    people = list(range(town.people))
    strangers: list[int] = []
    if judgement.company:
        # Every other one, so that strangers live and work among the rest.
        count = town.people // 2 if judgement.company == COMPANIES[2] else 2
        strangers = people[1 :: max(town.people // count, 1)][:count]
        behavior = MixedBehavior(behavior, _stranger(judgement, scenario, settings, folder), strangers)
    focal = [person for person in people if person not in strangers]
    metrics = evaluate(
        behavior, scenario, worlds=settings.evaluation_worlds, seed=evaluation_seed(policy.seed), focal=focal
    )
    return {"arm": policy.arm.name, "seed": policy.seed, "company": judgement.company, "metrics": metrics}


def _stranger(judgement: Judgement, scenario: Scenario, settings: Settings, folder: Path) -> Behavior:
    if judgement.company == COMPANIES[0]:
        return queue_jumper()
    if judgement.company == COMPANIES[1]:
        return doormat()
    policy = judgement.policy
    return _behavior(Policy(policy.arm, judgement.other_seed, policy.town), scenario, settings, folder)


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
    """The network of a policy that was trained into the folder, for a scenario with its observations and actions."""
    features, actions = len(observation_schema_of(scenario)), len(action_names(scenario.object_types))
    network = ActorCritic(features, actions, training_config(settings, policy.seed).network, seed=policy.seed)
    network.load_state_dict(load_file(_weights_file(policy, settings, folder)))
    return network
