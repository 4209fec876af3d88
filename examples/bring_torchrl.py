"""Policy of TorchRL, brought into Townlet: trained, captured, played back, evaluated beside the heuristic.

    python examples/bring_torchrl.py

Afterwards every command takes it: ``townlet evaluate --scenario … --behavior examples/bring_torchrl.py:behavior``.
"""

from pathlib import Path

import torch
from train_torchrl import actor_of, train

from townlet.behavior import Behavior, from_logits
from townlet.capture import capture_rollout
from townlet.config.find import find_scenario, scenario_of
from townlet.evaluation import evaluate
from townlet.view.playback import playback_html, resimulate

SCENARIO, MODEL = "queue_conflict", "torchrl.pt"


def behavior() -> Behavior:
    """The saved policy as a behaviour; Townlet leaves out illegal actions and draws."""
    weights = torch.load(MODEL)
    first, *_, last = (weight for weight in weights.values() if weight.ndim == 2)
    actor = actor_of(features=first.shape[1], actions=last.shape[0])
    actor.load_state_dict(weights)
    # The first module of the actor makes logits of observations, the second one draws.
    network = actor[0].module
    return from_logits(lambda observation, mask: network(torch.from_numpy(observation)), name="torchrl", files=[MODEL])


def main(steps: int = 10_240) -> None:
    """Train, capture, play back and evaluate."""
    actor, _, _ = train(SCENARIO, steps, seed=0)
    torch.save(actor.state_dict(), MODEL)
    captured = capture_rollout(find_scenario(SCENARIO), "capture", behavior=behavior())
    page = playback_html([[resimulate(captured.manifest_path, behavior=behavior())]])
    Path("playback.html").write_text(page, encoding="utf-8")
    for name, means in evaluate(None, scenario_of(SCENARIO), behavior=behavior())["behaviors"].items():
        print(name, means["reward_mean"])


if __name__ == "__main__":
    main()
