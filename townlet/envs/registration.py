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
        for kind, function in (("parallel", "parallel_env"), ("aec", "env")):
            _in_pettingzoo(kind, f"{NAMESPACE}/{name}_v0", f"townlet.envs.town_v0:{function}", scenario=name)


def _in_gymnasium(name: str, **options: str) -> None:
    if name not in gymnasium.registry:
        gymnasium.register(name, "townlet.envs.single:TownEnv", kwargs=options)


def _in_pettingzoo(kind: str, name: str, maker: str, **options: str) -> None:
    # PettingZoo has had a registry since 1.27.
    if hasattr(pettingzoo, "register") and name not in getattr(pettingzoo, f"{kind}_registry"):
        pettingzoo.register(kind, name, maker, kwargs=options)


def gymnasium_id(scenario: str) -> str:
    """Return Gymnasium's id of a built-in scenario: ``townlet/TownDay-v0`` for ``town_day``."""
    return f"{NAMESPACE}/{''.join(word.capitalize() for word in scenario.split('_'))}-v0"
