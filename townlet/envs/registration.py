"""Registration of the built-in scenarios with Gymnasium and PettingZoo."""

from __future__ import annotations

import gymnasium
import pettingzoo

from townlet.config.find import builtin_scenarios

NAMESPACE = "townlet"


def register_environments() -> None:
    """Register every built-in scenario, and ``Town``, which takes a ``scenario``, once per process.

    ``gymnasium.make("townlet/QueueConflict-v0")`` makes the single-agent environment of ``queue_conflict``;
    ``pettingzoo.make("parallel", "townlet/queue_conflict_v0")``, or ``"aec"``, the town with all its people. Neither
    library looks for plugins, so ``import townlet.envs`` first, or name the module in Gymnasium's id:
    ``gymnasium.make("townlet.envs:townlet/QueueConflict-v0")``.
    """
    if f"{NAMESPACE}/Town-v0" in gymnasium.registry:
        return
    gymnasium.register(f"{NAMESPACE}/Town-v0", "townlet.envs.single:TownEnv")
    for name in builtin_scenarios():
        options = {"scenario": name}
        gymnasium.register(gymnasium_id(name), "townlet.envs.single:TownEnv", kwargs=options)
        pettingzoo.register("parallel", f"{NAMESPACE}/{name}_v0", "townlet.envs.town_v0:parallel_env", kwargs=options)
        pettingzoo.register("aec", f"{NAMESPACE}/{name}_v0", "townlet.envs.town_v0:env", kwargs=options)


def gymnasium_id(scenario: str) -> str:
    """Return Gymnasium's id of a built-in scenario: ``townlet/TownDay-v0`` for ``town_day``."""
    return f"{NAMESPACE}/{''.join(word.capitalize() for word in scenario.split('_'))}-v0"
