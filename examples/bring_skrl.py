"""Policies of skrl, brought into Townlet: trained, captured, played back, evaluated beside the heuristic.

    python examples/bring_skrl.py

Afterwards every command takes them: ``townlet evaluate --scenario … --behavior examples/bring_skrl.py:behavior``.
"""

from pathlib import Path

import torch
from skrl.envs.wrappers.torch import wrap_env
from train_skrl import agents_of, train

import townlet
from townlet.behavior import Behavior, from_logits
from townlet.capture import capture_rollout
from townlet.config.find import find_scenario, scenario_of
from townlet.evaluation import evaluate
from townlet.view.playback import playback_html, resimulate

SCENARIO, MODEL = "queue_conflict", "skrl.pt"


def behavior() -> Behavior:
    """The saved policies as a behaviour. Each place has its own; the rows are the places of one world after another."""
    agents = agents_of(wrap_env(townlet.parallel_env(SCENARIO, agents="slots"), wrapper="pettingzoo", verbose=False))
    agents.load(MODEL)
    networks = [agents.policies[slot].net for slot in agents.possible_agents]

    def logits(observation, mask):
        seen = torch.from_numpy(observation).unflatten(0, (-1, len(networks)))
        return torch.stack([network(seen[:, place]) for place, network in enumerate(networks)], dim=1).flatten(0, 1)

    return from_logits(logits, name="skrl", files=[MODEL])


def main(steps: int = 6_000) -> None:
    """Train, capture, play back and evaluate."""
    train(SCENARIO, steps, seed=0)[0].save(MODEL)
    captured = capture_rollout(find_scenario(SCENARIO), "capture", behavior=behavior())
    # Without the behaviour: a page asks for the rows of the living alone, which do not say whose they are.
    page = playback_html([[resimulate(captured.manifest_path)]])
    Path("playback.html").write_text(page, encoding="utf-8")
    for name, means in evaluate(None, scenario_of(SCENARIO), behavior=behavior())["behaviors"].items():
        print(name, means["reward_mean"])


if __name__ == "__main__":
    main()
