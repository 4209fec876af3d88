"""Options of commands and of the pipeline that override a scenario."""

from __future__ import annotations

from collections.abc import Mapping

from townlet.config.scenario import Scenario
from townlet.config.validate_scenario import Source, Where, validated_scenario
from townlet.errors import InputError

#: Options by the place in a scenario that they override.
_OPTIONS = {("ticks",): "--ticks", ("capture", "worlds"): "--worlds", ("seed",): "--seed"}


def with_options(scenario: Scenario, *, ticks: int | None, worlds: int | None, seed: int | None) -> Scenario:
    """Return the scenario with options applied, without instructions that would fall after its end.

    Raises InputError naming the option, or the part of the scenario that it contradicts.
    """
    _require_agreement(scenario, {"ticks": ticks, "capture.worlds": worlds, "scenario.seed": seed})
    content = scenario.model_dump()
    content["ticks"] = ticks if ticks is not None else scenario.ticks
    content["seed"] = seed if seed is not None else scenario.seed
    content["capture"]["worlds"] = worlds if worlds is not None else scenario.capture.worlds
    if isinstance(ticks, int):
        content["schedule"] = {
            name: [entry for entry in entries if entry["at"] < ticks] for name, entries in content["schedule"].items()
        }
    return validated_scenario(content, "options", _Options()).with_record_of(scenario.settings)


def _require_agreement(scenario: Scenario, options: Mapping[str, int | None]) -> None:
    """Raise InputError for an option whose key a setting gives another value."""
    for (key, value), name in zip(options.items(), _OPTIONS.values(), strict=True):
        if value is not None and scenario.settings.get(key, value) != value:
            found = f"{value} beside --set {key}={scenario.settings[key]}"
            raise InputError.of("options", name, found, "one of them")


class _Options(Source):
    def place(self, where: Where) -> str:
        return _OPTIONS.get(where) or super().place(where)
