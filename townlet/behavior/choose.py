"""The choice of a behaviour by its name or by a policy's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior, ScriptedBehavior
from townlet.behavior.brought_observations import with_observations
from townlet.config import Scenario
from townlet.errors import InputError, nearest_name
from townlet.files.storage import AnyPath
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

if TYPE_CHECKING:
    from townlet.behavior.network import ActorCritic
    from townlet.behavior.policy_file import PolicyCard

BehaviorName = Literal["scripted", "random", "heuristic", "neural"]


class Choice(NamedTuple):
    """Who acts, and in which town."""

    behavior: Behavior
    card: PolicyCard | None
    """The policy's, if one acts."""
    scenario: Scenario
    """The scenario; if a policy acts, with the observations that it brings."""


class TownPolicy(NamedTuple):
    """A policy in a town."""

    network: ActorCritic
    card: PolicyCard
    scenario: Scenario
    """The town, in which people are shown what the policy was trained to see."""


def choose_behavior(scenario: Scenario, name: str | None, policy: AnyPath | None) -> Choice:
    """The behaviour that these options name, its policy's card if it is neural, and the scenario to use.

    Raises InputError for options that do not fit together.
    """
    name = name or ("neural" if policy is not None else "scripted")
    if name == "neural" and policy is not None:
        from townlet.behavior.neural import NeuralBehavior

        found = policy_in_town(policy, scenario)
        return Choice(NeuralBehavior(found.network), found.card, found.scenario)
    if name == "neural":
        raise InputError.of("options", "--policy", "nothing", "a policy.json for the neural behaviour")
    if policy is not None:
        raise InputError.of("options", "--policy", str(policy), f"none: the {name} behaviour has no weights")
    if name == "scripted":
        return Choice(ScriptedBehavior(scenario), None, scenario)
    if name == "random":
        return Choice(RandomBehavior(), None, scenario)
    if name == "heuristic":
        return Choice(HeuristicBehavior(), None, scenario)
    raise InputError.of("options", "--behavior", repr(name), nearest_name(name, get_args(BehaviorName)))


def policy_in_town(policy: AnyPath, scenario: Scenario) -> TownPolicy:
    """A policy, by its name or place, as it acts in a scenario's town.

    If the policy was trained with other observation options, people are shown what those say; the town's rules stay.

    Raises InputError for a policy that is damaged or does not know all that the town has.
    """
    from townlet.behavior.policy_file import card_file, load_policy, read_card

    file = card_file(policy)
    brought = with_observations(scenario, read_card(file).observation, file)
    observation, actions = observation_schema_of(brought), action_names(brought.object_types)
    network, card = load_policy(file, observation=observation, actions=actions)
    return TownPolicy(network, card, brought)
