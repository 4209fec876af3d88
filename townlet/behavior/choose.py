"""The choice of a behaviour by its name or by a policy's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior, ScriptedBehavior
from townlet.config import Scenario
from townlet.errors import InputError, nearest_name
from townlet.files.storage import AnyPath
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

if TYPE_CHECKING:
    from townlet.behavior.policy_file import PolicyCard

BehaviorName = Literal["scripted", "random", "heuristic", "neural"]


def choose_behavior(scenario: Scenario, name: str | None, policy: AnyPath | None) -> tuple[Behavior, PolicyCard | None]:
    """The behaviour that these options name, and its policy's card if it is neural.

    Raises InputError for options that do not fit together.
    """
    name = name or ("neural" if policy is not None else "scripted")
    if name == "neural" and policy is not None:
        from townlet.behavior.neural import NeuralBehavior
        from townlet.behavior.policy_file import load_policy

        network, card = load_policy(
            policy, observation=observation_schema_of(scenario), actions=action_names(scenario.object_types)
        )
        return NeuralBehavior(network), card
    if name == "neural":
        raise InputError.of("options", "--policy", "nothing", "a policy.json for the neural behaviour")
    if policy is not None:
        raise InputError.of("options", "--policy", str(policy), f"none: the {name} behaviour has no weights")
    if name == "scripted":
        return ScriptedBehavior(scenario), None
    if name == "random":
        return RandomBehavior(), None
    if name == "heuristic":
        return HeuristicBehavior(), None
    raise InputError.of("options", "--behavior", repr(name), nearest_name(name, get_args(BehaviorName)))
