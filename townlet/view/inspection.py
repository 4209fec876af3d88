"""What a policy thought of one moment: how likely each action was, what it was worth, and what it looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from townlet.capture import read_capture
from townlet.errors import InputError, nearest_name
from townlet.storage import AnyPath


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


def inspect_moment(policy: AnyPath, manifest: AnyPath, *, tick: int, agent: str, world: int = 0) -> Inspection:
    """What the policy in a folder or ``policy.json`` makes of one agent-step of a capture.

    Influence is gradient × input, the first-order share of each feature in the output (Shrikumar, Greenside, Shcherbina
    and Kundaje 2016, "Not just a black box", arXiv:1605.01713, equation 1 and section 3.1). A feature that is 0 has
    none, however much would change if it were not.

    Raises InputError for a policy or capture that is damaged or of another town, and for a tick, person or world that
    the capture does not have.
    """
    import torch

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
    seen = torch.from_numpy(buffer.observation[at].copy())[None].requires_grad_()
    log_probs, value = network(seen, torch.from_numpy(buffer.mask[at].copy())[None])
    action = int(buffer.action[at])
    (on_action,) = torch.autograd.grad(log_probs[0, action], seen, retain_graph=True)
    (on_value,) = torch.autograd.grad(value[0], seen)
    values = seen.detach()[0]
    shares = [(values * gradient[0]).tolist() for gradient in (on_action, on_value)]
    influences = [
        Influence(str(feature["name"]), str(feature["meaning"]), float(values[index]), *(s[index] for s in shares))
        for index, feature in enumerate(recorded.observation)
        if values[index] != 0.0
    ]
    legal = np.flatnonzero(buffer.mask[at])
    chances = log_probs.detach()[0].exp()[legal].double()
    return Inspection(
        world=world,
        tick=tick,
        agent=agent,
        action=recorded.actions[action],
        acted=recorded.behavior.policy_sha256 == card.sha256,
        probabilities={
            recorded.actions[legal[i]]: float(chances[i]) for i in chances.argsort(descending=True).tolist()
        },
        value=float(value.detach()),
        entropy=float(torch.special.entr(chances).sum()),
        reward=float(buffer.reward[at]),
        reward_parts=dict(zip(recorded.reward_parts, map(float, buffer.reward_parts[at]), strict=True)),
        influences=tuple(sorted(influences, key=lambda influence: -abs(influence.on_action))),
    )
