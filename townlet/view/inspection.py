"""Inspection of a policy at one agent-step: action probabilities, value estimate, and attribution to features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.capture import read_capture
from townlet.errors import InputError, nearest_name
from townlet.files.storage import AnyPath

if TYPE_CHECKING:
    from townlet.behavior.network import ActorCritic


@dataclass(frozen=True)
class Influence:
    """One feature of the observation and its attribution: gradient × input."""

    feature: str
    meaning: str
    value: float
    on_action: float
    """Attribution of the log-probability of the action taken, nats."""
    on_value: float
    """Attribution of the value estimate, units of return."""


@dataclass(frozen=True)
class Inspection:
    """Outputs of a policy for one person at one tick of a capture."""

    world: int
    tick: int
    agent: str
    action: str
    """The action taken."""
    acted: bool
    """Whether this policy chose it."""
    probabilities: Mapping[str, float]
    """Of every legal action, the most probable first."""
    value: float
    """The policy's estimate of the return from this tick on."""
    entropy: float
    """Entropy of the action probabilities, nats."""
    reward: float
    """Reward of the tick, clipped."""
    reward_parts: Mapping[str, float]
    influences: tuple[Influence, ...]
    """Every feature that is not 0, the largest influence on the action first."""

    def as_json(self) -> dict[str, Any]:
        """The inspection as JSON values."""
        return asdict(self)


class NetworkOutput(NamedTuple):
    """Outputs of a network for ``B`` agent-steps with ``F`` features and ``N`` actions."""

    probabilities: NDArray[np.float64]
    """[B, N]; exactly 0 for illegal actions."""
    entropy: NDArray[np.float64]
    """[B], nats."""
    value: NDArray[np.float32]
    """[B], units of return."""
    on_action: NDArray[np.float32]
    """[B, F]: attribution of the log-probability of the action taken, nats."""
    on_value: NDArray[np.float32]
    """[B, F]: attribution of the value, units of return."""


def network_output(
    network: ActorCritic, observation: NDArray[np.float32], mask: NDArray[np.bool_], action: NDArray[np.int32]
) -> NetworkOutput:
    """Evaluate a network on observations [B, F] with masks [B, N]; ``action`` [B] is what was taken.

    Attribution is gradient × input, the first-order contribution of each feature to the output (Shrikumar, Greenside,
    Shcherbina and Kundaje 2016, "Not just a black box", arXiv:1605.01713, equation 1 and section 3.1). A feature that
    is 0 has attribution 0, however much the output would change with it.
    """
    import torch

    features = torch.from_numpy(observation.copy()).requires_grad_()
    log_probs, value = network(features, torch.from_numpy(mask.copy()))
    taken = log_probs.gather(1, torch.from_numpy(action.astype(np.int64))[:, None])
    # Each output depends on its own row alone, so the gradient of the sum holds the gradient of every row.
    (by_action,) = torch.autograd.grad(taken.sum(), features, retain_graph=True)
    (by_value,) = torch.autograd.grad(value.sum(), features)
    probabilities = log_probs.detach().exp().double()
    return NetworkOutput(
        probabilities.numpy(),
        torch.special.entr(probabilities).sum(-1).numpy(),
        value.detach().numpy(),
        by_action.numpy() * observation,
        by_value.numpy() * observation,
    )


def inspect_moment(policy: AnyPath, manifest: AnyPath, *, tick: int, agent: str, world: int = 0) -> Inspection:
    """Evaluate the policy in a folder or ``policy.json`` on one agent-step of a capture.

    Raises InputError if the policy or the capture is damaged, the two are of different towns, or the capture does not
    have this tick, person or world.
    """
    from townlet.behavior.policy_file import load_policy

    capture = read_capture(manifest)
    recorded, buffer = capture.manifest, capture.buffer
    for name, value, count in (("--tick", tick, recorded.ticks), ("--world", world, recorded.worlds)):
        if not 0 <= value < count:
            raise InputError.of("options", name, str(value), f"0 to {count - 1}, which were captured")
    if agent not in recorded.people:
        raise InputError.of("options", "--agent", repr(agent), nearest_name(agent, recorded.people))
    at = tick, world, recorded.people.index(agent)
    if not buffer.alive[at]:
        raise InputError.of("options", "--tick", f"{agent} not in town at tick {tick}", "a tick with somebody there")
    network, card = load_policy(policy, observation=recorded.observation, actions=recorded.actions)
    values, mask, action = buffer.observation[at], buffer.mask[at], int(buffer.action[at])
    output = network_output(network, values[None], mask[None], buffer.action[at][None])
    attributions = [attribution[0].tolist() for attribution in (output.on_action, output.on_value)]
    influences = [
        Influence(
            str(feature["name"]), str(feature["meaning"]), float(values[index]), *(each[index] for each in attributions)
        )
        for index, feature in enumerate(recorded.observation)
        if values[index] != 0.0
    ]
    legal = np.flatnonzero(mask)
    probabilities = output.probabilities[0, legal]
    return Inspection(
        world=world,
        tick=tick,
        agent=agent,
        action=recorded.actions[action],
        acted=recorded.behavior.policy_sha256 == card.sha256,
        probabilities={
            recorded.actions[legal[i]]: float(probabilities[i])
            for i in np.argsort(-probabilities, kind="stable").tolist()
        },
        value=float(output.value[0]),
        entropy=float(output.entropy[0]),
        reward=float(buffer.reward[at]),
        reward_parts=dict(zip(recorded.reward_parts, map(float, buffer.reward_parts[at]), strict=True)),
        influences=tuple(sorted(influences, key=lambda influence: -abs(influence.on_action))),
    )
