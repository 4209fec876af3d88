"""Training of one policy of an arm over drawn towns, from an arm and a seed to the folder of a policy."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue

from townlet.config import Scenario
from townlet.config.drawn import TRAINING, drawn_scenario
from townlet.config.rules import RewardRules
from townlet.config.training import ImitationConfig, NetworkConfig, PPOConfig, TownsConfig, TrainingConfig
from townlet.host.torch_settings import repeatable
from townlet.study.unseen.amounts import Amounts
from townlet.study.unseen.arms import ARMS, Arm
from townlet.study.unseen.late_penalties import LatePenaltiesLoop
from townlet.training.final_policy import save_final_policy
from townlet.training.harness import TrainingHarness
from townlet.training.towns_loop import TownsLoop

#: A perceptron whose people stay with a choice for up to 16 ticks.
NETWORK = NetworkConfig(hidden=(128, 128), activation="relu", commitment_ticks=16)
#: A discount of 0.998 per tick halves a reward in 350 ticks, so that in the morning a shift at noon counts.
CONSTANTS = PPOConfig(
    learning_rate=1.5e-3,
    lr_schedule="linear",
    gamma=0.998,
    gae_lambda=0.95,
    entropy_coef=0.01,
    entropy_schedule="linear",
    value_coef=0.01,
    minibatch_size=2048,
)
EPOCHS = 2


def train_policy(arm: str, seed: int, folder: Path, *, amounts: Amounts) -> Path:
    """Train a policy of an arm from a seed and return its folder, with ``policy.json`` and ``policy.safetensors``.

    The card is written last: if it exists, the training is complete.

    Args:
        arm: name of a learning arm, which decides what people observe and what is in their rewards.
        seed: of the training.
        folder: where the policy is written.
        amounts: how much it trains.

    Raises TrainingDiverged.
    """
    condition = ARMS[arm]
    scenario = training_scenario(condition, drawn_scenario(TRAINING[0]), seed, amounts)
    with repeatable():
        kind = LatePenaltiesLoop if condition.placebo else TownsLoop
        # One core for each policy; the study trains several at once.
        harness = TrainingHarness.for_scenario(scenario, seed=seed, loop=kind(scenario, seed=seed))
        harness.run("rollout", lambda fields: None)
        origin: dict[str, JsonValue] = {
            "scenario": scenario.name,
            "config_sha256": scenario.digest,
            "mode": "rollout",
            "parents": {},
            "arm": arm,
        }
        save_final_policy(folder, harness, origin)
    return folder


def training_scenario(arm: Arm, scenario: Scenario, seed: int, amounts: Amounts) -> Scenario:
    """What all training towns have in common under an arm: observations, rewards and amounts.

    Everything else of ``scenario``, a drawn town, is replaced by the town's own.
    """
    rules = scenario.rules.model_copy(update={"reward": reward_of(arm, scenario.rules.reward)})
    training = TrainingConfig(
        seed=seed,
        worlds=amounts.worlds,
        rollout_ticks=scenario.ticks,
        cycles=amounts.cycles,
        epochs=EPOCHS,
        network=NETWORK,
        ppo=CONSTANTS,
        imitation=ImitationConfig(rollouts=amounts.imitation),
        towns=TownsConfig(count=amounts.towns, rollouts=amounts.stay),
    )
    seen = scenario.observations.model_copy(update={"conflict_features": arm.sees_conflict})
    return scenario.model_copy(update={"rules": rules, "observations": seen, "training": training})


def reward_of(arm: Arm, reward: RewardRules) -> RewardRules:
    """The weights of an arm's reward, from those of the town."""
    without: set[str] = set()
    if not arm.pays_conflict:
        without |= {"conflict_actor", "conflict_suffered", "rivalry"}
    if arm.reward == "needs_only":
        # Survival stays: without it, whoever faints would be spared the cost of unmet needs.
        without |= set(RewardRules.model_fields) - {"need_weights", "survival", "clip"}
    if arm.reward == "no_attendance":
        without |= {"wage", "absence"}
    changes = dict.fromkeys(without, 0.0)
    return reward.model_copy(update=changes)
