"""Inspection of a policy at one agent-step: action probabilities, value estimate, and attribution to features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from townlet.capture import read_capture
from townlet.errors import InputError, nearest_name
from townlet.files.storage import AnyPath
from townlet.view.captured_scenario import captured_scenario
from townlet.view.policy_outputs import Outputs, outputs_of

if TYPE_CHECKING:
    from townlet.behavior import Behavior
    from townlet.config import Scenario


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
    value: float | None
    """The policy's estimate of the return from this tick on; None without one."""
    entropy: float
    """Entropy of the action probabilities, nats."""
    reward: float
    """Reward of the tick, clipped."""
    reward_parts: Mapping[str, float]
    influences: tuple[Influence, ...]
    """Every feature that is not 0, the largest influence on the action first; none unless Townlet's network acts."""

    def as_json(self) -> dict[str, Any]:
        """The inspection as JSON values."""
        return asdict(self)


def inspect_moment(
    policy: AnyPath | None,
    manifest: AnyPath,
    *,
    tick: int,
    agent: str,
    world: int = 0,
    behavior: str | Behavior | None = None,
    scenario: Scenario | AnyPath | None = None,
) -> Inspection:
    """Evaluate the policy in a folder or ``policy.json`` on one agent-step of a capture.

    ``behavior`` is evaluated in a policy's place, as :func:`townlet.view.policy_outputs.outputs_of` says; it needs the
    captured ``scenario``, by default the built-in one of the recorded name.

    Raises InputError if the policy or the capture is damaged, the two are of different towns, or the capture does not
    have this tick, person or world.
    """
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
    captured = None if behavior is None else captured_scenario(recorded, manifest, scenario)
    outputs = outputs_of(capture, policy, behavior, captured)
    values, mask, action = buffer.observation[at], buffer.mask[at], int(buffer.action[at])
    output = outputs(world, *(np.array([index]) for index in (tick, at[2])))
    legal = np.flatnonzero(mask)
    probabilities = output.probabilities[0, legal]
    return Inspection(
        world=world,
        tick=tick,
        agent=agent,
        action=recorded.actions[action],
        acted=agent in outputs.acted_for,
        probabilities={
            recorded.actions[legal[i]]: float(probabilities[i])
            for i in np.argsort(-probabilities, kind="stable").tolist()
        },
        value=None if output.value is None else float(output.value[0]),
        entropy=float(output.entropy[0]),
        reward=float(buffer.reward[at]),
        reward_parts=dict(zip(recorded.reward_parts, map(float, buffer.reward_parts[at]), strict=True)),
        influences=_influences(output, recorded.observation, values),
    )


def _influences(
    output: Outputs, features: Sequence[Mapping[str, Any]], values: NDArray[np.float32]
) -> tuple[Influence, ...]:
    if output.on_action is None or output.on_value is None:
        return ()
    influences = [
        Influence(
            str(feature["name"]),
            str(feature["meaning"]),
            float(values[index]),
            float(output.on_action[0, index]),
            float(output.on_value[0, index]),
        )
        for index, feature in enumerate(features)
        if values[index] != 0.0
    ]
    return tuple(sorted(influences, key=lambda influence: -abs(influence.on_action)))
