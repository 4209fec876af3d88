"""Training of one policy of an arm over drawn towns, from an arm and a seed to the folder of a policy."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue

from townlet.config import Scenario
from townlet.config.drawn import TRAINING, drawn_scenario
from townlet.config.rules import RewardRules
from townlet.config.training import TrainingConfig
from townlet.host.torch_settings import repeatable
from townlet.study.conflict.shaping import loop_of
from townlet.study.unseen.amounts import Amounts
from townlet.study.unseen.arms import ARMS, Arm
from townlet.training.final_policy import save_final_policy
from townlet.training.harness import TrainingHarness


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
    scenario = training_scenario(condition, drawn_scenario(TRAINING[seed]), seed, amounts)
    with repeatable():
        # AMOUNT: a single town for each seed, until trainings run over many.
        loop = loop_of("delayed" if condition.placebo else "none", scenario, worlds=amounts.worlds, seed=seed)
        harness = TrainingHarness.for_scenario(scenario, seed=seed, loop=loop)
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
    """A training town as an arm has it: its observations, its rewards and its amounts."""
    rules = scenario.rules.model_copy(update={"reward": reward_of(arm, scenario.rules.reward)})
    training = TrainingConfig(
        seed=seed,
        worlds=amounts.worlds,
        rollout_ticks=amounts.rollout_ticks,
        cycles=amounts.cycles,
        network=scenario.training.network,
        ppo=scenario.training.ppo,
    )
    if arm.reward != "whole":
        employment = rules.employment.model_copy(update={"lateness_penalty": 0.0})
        rules = rules.model_copy(update={"employment": employment})
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
        without |= {"wage", "absence"} & set(RewardRules.model_fields)
    changes = dict.fromkeys(without, 0.0)
    return reward.model_copy(update=changes)
