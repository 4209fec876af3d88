"""Policy of Stable-Baselines3, brought into Townlet: trained, captured, played back, evaluated beside the heuristic.

    python examples/bring_sb3.py

Afterwards every command takes it: ``townlet evaluate --scenario … --behavior examples/bring_sb3.py:behavior``.
"""

from pathlib import Path

import supersuit
import torch
from stable_baselines3 import PPO

import townlet
from townlet.behavior import Behavior, from_logits
from townlet.capture import capture_rollout
from townlet.config.find import find_scenario, scenario_of
from townlet.evaluation import evaluate
from townlet.view.playback import playback_html, resimulate

SCENARIO, MODEL = "queue_conflict", "sb3.zip"


def train(steps: int) -> None:
    """Train one policy for everybody, and save it."""
    town = townlet.parallel_env(SCENARIO, agents="slots", action_mask="none")
    places = supersuit.pettingzoo_env_to_vec_env_v1(town)
    environment = supersuit.concat_vec_envs_v1(places, 8, base_class="stable_baselines3")
    PPO("MlpPolicy", environment, n_steps=64, batch_size=256, device="cpu").learn(steps).save(MODEL)


def behavior() -> Behavior:
    """The saved policy as a behaviour; Townlet leaves out illegal actions and draws."""
    policy = PPO.load(MODEL, device="cpu").policy
    return from_logits(
        lambda observation, mask: policy.get_distribution(torch.from_numpy(observation)).distribution.logits,
        name="sb3",
        files=[MODEL],
    )


def main(steps: int = 60_000) -> None:
    """Train, capture, play back and evaluate."""
    train(steps)
    captured = capture_rollout(find_scenario(SCENARIO), "capture", behavior=behavior())
    page = playback_html([[resimulate(captured.manifest_path, behavior=behavior())]])
    Path("playback.html").write_text(page, encoding="utf-8")
    for name, means in evaluate(None, scenario_of(SCENARIO), behavior=behavior())["behaviors"].items():
        print(name, means["reward_mean"])


if __name__ == "__main__":
    main()
