"""Fit of a policy to a town whose types of object are fewer, or in another order, than those that it knows.

The policy sees zeros for the features of types that the town lacks, and cannot choose their actions. A zero adds
nothing to a sum and an action of probability 0 nothing to a distribution, so a network without these columns and rows
is exactly that policy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from townlet.behavior.network import ActorCritic
from townlet.errors import Fault, InputError

_REQUEST = "request_"
#: Most names that a message lists, and most faults of one policy.
_LISTED, _FAULTS = 4, 4

Features = Sequence[Mapping[str, Any]]


class Fit(NamedTuple):
    """For each feature and each action of a town, its index among the policy's."""

    features: list[int]
    actions: list[int]


def find_fit(
    known: tuple[Features, Sequence[str]], town: tuple[Features, Sequence[str]], *, source: object
) -> Fit | None:
    """How a policy fits a town; None if it fits as it is.

    Args:
        known: the features and actions on the policy's card.
        town: those of the town.
        source: the card's file, which errors name.

    Raises InputError for a type of object, a feature or an action of the town that the policy does not know, for a
    feature with other bounds or another meaning, and for a feature that the town lacks though it has the type.
    """
    known_features, town_features = [dict(one) for one in known[0]], [dict(one) for one in town[0]]
    if list(known[1]) == list(town[1]) and _agree(known_features, town_features):
        return None
    features, actions = _places(known_features), {name: index for index, name in enumerate(known[1])}
    faults = [
        *_unknown(features, actions, town_features, town[1], str(source)),
        *_different(known_features, features, town_features, str(source)),
        *_beyond(features, actions, town_features, town[1], str(source)),
        *_repeated([*features, *actions], [str(one.get("name")) for one in known_features], known[1], str(source)),
    ]
    if faults:
        raise InputError(faults[:_FAULTS])
    return Fit([features[str(one["name"])] for one in town_features], [actions[name] for name in town[1]])


def fitted(network: ActorCritic, fit: Fit) -> ActorCritic:
    """A network that does in the town what ``network`` does where the town's lacking features are 0.

    It has the columns of the town's features and the rows of the town's actions, in the town's order.
    """
    weights = network.state_dict()
    weights["trunk.0.weight"] = weights["trunk.0.weight"][:, fit.features]
    for name in ("policy_head.weight", "policy_head.bias"):
        weights[name] = weights[name][fit.actions]
    smaller = ActorCritic(len(fit.features), len(fit.actions), network.config)
    smaller.load_state_dict(weights)
    return smaller


def lacking_types(known: Sequence[str], town: Sequence[str]) -> list[str]:
    """The types of object, by the actions of a policy and of a town, that the policy knows and the town lacks."""
    return [name.removeprefix(_REQUEST) for name in known if name.startswith(_REQUEST) and name not in town]


def _agree(known: Features, town: Features) -> bool:
    return len(known) == len(town) and all(
        all(theirs.get(key) == value for key, value in ours.items()) for theirs, ours in zip(known, town, strict=True)
    )


def _places(features: Features) -> dict[str, int]:
    return {str(feature.get("name")): index for index, feature in enumerate(features)}


def _unknown(
    features: Mapping[str, int], actions: Mapping[str, int], town: Features, names: Sequence[str], source: str
) -> Iterable[Fault]:
    """Faults for types, actions and features of the town that the policy does not know."""
    missing = [name for name in names if name not in actions]
    types = [name.removeprefix(_REQUEST) for name in missing if name.startswith(_REQUEST)]
    others = [name for name in missing if not name.startswith(_REQUEST)]
    if types:
        yield Fault(source, "actions", f"no request for {_listed(types)}", "every type of object that the town has")
    if others:
        yield Fault(source, "actions", f"no {_listed(others)}", "every action of the town")
    unseen = [name for one in town if (name := str(one.get("name"))) not in features and not _of(types, name)]
    if unseen:
        yield Fault(source, "observation", f"no {_listed(unseen)}", "every feature that people observe there")


def _different(known: Features, features: Mapping[str, int], town: Features, source: str) -> Iterable[Fault]:
    """Faults for features of other bounds or another meaning than the town's of the same name."""
    for ours in town:
        index = features.get(str(ours.get("name")))
        if index is not None:
            theirs = known[index]
            for key, value in ours.items():
                if theirs.get(key) != value:
                    where = f"observation.{index}.{key}"
                    yield Fault(source, where, repr(theirs.get(key)), f"{value!r}, as in the town")


def _beyond(
    features: Mapping[str, int], actions: Mapping[str, int], town: Features, names: Sequence[str], source: str
) -> Iterable[Fault]:
    """Faults for features and actions of the policy that are of no type of object that the town lacks."""
    types = lacking_types(list(actions), names)
    here = {str(one.get("name")) for one in town}
    extra = [name for name in features if name not in here and not _of(types, name)]
    if extra:
        yield Fault(source, "observation", _listed(extra), "no feature that people do not observe there")
    further = [name for name in actions if name not in names and not name.startswith(_REQUEST)]
    if further:
        yield Fault(source, "actions", _listed(further), "no action that the town does not have")


def _repeated(distinct: Sequence[str], features: Sequence[str], actions: Sequence[str], source: str) -> Iterable[Fault]:
    if len(distinct) < len(features) + len(actions):
        twice = [name for names in (features, actions) for name, count in Counter(names).items() if count > 1]
        yield Fault(source, "", f"{_listed(twice)} more than once", "a name of its own for each feature and action")


def _of(types: Sequence[str], feature: str) -> bool:
    return any(feature.startswith(f"{name}_") for name in types)


def _listed(names: Sequence[str]) -> str:
    beyond = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {beyond} more" if beyond > 0 else "")
