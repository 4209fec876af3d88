"""Policy of MaskablePPO, brought into Townlet: trained, captured, played back, evaluated beside the heuristic.

    python examples/bring_maskable.py

Afterwards every command takes it: ``townlet evaluate --scenario … --behavior examples/bring_maskable.py:behavior``.
"""

from pathlib import Path

import torch
from sb3_contrib import MaskablePPO
from train_maskable import train

from townlet.behavior import Behavior, from_logits
from townlet.capture import capture_rollout
from townlet.config.find import find_scenario, scenario_of
from townlet.evaluation import evaluate
from townlet.view.playback import playback_html, resimulate

SCENARIO, MODEL = "queue_conflict", "maskable.zip"


def behavior() -> Behavior:
    """The saved policy as a behaviour; its values are those of its critic."""
    policy = MaskablePPO.load(MODEL, device="cpu").policy

    def outputs(observation, mask):
        seen = torch.from_numpy(observation)
        return policy.get_distribution(seen, mask).distribution.logits, policy.predict_values(seen)

    return from_logits(outputs, name="maskable", files=[MODEL])


def main(steps: int = 60_000) -> None:
    """Train, capture, play back and evaluate."""
    train(SCENARIO, steps, seed=0)[0].save(MODEL)
    captured = capture_rollout(find_scenario(SCENARIO), "capture", behavior=behavior())
    page = playback_html([[resimulate(captured.manifest_path, behavior=behavior())]])
    Path("playback.html").write_text(page, encoding="utf-8")
    for name, means in evaluate(None, scenario_of(SCENARIO), behavior=behavior())["behaviors"].items():
        print(name, means["reward_mean"])


if __name__ == "__main__":
    main()
