"""Mixed company: several behaviours in one town, each for some of the people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import Behavior, NarrowingBehavior, act_within
from townlet.behavior.own.groups import groups_of, names_company, words_of
from townlet.behavior.own.selection import Selection
from townlet.config import Scenario
from townlet.config.rules import ObservationConfig
from townlet.errors import InputError
from townlet.policies.origin import Member, Origin
from townlet.rollout import aligned_zeros
from townlet.world import Town
from townlet.world.observation.schema import observation_schema_of

if TYPE_CHECKING:
    from townlet.behavior.policy_file import PolicyCard

#: Modes of observation, each with all features of those before it.
_MODES = ("compact", "hybrid", "full")


class Group(NamedTuple):
    """Some people of a town, and who chooses for them."""

    people: tuple[int, ...]
    """Their indices."""
    behavior: Behavior
    sees: Scenario | None = None
    """The town with the observations that the behaviour is to see; None for those that the town shows."""
    label: str = ""
    """The words that named the behaviour, or its name; other for each behaviour of a company."""
    card: PolicyCard | None = None
    """The policy's, if one acts."""


class MixedBehavior(NarrowingBehavior):
    """Several behaviours, each of which chooses for the people of its groups.

    Each acts as it would alone: it draws by person from the town's policy stream, records its own mask, log-probability
    and value, and sees the features that it knows, whatever else the town shows. So what a member does in a state does
    not depend on the company.
    """

    name = "mixed"

    def __init__(self, groups: Mapping[str, Group], origin: Origin | None = None) -> None:
        self.groups, self.origin = dict(groups), origin
        members = self._members = [_Acting(group) for group in _together(groups.values())]
        self._scratch: _Scratch | None = None
        self.deterministic = all(member.behavior.deterministic for member in members)

    @property
    def has_log_probs(self) -> bool:
        """Whether everybody's recorded log-probabilities are those of a stochastic behaviour that states them.

        Where all are deterministic, ``deterministic`` says more, and this is true as for each of them.
        """
        each = [member.behavior for member in self._members]
        stochastic = [not one.deterministic and getattr(one, "has_log_probs", True) for one in each]
        return self.deterministic or all(stochastic)

    @property
    def has_values(self) -> bool:
        """Whether any of them estimates values; the others' are NaN."""
        each = [member.behavior for member in self._members]
        return any(one.name == "neural" or bool(getattr(one, "has_values", False)) for one in each)

    def act_within(
        self,
        town: Town,
        mask: NDArray[np.bool_],
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody as in :meth:`act`, and fill ``mask``, bool [W, A, N], with what they chose among."""
        scratch = self._scratch
        if scratch is None or scratch.mask.shape != mask.shape:
            scratch = self._scratch = _Scratch.of(mask.shape)
        for member in self._members:
            act_within(member.behavior, member.view(town), *scratch)
            for own, chosen in zip((mask, action, log_prob, value), scratch, strict=True):
                own[:, member.people] = chosen[:, member.people]


class _Scratch(NamedTuple):
    """What one behaviour chooses for everybody, before its people's part is taken."""

    mask: NDArray[np.bool_]
    action: NDArray[np.int32]
    log_prob: NDArray[np.float32]
    value: NDArray[np.float32]

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> _Scratch:
        """For a mask of this shape, [W, A, N]."""
        mask = aligned_zeros(shape, np.bool_)
        action = aligned_zeros(shape[:2], np.int32)
        return cls(mask, action, aligned_zeros(shape[:2], np.float32), aligned_zeros(shape[:2], np.float32))


class _Acting:
    """A behaviour with its people, and the town as it sees it."""

    def __init__(self, group: Group) -> None:
        self.people, self.behavior, self._sees = list(group.people), group.behavior, group.sees
        self._seen: _Seen | None = None

    def view(self, town: Town) -> Town:
        """The town, showing the features that the behaviour knows."""
        if self._sees is None or self._sees.observations == town.scenario.observations:
            return town
        if self._seen is None or self._seen.town.state.mask is not town.state.mask:
            self._seen = _Seen(town, self._sees)
        return self._seen.now(town)


class _Seen:
    """A town that shows other features than it computes: a selection by name, and zeros."""

    def __init__(self, town: Town, sees: Scenario) -> None:
        self._selection = Selection(town.observation_schema, observation_schema_of(sees))
        self._observation = aligned_zeros((*town.alive.shape, self._selection.features), np.float32)
        self.town = town.showing(sees, self._observation)

    def now(self, town: Town) -> Town:
        """The town with this tick's features."""
        self._selection.fill(town.observation, self._observation)
        return self.town


def mixed_company(
    scenario: Scenario,
    given: Mapping[str, str | Behavior],
    choose: Callable[[Scenario, str | Behavior], tuple[Group, Member]],
) -> tuple[MixedBehavior, Scenario]:
    """The behaviour of a company, and the scenario, which shows all that its members see.

    Args:
        scenario: the town.
        given: a behaviour for each key of :func:`townlet.behavior.own.groups.groups_of`.
        choose: returns the group and the member of a behaviour, both still without people.

    Raises InputError for unusable keys, and for what ``choose`` refuses.
    """
    people = groups_of(scenario, list(given))
    chosen: dict[str | int, tuple[Group, Member]] = {}
    namesakes: dict[str, int] = {}
    for key, behavior in given.items():
        inner = names_company(behavior) if isinstance(behavior, str) else isinstance(behavior, Mapping | MixedBehavior)
        if inner:
            raise InputError.of("options", "--behavior", f"mixed company for {key}", "a behaviour for each key")
        # One network for all who follow it, also if they are named by several keys.
        one = behavior if isinstance(behavior, str) else id(behavior)
        if one not in chosen:
            group, member = choose(scenario, behavior)
            namesakes[group.label] = number = namesakes.get(group.label, 0) + 1
            chosen[one] = group._replace(label=f"{group.label} ({number})" if number > 1 else group.label), member
    sees = [group.sees.observations for group, _ in chosen.values() if group.sees is not None]
    shown = _showing(scenario, sees)
    index = {name: i for i, name in enumerate(scenario.people)}
    groups, members = {}, {}
    for key, behavior in given.items():
        group, member = chosen[behavior if isinstance(behavior, str) else id(behavior)]
        groups[key] = group._replace(people=tuple(index[name] for name in people[key]))
        own = shown.observations if group.sees is None else group.sees.observations
        seen = {} if own == shown.observations else own.model_dump(mode="json")
        members[key] = member.model_copy(update={"people": people[key], "observations": seen})
    words = words_of(given) if all(isinstance(behavior, str) for behavior in given.values()) else ""
    return MixedBehavior(groups, Origin(given=words, members=members)), shown


def _showing(scenario: Scenario, sees: Sequence[ObservationConfig]) -> Scenario:
    """The scenario with the fewest features that hold all that somebody sees; itself if nobody looks."""
    if not sees:
        return scenario
    maps = [one.map_radius for one in sees if one.mode != _MODES[0]]
    options = sees[0].model_copy(
        update={
            "mode": max((one.mode for one in sees), key=_MODES.index),
            "neighbors": max(one.neighbors for one in sees),
            "map_radius": max(maps, default=scenario.observations.map_radius),
            "offers": any(one.offers for one in sees),
            "conflict_features": any(one.conflict_features for one in sees),
        }
    )
    return scenario if options == scenario.observations else scenario.model_copy(update={"observations": options})


def _together(groups: Iterable[Group]) -> list[Group]:
    """The groups, those of the same behaviour as one."""
    together: dict[int, Group] = {}
    for group in groups:
        known = together.get(id(group.behavior))
        together[id(group.behavior)] = group if known is None else known._replace(people=known.people + group.people)
    return list(together.values())
