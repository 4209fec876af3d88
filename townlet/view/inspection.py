"""What a policy thought of one moment: how likely each action was, what it was worth, and what it looked at."""

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
    """One feature of the observation, and how much it had to do with what the policy said."""

    feature: str
    meaning: str
    value: float
    on_action: float
    """Gradient × input of the log-probability of the action taken, nats."""
    on_value: float
    """Gradient × input of the value estimate, units of return."""


@dataclass(frozen=True)
class Inspection:
    """One person's moment in a capture, as a policy sees it."""

    world: int
    tick: int
    agent: str
    action: str
    """What was done."""
    acted: bool
    """Whether this policy chose it; if not, its opinion of somebody else's choice."""
    probabilities: Mapping[str, float]
    """Of every legal action, the likeliest first."""
    value: float
    """The policy's estimate of the return from here."""
    entropy: float
    """Of the policy here, nats."""
    reward: float
    """What the tick gave, clipped."""
    reward_parts: Mapping[str, float]
    influences: tuple[Influence, ...]
    """Every feature that is not 0, by its weight on the action."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class NetworkOutput(NamedTuple):
    """What a network makes of ``B`` agent-steps of ``F`` features, of which one of ``N`` actions was taken."""

    probabilities: NDArray[np.float64]
    """[B, N], of illegal actions exactly 0."""
    entropy: NDArray[np.float64]
    """[B], nats."""
    value: NDArray[np.float32]
    """[B], units of return."""
    on_action: NDArray[np.float32]
    """[B, F]: gradient × input of the log-probability of the action taken, nats."""
    on_value: NDArray[np.float32]
    """[B, F]: gradient × input of the value."""


def network_output(
    network: ActorCritic, observation: NDArray[np.float32], mask: NDArray[np.bool_], action: NDArray[np.int32]
) -> NetworkOutput:
    """What a network makes of agent-steps: observations [B, F], masks [B, N], and the actions taken [B].

    Influence is gradient × input, the first-order share of each feature in the output (Shrikumar, Greenside, Shcherbina
    and Kundaje 2016, "Not just a black box", arXiv:1605.01713, equation 1 and section 3.1). A feature that is 0 has
    none, however much would change if it were not.
    """
    import torch

    seen = torch.from_numpy(observation.copy()).requires_grad_()
    log_probs, value = network(seen, torch.from_numpy(mask.copy()))
    taken = log_probs.gather(1, torch.from_numpy(action.astype(np.int64))[:, None])
    # A row's output depends on that row alone, so the gradient of the sum is the gradient of each.
    (by_action,) = torch.autograd.grad(taken.sum(), seen, retain_graph=True)
    (by_value,) = torch.autograd.grad(value.sum(), seen)
    chances = log_probs.detach().exp().double()
    return NetworkOutput(
        chances.numpy(),
        torch.special.entr(chances).sum(-1).numpy(),
        value.detach().numpy(),
        by_action.numpy() * observation,
        by_value.numpy() * observation,
    )


def inspect_moment(policy: AnyPath, manifest: AnyPath, *, tick: int, agent: str, world: int = 0) -> Inspection:
    """What the policy in a folder or ``policy.json`` makes of one agent-step of a capture.

    Raises InputError for a policy or capture that is damaged or of another town, and for a tick, person or world that
    the capture does not have.
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
    opinion = network_output(network, values[None], mask[None], buffer.action[at][None])
    shares = [share[0].tolist() for share in (opinion.on_action, opinion.on_value)]
    influences = [
        Influence(str(feature["name"]), str(feature["meaning"]), float(values[index]), *(s[index] for s in shares))
        for index, feature in enumerate(recorded.observation)
        if values[index] != 0.0
    ]
    legal = np.flatnonzero(mask)
    chances = opinion.probabilities[0, legal]
    return Inspection(
        world=world,
        tick=tick,
        agent=agent,
        action=recorded.actions[action],
        acted=recorded.behavior.policy_sha256 == card.sha256,
        probabilities={
            recorded.actions[legal[i]]: float(chances[i]) for i in np.argsort(-chances, kind="stable").tolist()
        },
        value=float(opinion.value[0]),
        entropy=float(opinion.entropy[0]),
        reward=float(buffer.reward[at]),
        reward_parts=dict(zip(recorded.reward_parts, map(float, buffer.reward_parts[at]), strict=True)),
        influences=tuple(sorted(influences, key=lambda influence: -abs(influence.on_action))),
    )
