"""PufferLib's C environments, measured like Townlet, under any interpreter that has PufferLib.

Settings are those of PufferLib 3.0's own performance tests if an environment has one, else of its training
configuration; batch sizes are those of both. https://github.com/PufferAI/PufferLib
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any, NamedTuple

from townlet.bench.protocol import cycle_rows, drawn_actions, machine, measure_rates


class Environment(NamedTuple):
    """One of PufferLib's environments: its class in ``pufferlib.ocean.NAME.NAME``, settings and batch sizes."""

    kind: str
    settings: dict[str, Any]
    worlds: tuple[int, ...]


ENVIRONMENTS = {
    "snake": Environment("Snake", {}, (1, 4, 16)),
    "trash_pickup": Environment(
        "TrashPickupEnv",
        {"grid_size": 10, "num_agents": 4, "num_trash": 20, "num_bins": 1, "max_steps": 150, "agent_sight_range": 5},
        (128, 1024),
    ),
    "rware": Environment("Rware", {"map_choice": 2, "num_agents": 8, "num_requested_shelves": 8}, (128, 1024)),
    "cpr": Environment("PyCPR", {}, (1, 64, 512)),
    "nmmo3": Environment("NMMO3", {}, (1,)),
}


def version() -> str:
    """PufferLib's version. Raises ImportError if it is not installed."""
    return str(importlib.import_module("pufferlib").__version__)


def measure_environment(name: str, worlds: int, seconds: float, repeats: int) -> dict[str, Any]:
    """Measure one batch size of one environment; the keys are those of :func:`townlet.bench.town.measure_town`.

    PufferLib allocates its arrays in C, so ``bytes_per_world`` is the growth of the process, or None if the system does
    not report it. Environments reset themselves within their own step.
    """
    kind, settings, _ = ENVIRONMENTS[name]
    make = getattr(importlib.import_module(f"pufferlib.ocean.{name}.{name}"), kind)
    before = _resident_bytes()
    environment = make(num_envs=worlds, **settings)
    environment.reset(0)
    actions = drawn_actions(int(environment.single_action_space.n), (environment.num_agents,))
    rows = cycle_rows(actions)
    ticks = 0

    def step() -> None:
        nonlocal ticks
        environment.step(next(rows))
        ticks += 1

    rates = measure_rates(step, lambda: float(ticks * environment.num_agents), seconds=seconds, repeats=repeats)
    after = _resident_bytes()
    growth = None if before is None or after is None else max(after - before - actions.nbytes, 0)
    return {
        **rates,
        "bytes_per_world": None if growth is None else growth // worlds,
        "worlds": worlds,
        "people": environment.num_agents // worlds,
        "features": math.prod(environment.single_observation_space.shape),
        "actions": int(environment.single_action_space.n),
        "protocol": "drawn",
        "machine": {**machine(), "pufferlib": version()},
    }


def _resident_bytes() -> int | None:
    """Memory of this process, or None if the system does not report it."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), None)
