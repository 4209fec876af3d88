"""Options of commands and of the pipeline, in place of what a scenario says itself."""

from __future__ import annotations

from townlet.config.scenario import Scenario
from townlet.config.validate import Where, dotted, validated_scenario

#: What options can replace, by their place in a scenario.
_OPTIONS = {("ticks",): "--ticks", ("seed",): "--seed", ("capture", "worlds"): "--worlds"}


def with_options(scenario: Scenario, *, ticks: int | None, worlds: int | None, seed: int | None) -> Scenario:
    """The scenario with options in place of what its file says; instructions after its end are left out.

    Raises InputError naming the option, or what in the scenario does not go with it.
    """
    content = scenario.model_dump()
    content["ticks"] = ticks if ticks is not None else scenario.ticks
    content["seed"] = seed if seed is not None else scenario.seed
    content["capture"]["worlds"] = worlds if worlds is not None else scenario.capture.worlds
    if isinstance(ticks, int):
        content["schedule"] = {
            name: [entry for entry in entries if entry["at"] < ticks] for name, entries in content["schedule"].items()
        }
    return validated_scenario(content, "options", _place)


def _place(where: Where) -> str:
    return _OPTIONS.get(where, dotted(where))
