"""A kitchen with showers, and perturbations of it: drawn ones, or one at a tick that a test chooses."""

from __future__ import annotations

from typing import Any

from support.towns import Happening, Stage, shower_room
from townlet.config import Scenario

PERTURBATIONS = ("power_outage", "water_outage", "price_spike", "closure")
DAY = 40

#: Two showers that need water, a stove that needs power, and a counter that sells a cold snack and a hot meal.
KITCHEN: dict[str, Any] = {
    "ticks_per_day": DAY,
    "ticks": 2000,
    "objects": {
        "shower_2": {"type": "shower", "at": [6, 6]},
        "stove_1": {"type": "stove", "at": [0, 0]},
        "counter_1": {"type": "counter", "at": [0, 6]},
    },
    "affordances": {
        "wash": {"ticks": 20, "utility": "water"},
        "cook": {"object": "stove", "ticks": 5, "effects": {"hunger": 0.3}, "utility": "power"},
        "heat": {
            "object": "counter",
            "ticks": 5,
            "effects": {"hunger": 0.5},
            "utility": "power",
            "price": 2.0,
            "when": "hunger < 0.9",
        },
        "snack": {"object": "counter", "ticks": 5, "effects": {"hunger": 0.1}, "price": 1.0},
    },
}


def kitchen(**rules: Any) -> Scenario:
    economy = {"start_wallet": 5.0}
    return shower_room(**KITCHEN, rules={"economy": economy, "queue": {"cooldown_ticks": 6}, **rules})


def perturbed(*, seed: int = 0, per_day: float = 1.0, ticks: int = 7, **rules: Any) -> Stage:
    """A town in which every kind of perturbation has the same probability and duration; spikes triple the prices."""
    fate: dict[str, Any] = {kind: {"per_day": per_day, "ticks": ticks} for kind in PERTURBATIONS}
    fate["price_spike"]["factor"] = 3.0
    return Stage(kitchen(perturbations=fate, **rules), seed=seed)


def undisturbed(**rules: Any) -> Stage:
    """A town without perturbations except those that a test causes; each lasts 7 ticks."""
    return perturbed(per_day=0.0, **rules)


def strike(stage: Stage, kind: str, **actions: str) -> list[Happening]:
    """One tick, at the end of which a perturbation takes effect."""
    now = stage.state.worlds[0]
    now.next_change = now.tick + 1
    now.perturbation_at[PERTURBATIONS.index(kind)] = now.tick + 1
    return stage.tick(**actions)


def walk_to(stage: Stage, name: str, thing: str) -> None:
    """Let a person request an object of a type until they hold it or wait for it."""
    for _ in range(30):
        if stage.role(name) != "idle":
            return
        stage.tick(**{name: f"request_{thing}"})
    raise AssertionError(f"{name} does not reach the {thing}")
