"""Behaviours from ONNX files: policies that Townlet exported, and networks of other makers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import Behavior
from townlet.behavior.brought_observations import with_observations
from townlet.behavior.fit import Fit, find_fit
from townlet.behavior.memory import SlotMemory
from townlet.behavior.onnx_file import CARD_KEY
from townlet.behavior.own.draws import draw_actions, weights_of
from townlet.behavior.own.functions import from_actions, from_logits, hashes_of
from townlet.behavior.own.onnx_network import OnnxFile, OnnxNetwork, open_onnx
from townlet.behavior.own.rows import RowsBehavior
from townlet.behavior.policy_file import PolicyCard
from townlet.config import Scenario
from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.storage import AnyPath, as_path
from townlet.files.strict_json import strict
from townlet.policies.origin import Origin
from townlet.world import Town
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

#: The name of all these behaviours in manifests.
NAME = "onnx"


def onnx_behavior(path: AnyPath, scenario: Scenario, *, greedy: bool = False) -> tuple[Behavior, Scenario]:
    """The behaviour in an ONNX file, and the scenario with the observations that it brings.

    A file that Townlet exported holds its policy's card. It is fitted to the town by the names of features and actions,
    brings the observations that it was trained with, and honours commitments, as the policy itself does.

    Of any other file, only shapes are known: the width of its observations and actions must be the town's, and it
    brings no observations. Logits become a behaviour as by :func:`townlet.behavior.from_logits`; actions as by
    :func:`townlet.behavior.from_actions`, deterministic unless a node of the file draws random numbers.
    :class:`~townlet.behavior.own.onnx_network.OnnxNetwork` says how outputs are told apart.

    Args:
        path: a file on this machine; weights may lie in files beside it.
        scenario: the town.
        greedy: whether to take the most probable actions instead of drawing them.

    The behaviour's ``origin`` names the files and their hashes. Raises InputError for a file that onnxruntime cannot
    run or that does not fit the town, for ``greedy`` with a file that chooses itself, and without the extra ``onnx``.
    """
    place = as_path(path)
    if not isinstance(place, Path):
        raise InputError.of(path, "", "a file elsewhere", "an ONNX file on this machine")
    file = open_onnx(place)
    if CARD_KEY in file.metadata:
        return _exported(file, scenario, greedy)
    schema, names = observation_schema_of(scenario), action_names(scenario.object_types)
    network = OnnxNetwork(file, len(schema), len(names), of=scenario.name)
    if greedy and not network.gives_logits:
        raise InputError.of(file.path, "outputs", "actions", "logits: greedy takes the most probable action")
    made: Behavior
    if network.gives_logits:
        made = from_logits(_results_of(network), name=NAME, deterministic=greedy)
    else:
        made = from_actions(_results_of(network), name=NAME, deterministic=not file.random)
    # Not the hash of this module, which says nothing about the file.
    made.origin = _origin_of(file)
    return made, scenario


class OnnxPolicyBehavior(RowsBehavior):
    """A policy that Townlet exported as an ONNX file, as it acts in a town.

    It does what a :class:`~townlet.behavior.neural.NeuralBehavior` of the same policy does, up to rounding: it draws
    from the town's policy stream, or takes the most probable actions if ``greedy``; and people who have committed
    themselves go on with what they do, with log-probability 0 and no value. With a memory, it keeps everybody's state.
    """

    name = NAME
    concurrent = True
    has_values = has_log_probs = True

    def __init__(self, network: OnnxNetwork, card: PolicyCard, fit: Fit | None, *, greedy: bool = False) -> None:
        self.card, self.origin = card, _origin_of(network.file)
        self.deterministic, self.commitment_ticks = greedy, card.network.commitment_ticks
        self._network, self._fit = network, fit
        self.state_units, self.memory = network.state_units, SlotMemory(network.state_units)

    def choose(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_], draws: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Choose for each row as an episode begins; see :meth:`RowsBehavior.choose`."""
        return self._choose(observation, mask, draws, None)[0]

    def choose_in(
        self,
        town: Town,
        slots: NDArray[np.int64],
        observation: NDArray[np.float32],
        mask: NDArray[np.bool_],
        draws: NDArray[np.float64],
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Choose for these slots, and advance their states where somebody is."""
        if not self.state_units:
            return self.choose(observation, mask, draws)
        states = self.memory.before(town).reshape(-1, self.state_units)
        found, after = self._choose(observation, mask, draws, states[slots])
        advancing = town.alive.reshape(-1)[slots]
        states[slots[advancing]] = after[advancing]
        return found

    def recall(self, town: Town, state: NDArray[np.float32]) -> None:
        """Fill ``state``, float32 [W, A, H], with everybody's hidden state before the coming choice."""
        state[:] = self.memory.before(town)

    def evaluate(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_], state: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Probabilities of the town's actions, float64 [B, N], 0 for illegal ones, and values, float32 [B].

        ``observation`` is float32 [B, F], ``mask`` bool [B, N], ``state`` float32 [B, H] before the choices.
        """
        logits, values, _ = self._outputs(observation, mask, state)
        weights = weights_of(logits, mask)
        return weights / weights.sum(axis=1, keepdims=True), values

    def advance(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_], state: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The states after choices, float32 [B, H], from those before them."""
        return self._outputs(observation, mask, state)[2]

    def _choose(
        self,
        observation: NDArray[np.float32],
        mask: NDArray[np.bool_],
        draws: NDArray[np.float64],
        state: NDArray[np.float32] | None,
    ) -> tuple[tuple[NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[np.float32]]:
        """Actions, log-probabilities and values, and the states after them."""
        logits, values, after = self._outputs(observation, mask, state)
        weights = weights_of(logits, mask)
        if self.deterministic:
            return (weights.argmax(axis=1), np.zeros(len(mask)), values), after
        return (*draw_actions(weights, draws), values), after

    def _outputs(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_], state: NDArray[np.float32] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
        """Logits, float64 [B, N], of the town's actions, values, float32 [B], and the next states, float32 [B, H]."""
        if self._fit is None:
            known, legal = observation, mask
        else:
            # To the policy, features of types that the town lacks are 0, and their actions are illegal.
            known = np.zeros((len(mask), self._network.features), np.float32)
            legal = np.zeros((len(mask), self._network.actions), np.bool_)
            known[:, self._fit.features], legal[:, self._fit.actions] = observation, mask
        outputs = self._network(known, legal, state)
        assert outputs.logits is not None and outputs.values is not None
        logits = outputs.logits if self._fit is None else outputs.logits[:, self._fit.actions]
        after = np.empty((len(mask), 0), np.float32) if outputs.state is None else outputs.state
        return logits.astype(np.float64), outputs.values, after


def _exported(file: OnnxFile, scenario: Scenario, greedy: bool) -> tuple[Behavior, Scenario]:
    """The policy in a file that Townlet exported."""
    source = f"{file.path}: metadata {CARD_KEY}"
    content = strict(file.metadata[CARD_KEY].encode(), source, "a policy's card")
    if not isinstance(content, dict):
        raise InputError.of(source, "", f"a JSON {type(content).__name__}", "a policy's card as a JSON object")
    card = validated(content, PolicyCard, source)
    sizes = len(card.observation), len(card.actions)
    network = OnnxNetwork(file, *sizes, of="the card in it", state_units=card.network.state_units)
    if not (network.gives_logits and network.gives_values):
        raise InputError.of(file.path, "outputs", "others", "log_probs and value, as townlet export onnx writes them")
    brought = with_observations(scenario, card.observation, source)
    town = observation_schema_of(brought), action_names(brought.object_types)
    fit = find_fit((card.observation, card.actions), town, source=source)
    return OnnxPolicyBehavior(network, card, fit, greedy=greedy), brought


def _results_of(network: OnnxNetwork) -> Any:
    """A network as a function of a behaviour: actions or logits, with values if it gives them."""

    def function(observation: NDArray[np.float32], mask: NDArray[np.bool_]) -> Any:
        outputs = network(observation, mask)
        if outputs.logits is not None:
            return outputs.logits if outputs.values is None else (outputs.logits, outputs.values)
        return outputs.actions if outputs.values is None else (outputs.actions, None, outputs.values)

    return function


def _origin_of(file: OnnxFile) -> Origin:
    return Origin(given=str(file.path), files=hashes_of(file.files))
