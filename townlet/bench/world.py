"""How many agent-steps per second the town makes on one core, observations and action masks included."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np

from townlet.behavior.random import RandomBehavior
from townlet.config import Scenario
from townlet.world import Town

#: Eight people, two showers and a stove, a fridge, a bed and a counter too few; nothing but the default rules.
EIGHT_PEOPLE = Scenario.model_validate(
    {
        "name": "eight_people",
        "description": "The benchmark's town.",
        "ticks": 1000,
        "map": {"width": 16, "height": 16, "walls": [{"corner": [8, 0], "opposite": [8, 5]}]},
        "objects": {
            "shower_1": {"type": "shower", "at": [2, 2]},
            "shower_2": {"type": "shower", "at": [13, 2]},
            "stove_1": {"type": "stove", "at": [2, 13]},
            "fridge_1": {"type": "fridge", "at": [6, 13]},
            "bed_1": {"type": "bed", "at": [13, 13]},
            "counter_1": {"type": "counter", "at": [10, 8]},
        },
        "affordances": {
            "shower": {"object": "shower", "ticks": 8, "effects": {"hygiene": 0.6}},
            "cook": {"object": "stove", "ticks": 8, "effects": {"hunger": 0.6}},
            "snack": {"object": "fridge", "ticks": 3, "effects": {"hunger": 0.2}},
            "sleep": {"object": "bed", "ticks": 30, "effects": {"energy": 0.9}, "counts_as": "sleep_complete"},
            "serve": {"object": "counter", "ticks": 10, "effects": {"energy": -0.05}, "work": True},
        },
        "jobs": {"cafe": {"workplace": "counter_1", "start": 300, "end": 600, "wage": 0.03}},
        "people": {
            f"person_{i}": {"at": [2 * i % 16, 6 + i % 2], **({"job": "cafe"} if i < 2 else {})} for i in range(8)
        },
    }
)


def bench_world(worlds: list[int], repeats: int, seconds: float) -> list[dict[str, Any]]:
    """One result per batch size, then one for the same rules uncompiled, the reference of the ratios.

    Each repeat steps for about ``seconds`` under random legal actions, whose choice is part of the measured time.
    Keys: case, agent_steps_per_second (median), spread (slowest and fastest repeat), bytes_per_world, worlds,
    people, features, ratio_to_uncompiled.
    """
    reference = _uncompiled()
    results = [_measure(EIGHT_PEOPLE, count, repeats, seconds) for count in worlds]
    for result in [*results, reference]:
        rate = result["agent_steps_per_second"] / reference["agent_steps_per_second"]
        result["ratio_to_uncompiled"] = round(rate, 1)
    return [*results, reference]


def _measure(scenario: Scenario, worlds: int, repeats: int, seconds: float) -> dict[str, Any]:
    town = Town(scenario, worlds=worlds, seed=0)
    behavior = RandomBehavior()
    shape = (worlds, len(town.people))
    action, log_prob, value = np.zeros(shape, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)

    def run(ticks: int) -> float:
        begin = time.perf_counter()
        for _ in range(ticks):
            behavior.act(town, action, log_prob, value)
            town.step(action)
        return time.perf_counter() - begin

    run(1)
    pilot = max(run(20) / 20, 1e-7)
    ticks = max(int(seconds / pilot), 1)
    run(ticks)
    rates = sorted(ticks * worlds * len(town.people) / run(ticks) for _ in range(repeats))
    return {
        "case": f"{scenario.name}, {worlds} worlds",
        "agent_steps_per_second": round(statistics.median(rates)),
        "spread": [round(rates[0]), round(rates[-1])],
        "bytes_per_world": sum(array.nbytes for array in town.state) // worlds,
        "worlds": worlds,
        "people": len(town.people),
        "features": len(town.observation_schema),
    }


def _uncompiled() -> dict[str, Any]:
    """The same measurement in a process whose rules run as plain Python."""
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    code = (
        "import json; from townlet.bench.world import EIGHT_PEOPLE, _measure; "
        "print(json.dumps(_measure(EIGHT_PEOPLE, 1, 1, 0.5)))"
    )
    output = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True).stdout
    return {**json.loads(output), "case": "eight_people, uncompiled rules"}
