"""From a script's control to the network's, person by person, through a gate that opens only when it is deserved."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.base import Behavior
from townlet.behavior.heuristic import HeuristicBehavior
from townlet.behavior.network import ActorCritic
from townlet.behavior.scripted import ScriptedBehavior
from townlet.config.scenario import Scenario
from townlet.config.training import HandoverConfig, TrainingConfig
from townlet.errors import InputError
from townlet.rollout import RolloutBuffer, aligned_zeros
from townlet.seeds import fold_seed
from townlet.training.batch import Batch, replay_batch, rows_of
from townlet.world import Town

Gate = Literal["open", "closed"]

# Stream of the draw of who follows the script; see townlet.training.joint for the others.
_STREAM = 1 << 62


def require_handover(config: TrainingConfig, mode: str) -> None:
    """Raise InputError if a hand-over is asked for that could not take place in a mode, or never go on."""
    obstacles = {
        "mode replay": (mode == "replay", "mode rollout or mixed"),
        "replay.mixing: joint": (mode == "mixed" and config.replay.mixing == "joint", "replay.mixing: alternate"),
        "replay.held_out_share: 0": (config.replay.held_out_share == 0.0, "a share above 0, to judge cloning by"),
    }
    for obstacle, (stands, instead) in obstacles.items():
        if stands and config.handover.script != "none":
            found = f"{config.handover.script} with {obstacle}"
            raise InputError.of("training options", "handover.script", found, f"none, or {instead}")


class HandoverBehavior:
    """People driven by a script or by the network, each by one of them for a whole rollout.

    ``driven``, bool [W, A], says whom the script drives; assign it before each rollout. The script's actions are
    recorded with the log-probability 0 and with the network's estimate of the value.
    """

    name = "handover"
    deterministic = False

    def __init__(self, script: Behavior, network: Behavior) -> None:
        self.script, self.network = script, network
        self.driven: NDArray[np.bool_] = np.zeros((0, 0), np.bool_)

    def act(
        self, town: Town, action: NDArray[np.int32], log_prob: NDArray[np.float32], value: NDArray[np.float32]
    ) -> None:
        """Choose for everybody; see :class:`townlet.behavior.base.Behavior`."""
        self.network.act(town, action, log_prob, value)
        scripted = aligned_zeros(action.shape, np.int32)
        self.script.act(town, scripted, np.empty_like(log_prob), np.empty_like(value))
        np.copyto(action, scripted, where=self.driven)
        np.copyto(log_prob, np.float32(0.0), where=self.driven)


@dataclass(frozen=True)
class Handover:
    """How far a hand-over has gone: a part of what a training's next rollout depends on."""

    config: HandoverConfig
    share: float
    """The share of people whom the script drives in the next rollout; 0 if there is no hand-over, or none any more."""
    gate: Gate = "closed"
    """What the last cycle's outcome said."""

    @classmethod
    def of(cls, config: HandoverConfig) -> Handover:
        """Before the first rollout."""
        return cls(config, 0.0 if config.script == "none" else 1.0)

    def behavior(
        self, shape: tuple[int, int], scenario: Scenario | None, network: Behavior, *, seed: int, cycle: int
    ) -> HandoverBehavior:
        """Who acts in the next rollout; ``shape`` is [W, A], and ``cycle`` the number of rollouts before it."""
        behavior = HandoverBehavior(script_of(self.config, scenario), network)
        behavior.driven = draw_driven(shape, self.share, seed=seed, cycle=cycle)
        return behavior

    def fields(self) -> dict[str, Any]:
        """The telemetry fields that say so, of every epoch over the next rollout."""
        return {"handover_share": self.share, "handover_gate": self.gate}

    def after(self, buffer: RolloutBuffer, driven: NDArray[np.bool_], cloning: Mapping[str, Any]) -> Handover:
        """After a rollout in which the script drove ``driven``, bool [W, A]; ``cloning`` holds the telemetry fields of
        the last epoch that cloned it, if any did."""
        reward = buffer.reward.ravel()
        learners, followers = (
            float(reward[rows].mean(dtype=np.float64)) if len(rows) else None
            for rows in (rows_of(buffer, ~driven), rows_of(buffer, driven))
        )
        gate = judge(
            self.config,
            accuracy=cloning.get("cloning_accuracy_held_out"),
            majority_rate=cloning.get("cloning_majority_rate"),
            learners_reward=learners,
            script_reward=followers,
        )
        return replace(self, share=next_share(self.config, self.share, gate, driven), gate=gate)


def script_of(config: HandoverConfig, scenario: Scenario | None) -> Behavior:
    """The behaviour that drives people at first. Raises ValueError if it is the schedule of a scenario that is None."""
    if config.script == "heuristic":
        return HeuristicBehavior()
    if scenario is None:
        raise ValueError("scenario: found none, expected one: it holds the script")
    return ScriptedBehavior(scenario)


def script_batch(
    buffer: RolloutBuffer, network: ActorCritic, config: TrainingConfig, driven: NDArray[np.bool_]
) -> Batch:
    """What the script did in a rollout, to be cloned whatever is done with recorded data; ``driven`` is bool [W, A]."""
    replay = config.replay.model_copy(update={"method": "cloning", "mixing": "alternate"})
    cloning = config.model_copy(update={"replay": replay})
    batch = replay_batch(buffer, network, cloning, deterministic=True, source="rollout", only=driven)
    batch.statistics["scripted_agent_steps"] = batch.statistics.pop("replayed_agent_steps")
    return batch


def draw_driven(shape: tuple[int, int], share: float, *, seed: int, cycle: int) -> NDArray[np.bool_]:
    """Whom the script drives, bool of ``shape`` [W, A]: ``share`` of all slots, by ``seed`` and ``cycle`` alone."""
    generator = np.random.Generator(np.random.Philox(key=np.array([fold_seed(seed), _STREAM + cycle], np.uint64)))
    driven = np.zeros(math.prod(shape), np.bool_)
    driven[generator.permutation(len(driven))[: round(share * len(driven))]] = True
    return driven.reshape(shape)


def judge(
    config: HandoverConfig,
    *,
    accuracy: float | None,
    majority_rate: float | None,
    learners_reward: float | None,
    script_reward: float | None,
) -> Gate:
    """Whether a cycle's outcome lets the script's share fall.

    Once learners and people on script live side by side, their mean rewards per agent-step decide; until then there is
    nothing but the accuracy of cloning on agent-steps it has not seen. What is None was not measured, and opens
    nothing.
    """
    if learners_reward is not None and script_reward is not None:
        return "open" if learners_reward >= script_reward - config.reward_margin else "closed"
    if accuracy is not None and majority_rate is not None:
        bar = majority_rate + config.accuracy_margin * (1.0 - majority_rate)
        return "open" if accuracy > bar else "closed"
    return "closed"


def next_share(config: HandoverConfig, share: float, gate: Gate, driven: NDArray[np.bool_]) -> float:
    """The share of people on script after a cycle in which it was ``share`` and the script drove ``driven``."""
    if not driven.any():
        # Less than half a person was left, and nobody on script can open the gate any more.
        return 0.0
    if gate == "closed":
        return share
    rest = share - 1.0 / config.steps
    # Thirds do not sum up to exactly one.
    return rest if rest > 1e-6 else 0.0
