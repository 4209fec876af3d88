"""Hand-over of control from a script to the network, a few people at a time, as soon as the network is good enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import Behavior, NarrowingBehavior, act_within
from townlet.behavior.heuristic import HeuristicBehavior
from townlet.behavior.memory import recall, state_units_of
from townlet.behavior.network import ActorCritic
from townlet.behavior.scripted import ScriptedBehavior
from townlet.config.scenario import Scenario
from townlet.config.training import HandoverConfig, TrainingConfig
from townlet.errors import InputError
from townlet.rollout import RolloutBuffer, aligned_zeros
from townlet.seeds import fold_seed
from townlet.training.batch import Batch, rows_of
from townlet.training.replay import replay_batch
from townlet.world import Town

Gate = Literal["open", "closed"]

# Stream of the draw of the people whom the script drives; townlet.training.joint lists the others.
_STREAM = 1 << 62


def require_handover(config: TrainingConfig, mode: str) -> None:
    """Raise InputError for a hand-over that cannot happen in this mode, or that could never proceed."""
    obstacles = {
        "mode replay": (mode == "replay", "mode rollout or mixed"),
        "replay.mixing: joint": (mode == "mixed" and config.replay.mixing == "joint", "replay.mixing: alternate"),
        "replay.held_out_share: 0": (config.replay.held_out_share == 0.0, "a share above 0, to evaluate cloning on"),
    }
    for obstacle, (stands, instead) in obstacles.items():
        if stands and config.handover.script != "none":
            found = f"{config.handover.script} with {obstacle}"
            raise InputError.of("training options", "handover.script", found, f"none, or {instead}")


class HandoverBehavior(NarrowingBehavior):
    """A behaviour in which each person is driven by a script or by the network for a whole rollout.

    ``driven``, bool [W, A], marks the people whom the script drives; assign it before each rollout. The script's
    actions are recorded with log-probability 0 and the network's value estimate, which is NaN where the network is not
    asked. The script chooses anew in every tick, among all that is legal, even if the network commits itself.
    """

    name = "handover"
    deterministic = False

    def __init__(self, script: Behavior, network: Behavior) -> None:
        self.script, self.network = script, network
        self.driven: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)
        self.state_units = state_units_of(network)

    def recall(self, town: Town, state: NDArray[np.float32]) -> None:
        """Fill ``state``, float32 [W, A, H], with the network's hidden states before the coming choice."""
        recall(self.network, town, state)

    def act_within(
        self,
        town: Town,
        mask: NDArray[np.bool_],
        action: NDArray[np.int32],
        log_prob: NDArray[np.float32],
        value: NDArray[np.float32],
    ) -> None:
        """Choose for everybody and fill ``mask``; see :func:`townlet.behavior.base.act_within`."""
        act_within(self.network, town, mask, action, log_prob, value)
        np.copyto(mask, town.mask, where=self.driven[..., None])
        scripted = aligned_zeros(action.shape, np.int32)
        self.script.act(town, scripted, np.empty_like(log_prob), np.empty_like(value))
        np.copyto(action, scripted, where=self.driven)
        np.copyto(log_prob, np.float32(0.0), where=self.driven)


@dataclass(frozen=True)
class Handover:
    """The state of a hand-over, which decides who drives whom in the next rollout."""

    config: HandoverConfig
    share: float
    """The share of people whom the script drives in the next rollout; 0 without a hand-over, or after it."""
    gate: Gate = "closed"
    """Whether the last cycle allowed the share to fall."""

    @classmethod
    def of(cls, config: HandoverConfig) -> Handover:
        """The state before the first rollout."""
        return cls(config, 0.0 if config.script == "none" else 1.0)

    def behavior(
        self, shape: tuple[int, int], scenario: Scenario | None, network: Behavior, *, seed: int, cycle: int
    ) -> HandoverBehavior:
        """The behaviour for the next rollout.

        Args:
            shape: [W, A].
            scenario: holds the schedule, if that is the script.
            network: the network's behaviour.
            seed: of the draw of people.
            cycle: the number of rollouts before this one.
        """
        behavior = HandoverBehavior(script_of(self.config, scenario), network)
        behavior.driven = draw_driven(shape, self.share, seed=seed, cycle=cycle)
        return behavior

    def fields(self) -> dict[str, Any]:
        """The telemetry fields of the hand-over, for every epoch over the next rollout."""
        return {"handover_share": self.share, "handover_gate": self.gate}

    def after(self, buffer: RolloutBuffer, driven: NDArray[np.bool_], cloning: Mapping[str, Any]) -> Handover:
        """The state after a rollout in which the script drove ``driven``, bool [W, A].

        ``cloning`` holds the telemetry fields of the last epoch that cloned the script, if any did.
        """
        reward = buffer.reward.ravel()
        learners, followers = (
            float(reward[rows].mean(dtype=np.float64)) if len(rows) else None
            for rows in (rows_of(buffer, ~driven), rows_of(buffer, driven))
        )
        gate = gate_after(
            self.config,
            accuracy=cloning.get("cloning_accuracy_held_out"),
            majority_rate=cloning.get("cloning_majority_rate"),
            learners_reward=learners,
            script_reward=followers,
        )
        return replace(self, share=next_share(self.config, self.share, gate, driven), gate=gate)


def script_of(config: HandoverConfig, scenario: Scenario | None) -> Behavior:
    """The behaviour that drives people at first. Raises ValueError for the schedule without a scenario."""
    if config.script == "heuristic":
        return HeuristicBehavior()
    if scenario is None:
        raise ValueError("scenario: found none, expected one: it holds the script")
    return ScriptedBehavior(scenario)


def script_batch(
    buffer: RolloutBuffer, network: ActorCritic, config: TrainingConfig, driven: NDArray[np.bool_]
) -> Batch:
    """A batch for cloning the script's actions in a rollout, independent of ``config.replay``.

    ``driven``, bool [W, A], marks the people whom the script drove.
    """
    replay = config.replay.model_copy(update={"method": "cloning", "mixing": "alternate"})
    cloning = config.model_copy(update={"replay": replay})
    batch = replay_batch(buffer, network, cloning, deterministic=True, source="rollout", only=driven)
    batch.statistics["scripted_agent_steps"] = batch.statistics.pop("replayed_agent_steps")
    return batch


def draw_driven(shape: tuple[int, int], share: float, *, seed: int, cycle: int) -> NDArray[np.bool_]:
    """Draw the people whom the script drives, bool of ``shape`` [W, A].

    They are ``share`` of all slots, drawn by ``seed`` and ``cycle`` alone.
    """
    generator = np.random.Generator(np.random.Philox(key=np.array([fold_seed(seed), _STREAM + cycle], np.uint64)))
    driven = np.zeros(math.prod(shape), np.bool_)
    driven[generator.permutation(len(driven))[: round(share * len(driven))]] = True
    return driven.reshape(shape)


def gate_after(
    config: HandoverConfig,
    *,
    accuracy: float | None,
    majority_rate: float | None,
    learners_reward: float | None,
    script_reward: float | None,
) -> Gate:
    """The gate after a cycle: open if the script's share may fall.

    Once both the network and the script drive people, the mean rewards per agent-step of the two groups decide. Until
    then the accuracy of cloning on held-out agent-steps decides. None stands for a value that was not measured; it
    leaves the gate closed.

    Args:
        config: holds the margins.
        accuracy: share of held-out agent-steps on which the network agrees with the script.
        majority_rate: the share that always choosing the most common action would reach.
        learners_reward, script_reward: mean reward per agent-step of the people whom the network drives (the learners)
            and of those whom the script drives.
    """
    if learners_reward is not None and script_reward is not None:
        return "open" if learners_reward >= script_reward - config.reward_margin else "closed"
    if accuracy is not None and majority_rate is not None:
        bar = majority_rate + config.accuracy_margin * (1.0 - majority_rate)
        return "open" if accuracy > bar else "closed"
    return "closed"


def next_share(config: HandoverConfig, share: float, gate: Gate, driven: NDArray[np.bool_]) -> float:
    """The share of people whom the script drives after a cycle in which it was ``share`` and it drove ``driven``."""
    if not driven.any():
        # The share rounds to nobody, so there is no more reward of the script's people to open the gate.
        return 0.0
    if gate == "closed":
        return share
    rest = share - 1.0 / config.steps
    # Thirds do not sum to exactly one.
    return rest if rest > 1e-6 else 0.0
