"""The choice of a behaviour by its name or by a policy's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior, ScriptedBehavior
from townlet.behavior.brought_observations import with_observations
from townlet.behavior.own.factory import FORMS, behavior_by_factory, names_factory
from townlet.behavior.own.functions import checked_name
from townlet.behavior.own.groups import COMPANY_FORM, company_of, names_company, words_of
from townlet.behavior.own.mixed import Group, MixedBehavior, mixed_company
from townlet.config import Scenario
from townlet.config.settings_use import refuse_settings
from townlet.errors import InputError, nearest_name
from townlet.files.storage import AnyPath, as_path
from townlet.host.user_modules import source_sha256
from townlet.policies import shipped_policies, shipped_policy
from townlet.policies.origin import Member, Origin, origin_of
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

if TYPE_CHECKING:
    from townlet.behavior.network import ActorCritic
    from townlet.behavior.policy_file import PolicyCard

BehaviorName = Literal["scripted", "random", "heuristic", "neural"]

#: Who is to act: words, a behaviour, or for mixed company either of them for each key.
Acting = str | Behavior | Mapping[str, str | Behavior]


class Choice(NamedTuple):
    """Who acts, and in which town."""

    behavior: Behavior
    scenario: Scenario
    """The scenario; if a policy acts, with the observations that it brings."""
    card: PolicyCard | None = None
    """The policy's, if one acts."""
    origin: Origin | None = None
    """Of a behaviour that is made outside Townlet."""

    @property
    def identity(self) -> str | None:
        """The hash of a policy's weights, or of the origin of a behaviour made outside Townlet; else None."""
        return self.policy_sha256 or (self.origin.sha256 if self.origin else None)

    @property
    def policy_sha256(self) -> str | None:
        """SHA-256 of the weights of the Townlet policy that acts, if one does."""
        return None if self.card is None else self.card.sha256

    @property
    def cards(self) -> list[PolicyCard]:
        """Those of all policies that act, also in mixed company."""
        groups = self.behavior.groups.values() if isinstance(self.behavior, MixedBehavior) else ()
        return [card for card in (self.card, *(group.card for group in groups)) if card is not None]


class TownPolicy(NamedTuple):
    """A policy in a town."""

    network: ActorCritic
    card: PolicyCard
    scenario: Scenario
    """The town, in which people are shown what the policy was trained to see."""


def choose_behavior(
    scenario: Scenario, given: Acting | None, policy: AnyPath | None = None, *, greedy: bool = False
) -> Choice:
    """The behaviour that these options name, and the scenario to use.

    Args:
        scenario: the town.
        given: ``scripted`` (the default without a policy), ``random``, ``heuristic``, ``neural`` with ``policy``; the
            place or name of a policy; a factory, ``package.module:factory`` or ``FILE.py:factory``, whose code is run;
            an ONNX file; or a behaviour itself. Mixed company, ``KEY=BEHAVIOR,KEY=BEHAVIOR`` or a mapping, has one for
            each key of :func:`townlet.behavior.own.groups.groups_of`.
        policy: the place or name of a policy; implies ``neural``.
        greedy: whether a policy or an ONNX file takes its most probable action instead of drawing one; others say
            themselves what they do.

    Raises InputError for options that do not fit together, and for an unusable behaviour or policy.
    """
    if isinstance(given, Mapping) or (isinstance(given, str) and names_company(given)):
        _refuse_policy(policy, MixedBehavior.name)
        _refuse_greedy(greedy, "mixed company")
        return _mixed(scenario, company_of(given) if isinstance(given, str) else given)
    if given is not None and not isinstance(given, str):
        _refuse_policy(policy, given.name)
        _refuse_greedy(greedy, given.name)
        return _own(given, scenario)
    name = given or ("neural" if policy is not None else "scripted")
    if name == "neural":
        if policy is None:
            raise InputError.of("options", "--policy", "nothing", "a policy.json for the neural behaviour")
        return _neural(policy, scenario, greedy)
    _refuse_policy(policy, name)
    if name in ("scripted", "random", "heuristic") or names_factory(name):
        _refuse_greedy(greedy, name)
    if name == "scripted":
        return Choice(ScriptedBehavior(scenario), scenario)
    if name == "random":
        return Choice(RandomBehavior(), scenario)
    if name == "heuristic":
        return Choice(HeuristicBehavior(), scenario)
    if name.lower().endswith(".onnx"):
        from townlet.behavior.own.onnx_behavior import onnx_behavior

        made, shown = onnx_behavior(name, scenario, greedy=greedy)
        return Choice(made, shown, origin=origin_of(made))
    if names_factory(name):
        return _own(behavior_by_factory(name, scenario), scenario)
    if as_path(name).exists() or shipped_policy(name) is not None:
        return _neural(name, scenario, greedy)
    known = (*get_args(BehaviorName), *shipped_policies())
    expected = f"{nearest_name(name, known).rstrip('?')}; or the place of a policy, FILE.onnx, {FORMS}, {COMPANY_FORM}"
    raise InputError.of("options", "--behavior", repr(name), expected)


def _neural(policy: AnyPath, scenario: Scenario, greedy: bool) -> Choice:
    from townlet.behavior.neural import NeuralBehavior

    found = policy_in_town(policy, scenario)
    return Choice(NeuralBehavior(found.network, greedy=greedy), found.scenario, found.card)


def _own(behavior: Behavior, scenario: Scenario) -> Choice:
    """The choice of a behaviour that is made outside Townlet, or handed over in Python."""
    if type(behavior).__module__.partition(".")[0] == __name__.partition(".")[0]:
        if behavior.name == MixedBehavior.name:
            expected = "a mapping, such as {'cook': 'generalist', 'others': HeuristicBehavior()}"
            raise InputError.of("options", "behavior", "a MixedBehavior", expected)
        if behavior.name == "neural":
            expected = "the place of the policy: captures name a network by the hash of its file"
            raise InputError.of("options", "behavior", "a NeuralBehavior", expected)
        return Choice(behavior, scenario, origin=origin_of(behavior))
    checked_name(behavior.name)
    return Choice(behavior, scenario, origin=origin_of(behavior) or Origin(code_sha256=source_sha256(type(behavior))))


def _mixed(scenario: Scenario, company: Mapping[str, str | Behavior]) -> Choice:
    behavior, shown = mixed_company(scenario, company, member_of)
    return Choice(behavior, shown, origin=behavior.origin)


def member_of(scenario: Scenario, given: str | Behavior) -> tuple[Group, Member]:
    """A behaviour that is to act in company, still without people.

    Townlet's own scripts read the town itself; all others see the observations that they would see alone.
    """
    choice = choose_behavior(scenario, given)
    sees = choice.scenario if choice.card is not None or choice.origin is not None else None
    member = Member(
        people=["nobody"],
        behavior=choice.behavior.name,
        policy_sha256=choice.policy_sha256,
        origin=choice.origin,
    )
    return Group((), choice.behavior, sees, words_of(given), choice.card), member


def _refuse_greedy(greedy: bool, name: str) -> None:
    if greedy:
        expected = f"no such option: {name} says itself whether it draws its actions"
        raise InputError.of("options", "--greedy", "it with this behaviour", expected)


def _refuse_policy(policy: AnyPath | None, name: str) -> None:
    if policy is not None:
        raise InputError.of("options", "--policy", str(policy), f"none: the {name} behaviour has no weights")


def policy_in_town(policy: AnyPath, scenario: Scenario) -> TownPolicy:
    """A policy, by its name or place, as it acts in a scenario's town.

    If the policy was trained with other observation options, people are shown what those say; the town's rules stay.

    Raises InputError for a policy that is damaged or does not know all that the town has, and for settings of
    observations.
    """
    from townlet.behavior.policy_file import card_file, load_policy, read_card

    file = card_file(policy)
    refuse_settings(scenario, ["observations"], f"no such setting: the observations are those of {policy}")
    brought = with_observations(scenario, read_card(file).observation, file)
    observation, actions = observation_schema_of(brought), action_names(brought.object_types)
    network, card = load_policy(file, observation=observation, actions=actions)
    return TownPolicy(network, card, brought)
