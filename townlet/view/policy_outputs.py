"""Outputs of a policy or another behaviour on recorded agent-steps: probabilities, values, attributions to features."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.own.selection import Features, Selection
from townlet.capture import Capture, Manifest
from townlet.config import Scenario
from townlet.config.rules import ObservationConfig
from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.policies.origin import Member
from townlet.rollout import RolloutBuffer
from townlet.view.recorded_states import Floats, Indices, RecordedStates
from townlet.world.observation.schema import observation_schema_of

if TYPE_CHECKING:
    from townlet.behavior import Behavior
    from townlet.behavior.network import ActorCritic


class Outputs(NamedTuple):
    """Outputs for ``B`` agent-steps with ``F`` features and ``N`` actions."""

    probabilities: NDArray[np.float64]
    """[B, N]; exactly 0 for illegal actions."""
    entropy: NDArray[np.float64]
    """[B], nats."""
    value: NDArray[np.float32] | None
    """[B], units of return; None without an estimate."""
    on_action: NDArray[np.float32] | None
    """[B, F]: attribution of the log-probability of the action taken, nats; None unless it is Townlet's network."""
    on_value: NDArray[np.float32] | None
    """[B, F]: attribution of the value, units of return; None unless it is Townlet's network."""


def network_output(
    network: ActorCritic,
    observation: NDArray[np.float32],
    mask: NDArray[np.bool_],
    action: NDArray[np.int32],
    state: NDArray[np.float32] | None = None,
) -> Outputs:
    """Evaluate a network on observations [B, F] with masks [B, N]; ``action`` [B] is what was taken.

    ``state``, float32 [B, H], is what a recurrent network remembers then; None for an episode's beginning. Attributions
    are to what is observed now.

    Attribution is gradient × input, the first-order contribution of each feature to the output (Shrikumar, Greenside,
    Shcherbina and Kundaje 2016, "Not just a black box", arXiv:1605.01713, equation 1 and section 3.1). A feature that
    is 0 has attribution 0, however much the output would change with it.
    """
    import torch

    features = torch.from_numpy(observation.copy()).requires_grad_()
    before = None if state is None else torch.from_numpy(state)
    log_probs, value = network(features, torch.from_numpy(mask.copy()), before)
    taken = log_probs.gather(1, torch.from_numpy(action.astype(np.int64))[:, None])
    # Each output depends on its own row alone, so the gradient of the sum holds the gradient of every row.
    (by_action,) = torch.autograd.grad(taken.sum(), features, retain_graph=True)
    (by_value,) = torch.autograd.grad(value.sum(), features)
    probabilities = log_probs.detach().exp().double()
    return Outputs(
        probabilities.numpy(),
        torch.special.entr(probabilities).sum(-1).numpy(),
        value.detach().numpy(),
        by_action.numpy() * observation,
        by_value.numpy() * observation,
    )


class OutputsOf(Protocol):
    """Somebody whose outputs can be computed without letting them act."""

    identity: str
    """SHA-256 of the weights, or of the origin of a behaviour made outside Townlet."""
    acted_for: list[str]
    """The people for whom this is who acted in the capture."""

    def __call__(self, world: int, tick: Indices, person: Indices) -> Outputs:
        """Outputs for agent-steps of a captured world, in its ticks and for these people, each int64 [B]."""
        ...


def outputs_of(
    capture: Capture, policy: AnyPath | None, behavior: str | Behavior | None, scenario: Scenario | None
) -> OutputsOf:
    """The outputs of a policy, or of a behaviour made by ``from_logits`` or read from an ONNX file, for a capture.

    ``scenario`` is the captured one, which a behaviour needs. Raises InputError for both or neither, for a policy or
    behaviour that is damaged or was made for other observations or actions, and for a behaviour that only acts.
    """
    if (policy is None) == (behavior is None):
        found = "neither" if policy is None else "both"
        raise InputError.of("options", "policy, --behavior", found, "one of them")
    if policy is not None:
        return _OfPolicy(capture, policy)
    assert behavior is not None and scenario is not None
    return _OfBehavior(capture, behavior, scenario)


class _OfPolicy:
    def __init__(self, capture: Capture, policy: AnyPath) -> None:
        from townlet.behavior.policy_file import load_policy, read_card

        recorded = capture.manifest
        seen = _seen_by(read_card(policy).observation, recorded)
        self._selection = Selection(recorded.observation, seen)
        self._network, card = load_policy(policy, observation=seen, actions=recorded.actions)
        self._buffer, commits = capture.buffer, card.network.commitment_ticks > 0
        self._states = RecordedStates(capture, self._selection, self._network.state_units, self._advance, commits)
        self.identity, self.acted_for = card.sha256, recorded.behavior.acted_for(card.sha256, recorded.people)

    def __call__(self, world: int, tick: Indices, person: Indices) -> Outputs:
        observation, mask, action = _recorded(self._buffer, world, tick, person)
        state = self._states.before(world, tick, person)
        output = network_output(self._network, self._selection.of(observation), mask, action, state)
        assert output.on_action is not None and output.on_value is not None
        on_action, on_value = self._selection.spread(output.on_action), self._selection.spread(output.on_value)
        return output._replace(on_action=on_action, on_value=on_value)

    def _advance(self, observation: Floats, mask: NDArray[np.bool_], state: Floats) -> Floats:
        import torch

        from townlet.behavior.torch_rows import step_rows

        rows = (torch.from_numpy(array) for array in (observation, mask, state))
        after: Floats = step_rows(self._network, *rows).state.numpy()
        return after


def _seen_by(known: Features, recorded: Manifest) -> Features:
    """The recorded features, or of a town of mixed company, which shows more, those that a policy knows, as it does."""
    if recorded.behavior.origin is None or not recorded.behavior.origin.members:
        return recorded.observation
    by_name = {feature["name"]: feature for feature in known}
    shown = [feature for feature in recorded.observation if feature["name"] in by_name]
    return [{key: by_name[feature["name"]].get(key) for key in feature} for feature in shown]


class _OfBehavior:
    def __init__(self, capture: Capture, behavior: str | Behavior, scenario: Scenario) -> None:
        from townlet.behavior.choose import choose_behavior

        recorded = capture.manifest
        choice = choose_behavior(scenario, behavior)
        member = next((each for each in _members(recorded) if each.acting == choice.identity), None)
        if member is not None and member.observations:
            own = validated(member.observations, ObservationConfig, recorded.scenario.name)
            choice = choose_behavior(scenario.model_copy(update={"observations": own}), behavior)
        self._evaluate = getattr(choice.behavior, "evaluate", None)
        if self._evaluate is None or choice.identity is None:
            expected = "one that gives probabilities: made by from_logits, or an ONNX file with logits; or --policy"
            raise InputError.of("options", "--behavior", f"{choice.behavior.name}, which only acts", expected)
        if member is None and choice.scenario.town_digest != recorded.scenario.town_sha256:
            expected = "a capture with the observations that the behaviour needs"
            raise InputError.of("options", "--behavior", f"{choice.behavior.name} and other observations", expected)
        self._selection = Selection(recorded.observation, observation_schema_of(choice.scenario))
        units, advance = getattr(choice.behavior, "state_units", 0), getattr(choice.behavior, "advance", None)
        if units and advance is None:
            expected = "one whose memory can be followed: an ONNX file that Townlet exported, or --policy"
            raise InputError.of("options", "--behavior", f"{choice.behavior.name}, which remembers", expected)
        self._buffer, commits = capture.buffer, getattr(choice.behavior, "commitment_ticks", 0) > 0
        self._states = RecordedStates(capture, self._selection, units, advance, commits)
        self.identity = choice.identity
        self.acted_for = recorded.behavior.acted_for(choice.identity, recorded.people)

    def __call__(self, world: int, tick: Indices, person: Indices) -> Outputs:
        assert self._evaluate is not None
        observation, mask, _ = _recorded(self._buffer, world, tick, person)
        state, seen = self._states.before(world, tick, person), self._selection.of(observation)
        # Those of other makers take two arguments.
        probabilities, value = self._evaluate(seen, mask, *(() if state is None else (state,)))
        logarithms = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0.0)
        return Outputs(probabilities, -(probabilities * logarithms).sum(axis=-1), value, None, None)


def _recorded(
    buffer: RolloutBuffer, world: int, tick: Indices, person: Indices
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int32]]:
    """Observations [B, F], masks [B, N] and actions [B] of agent-steps."""
    at = tick, world, person
    return buffer.observation[at], buffer.mask[at], buffer.action[at]


def _members(recorded: Manifest) -> Collection[Member]:
    return recorded.behavior.origin.members.values() if recorded.behavior.origin else ()
