"""Policies on disk: ``policy.safetensors`` holds the weights, ``policy.json`` describes them and is written last.

Nothing in these files is executable, and equal policies have equal bytes. Captures and reports refer to a policy by the
SHA-256 of its weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import torch
from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, model_serializer
from safetensors import SafetensorError
from safetensors import torch as safetensors_torch
from upath import UPath

from townlet.behavior.fit import find_fit, fitted
from townlet.behavior.network import ActorCritic, shapes_of
from townlet.config.base import Section
from townlet.config.training import NetworkConfig
from townlet.config.validate import validated
from townlet.errors import Fault, InputError
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.files.storage import AnyPath, as_path, pretty_json, read_json, read_sized, sha256, write_atomically
from townlet.policies import find_policy

#: The entry of the weights file's metadata with the SHA-256 of a module's source.
_MODULE_KEY = "module_sha256"

#: One dict per feature, with its name, bounds and meaning.
ObservationSchema = Sequence[Mapping[str, Any]]


class PolicyCard(Section):
    """The content of ``policy.json``."""

    format: Literal["townlet-policy"] = "townlet-policy"
    version: Literal[1] = 1
    network: NetworkConfig
    observation: Annotated[list[dict[str, JsonValue]], Field(min_length=1)]
    """One entry per feature, in order: name, bounds, meaning."""
    actions: Annotated[list[str], Field(min_length=1)]
    """Names of the actions, in order."""
    provenance: dict[str, JsonValue]
    """Scenario, configuration digest, seed, mode, agent-steps, and hashes of the training data."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the weights file."""
    size: Annotated[int, Field(ge=1)]
    """Size of the weights file in bytes."""
    module_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the file that defines ``network.module``; None without one."""

    @model_serializer(mode="wrap")
    def _without_unused_fields(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Cards of other policies stay what they were before this existed.
        content: dict[str, Any] = serialize(self)
        if self.module_sha256 is None:
            content.pop("module_sha256", None)
        return content


def save_policy(
    folder: AnyPath,
    network: ActorCritic,
    *,
    observation: ObservationSchema,
    actions: Sequence[str],
    provenance: Mapping[str, JsonValue],
) -> PolicyCard:
    """Write the two files into ``folder`` and return the card.

    The weights are written first and the card, which holds their hash, last: a reader sees the old policy, the new one
    or an error, but never new weights with an old description.

    Raises InputError if a weight is not finite; the files then stay as they were.
    """
    if (len(observation), len(actions)) != (network.features, network.actions):
        raise ValueError(
            f"found {len(observation)} features and {len(actions)} actions described, "
            f"expected the network's {network.features} and {network.actions}"
        )
    weights_path = as_path(folder) / WEIGHTS_NAME
    weights = network.state_dict()
    _require_finite(weights_path, weights)
    # Part of the file, so that equal weights of other code are other policies to whoever names them by their hash.
    metadata = {_MODULE_KEY: network.source_sha256} if network.source_sha256 else None
    data = safetensors_torch.save(_apart(weights), metadata)
    card = PolicyCard(
        network=network.config,
        observation=[dict(feature) for feature in observation],
        actions=list(actions),
        provenance=dict(provenance),
        sha256=sha256(data),
        size=len(data),
        module_sha256=network.source_sha256,
    )
    write_atomically(weights_path, data)
    write_atomically(as_path(folder) / CARD_NAME, pretty_json(card.model_dump(mode="json")))
    return card


def load_policy(
    path: AnyPath, *, observation: ObservationSchema | None = None, actions: Sequence[str] | None = None
) -> tuple[ActorCritic, PolicyCard]:
    """The network and the card of a saved policy.

    In a town with fewer types of object than the policy knows, or with the same in another order, the network is the
    policy's as :mod:`townlet.behavior.fit` fits it to the town; the card is always the policy's own.

    Args:
        path: the folder, or either of the two files in it, or the name of a shipped policy.
        observation: the features that the policy will observe; None accepts any.
        actions: the actions that the policy will choose from; None accepts any.

    Raises InputError for an unknown name, for a missing, incomplete or altered file, for weights that are not finite or
    do not fit the described network, and for a policy that does not know these features or actions.
    """
    card_path = card_file(path)
    weights_path = card_path.parent / WEIGHTS_NAME
    card = read_card(card_path)
    fit = None
    if observation is not None and actions is not None:
        fit = find_fit((card.observation, card.actions), (observation, actions), source=card_path)
    data = read_sized(weights_path, "a policy's weights", card.size, f" bytes, as {CARD_NAME} says")
    if sha256(data) != card.sha256:
        raise InputError.of(weights_path, "sha256", sha256(data), f"{card.sha256}, as {CARD_NAME} says")
    sizes = len(card.observation), len(card.actions)
    if card.network.module is None:
        # Weights are checked first: a network of the size that the card gives could be far larger than the file.
        weights = _read_weights(weights_path, data, _float32(shapes_of(*sizes, card.network)))
        network = ActorCritic(*sizes, card.network)
    else:
        network = _with_module(card, card_path, fit is not None)
        expected = {name: _describe(tensor) for name, tensor in network.state_dict().items()}
        weights = _read_weights(weights_path, data, expected)
    network.load_state_dict(weights)
    return network if fit is None else fitted(network, fit), card


def _with_module(card: PolicyCard, source: AnyPath, is_fitted: bool) -> ActorCritic:
    """The network of a card that names a module of a user's own, with fresh weights.

    Raises InputError for code that the user has not allowed, and for other code than the policy was trained with.
    """
    network = ActorCritic(len(card.observation), len(card.actions), card.network)
    if card.module_sha256 is not None and network.source_sha256 != card.module_sha256:
        expected = (
            f"{card.module_sha256}, the source of {card.network.module} that the policy was trained with: with another "
            "it may choose otherwise. Bring that source back, or train again"
        )
        raise InputError.of(source, "module_sha256", str(network.source_sha256), expected)
    if is_fitted:
        expected = "a policy of Townlet's own layers: nobody knows which weights of a module belong to which feature"
        raise InputError.of(source, "network.module", f"{card.network.module} in another town", expected)
    return network


def card_file(policy: AnyPath) -> Path | UPath:
    """The place of a policy's card, from its folder, one of its files or its name. Raises InputError for no name."""
    given = find_policy(policy)
    return (given.parent if given.name in (CARD_NAME, WEIGHTS_NAME) else given) / CARD_NAME


class Spaces(Protocol):
    """The observations and actions that a policy's card and a capture's manifest both name."""

    @property
    def observation(self) -> Sequence[Any]:
        """One mapping or pydantic model per feature, with its name, bounds and meaning."""

    @property
    def actions(self) -> Sequence[str]:
        """Names of the actions."""


def require_spaces(
    found: Spaces, observation: ObservationSchema, actions: Sequence[str], *, source: AnyPath = CARD_NAME
) -> None:
    """Raise InputError, with ``source`` as the file, unless a policy or capture fits a town.

    ``observation`` and ``actions`` are the town's. Every feature must have the same name, bounds and meaning.
    """
    faults = []
    if len(found.observation) != len(observation):
        counts = len(found.observation), len(observation)
        faults.append(Fault(str(source), "observation", f"{counts[0]} features", f"{counts[1]} features"))
    for index, (theirs, ours) in enumerate(zip(map(dict, found.observation), observation, strict=False)):
        for key in ours:
            if theirs.get(key) != ours[key]:
                where = f"observation.{index}.{key}"
                faults.append(Fault(str(source), where, repr(theirs.get(key)), f"{ours[key]!r}, as in the town"))
    if list(found.actions) != list(actions):
        faults.append(Fault(str(source), "actions", ", ".join(found.actions), ", ".join(actions)))
    if faults:
        # One shifted feature misplaces all that follow, so the first few faults are enough.
        raise InputError(faults[:4])


def read_card(policy: AnyPath) -> PolicyCard:
    """The card alone, from a policy's folder, one of its files or its name. Raises InputError for an unusable one."""
    path = card_file(policy)
    return validated(read_json(path, "a policy's card"), PolicyCard, path)


def _float32(shapes: Mapping[str, list[int]]) -> dict[str, str]:
    return {name: f"float32 {shape}" for name, shape in shapes.items()}


def _apart(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights that share no memory, as safetensors demands; those of a module may share it."""
    storages = Counter(tensor.untyped_storage().data_ptr() for tensor in weights.values())
    return {
        name: tensor.contiguous() if storages[tensor.untyped_storage().data_ptr()] == 1 else tensor.clone().contiguous()
        for name, tensor in weights.items()
    }


def _read_weights(path: AnyPath, data: bytes, expected: Mapping[str, str]) -> dict[str, torch.Tensor]:
    """The weights in a file's content; ``expected`` describes each by its name."""
    try:
        weights: dict[str, torch.Tensor] = safetensors_torch.load(data)
    except (SafetensorError, ValueError, TypeError, LookupError, MemoryError, OverflowError, RuntimeError) as error:
        raise InputError.of(path, "", str(error), "weights in safetensors form") from None
    found = {name: _describe(tensor) for name, tensor in weights.items()}
    faults = [
        Fault(str(path), name, found.get(name, "nothing"), expected.get(name, "no such tensor"))
        for name in sorted({*expected, *found})
        if found.get(name) != expected.get(name)
    ]
    if faults:
        raise InputError(faults)
    _require_finite(path, weights)
    return weights


def _describe(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _require_finite(path: AnyPath, weights: Mapping[str, torch.Tensor]) -> None:
    faults = []
    for name, tensor in weights.items():
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            faults.append(Fault(str(path), name, f"{bad} weights that are NaN or infinite", "finite numbers"))
    if faults:
        raise InputError(faults)
