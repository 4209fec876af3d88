"""Registration of the built-in scenarios with Gymnasium and PettingZoo."""

from __future__ import annotations

import gymnasium
import pettingzoo

from townlet.config.find import builtin_scenarios

NAMESPACE = "townlet"


def register_environments() -> None:
    """Register every built-in scenario, and ``Town``, which takes a ``scenario``; what is registered already stays.

    ``gymnasium.make("townlet/QueueConflict-v0")`` makes the single-agent environment of ``queue_conflict``;
    ``pettingzoo.make("parallel", "townlet/queue_conflict_v0")``, or ``"aec"``, the town with all its people. Neither
    library looks for plugins, so ``import townlet.envs`` first, or name the module in Gymnasium's id:
    ``gymnasium.make("townlet.envs:townlet/QueueConflict-v0")``. PettingZoo before 1.27 makes nothing by name.
    """
    _in_gymnasium(f"{NAMESPACE}/Town-v0")
    for name in builtin_scenarios():
        _in_gymnasium(gymnasium_id(name), scenario=name)
        # PettingZoo has had a registry since 1.27.
        if hasattr(pettingzoo, "register"):
            # It keeps names with a hyphen, and takes them with an underscore as well.
            _in_pettingzoo(f"{NAMESPACE}/{name}-v0", scenario=name)


def _in_gymnasium(name: str, **options: str) -> None:
    if name not in gymnasium.registry:
        gymnasium.register(name, "townlet.envs.single:TownEnv", kwargs=options)


def _in_pettingzoo(name: str, **options: str) -> None:
    if name not in pettingzoo.parallel_registry:
        pettingzoo.register("parallel", name, "townlet.envs.town_v0:parallel_env", kwargs=options)
    if name not in pettingzoo.aec_registry:
        pettingzoo.register("aec", name, "townlet.envs.town_v0:env", kwargs=options)


def gymnasium_id(scenario: str) -> str:
    """Return Gymnasium's id of a built-in scenario: ``townlet/TownDay-v0`` for ``town_day``."""
    return f"{NAMESPACE}/{''.join(word.capitalize() for word in scenario.split('_'))}-v0"
