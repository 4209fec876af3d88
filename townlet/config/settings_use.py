"""Use of settings: which keys a command depends on. Others are refused, because they would change nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from pydantic import JsonValue

from townlet.config.faults import quote
from townlet.config.scenario import Scenario
from townlet.config.settings import Settings, read_settings, with_settings
from townlet.errors import Fault, InputError

#: What settings are for.
Use = Literal["capture", "training", "soak", "evaluation", "baseline"]

_TRAIN = "it in townlet train"
_SOAK = "it in townlet soak"
_LOGS = "it in townlet soak"
_UNENDING = "it in townlet train: one cycle of a soak is like the next"
#: By use, the places that it does not depend on, and what does.
_UNUSED: Mapping[Use, Mapping[str, str]] = {
    "capture": {"training": _TRAIN, "soak": _SOAK, "telemetry": _LOGS},
    "training": {
        "capture": "it in townlet capture",
        "soak": _SOAK,
        "telemetry.thresholds": "it in townlet soak, or an option of townlet watch",
        "seed": "training.seed, from which a training draws",
    },
    "soak": {
        "training.cycles": "the option --cycles",
        "training.seed": "the option --seed",
        "training.handover": _UNENDING,
        "training.imitation": _UNENDING,
        "training.towns": _UNENDING,
        "training.replay.mixing": _UNENDING,
        "training.ppo.lr_schedule": _UNENDING,
        "training.ppo.entropy_schedule": _UNENDING,
    },
    "evaluation": {
        "training": _TRAIN,
        "soak": _SOAK,
        "telemetry": _LOGS,
        "capture": "the option --worlds",
        "seed": "the option --seed",
    },
    "baseline": {
        "training": _TRAIN,
        "soak": _SOAK,
        "telemetry": _LOGS,
        "capture.worlds": "the option --worlds",
        "seed": "the option --first-seed",
    },
}
#: Sections of the town itself, on which :attr:`Scenario.town_digest` depends.
_TOWN = ("ticks_per_day", "map", "objects", "affordances", "jobs", "people", "rules", "observations")
#: Sections that are a policy's, not a scenario's, once a training begins with one.
OF_POLICY = ("training.network", "training.imitation", "observations")
#: Places that everything depends on, if only for its time.
_ALWAYS = ("training.threads",)


def scenario_for(use: Use, scenario: Scenario, settings: Settings, source: str = "--set") -> Scenario:
    """Return the scenario with settings, like :func:`with_settings`.

    Raises InputError also for a setting that the use does not depend on.
    """
    require_use(use, settings, source)
    return with_settings(scenario, settings, source)


def require_use(use: Use, settings: Settings, source: str = "--set") -> None:
    """Raise InputError naming each setting that the use does not depend on, and what does."""
    faults = [
        Fault(source, each.key, f"a key on which no {use} depends", instead)
        for each in read_settings(settings, source)
        if (instead := _instead(use, ".".join(each.where))) is not None
    ]
    if faults:
        raise InputError(faults)


def is_used(use: Use, key: str) -> bool:
    """Whether a use depends on a full key, as :attr:`Scenario.settings` has it; threads do not count."""
    place = key.removeprefix("scenario.")
    return place not in _ALWAYS and _instead(use, place) is None


def _instead(use: Use, place: str) -> str | None:
    if place in _ALWAYS:
        return None
    return next((instead for unused, instead in _UNUSED[use].items() if _within(place, unused)), None)


def _within(place: str, section: str) -> bool:
    return f"{place}.".startswith(f"{section}.")


def settings_within(scenario: Scenario, sections: Collection[str]) -> Iterator[str]:
    """Yield the full keys of a scenario's settings that lie in some sections, such as ``training.network``."""
    yield from (key for key in scenario.settings if any(_within(key, section) for section in sections))


def refuse_settings(scenario: Scenario, sections: Collection[str], expected: str, source: str = "--set") -> None:
    """Raise InputError naming each setting of a scenario that lies in some sections; ``expected`` says why not."""
    faults = [
        Fault(source, key, quote(scenario.settings[key]), expected) for key in settings_within(scenario, sections)
    ]
    if faults:
        raise InputError(faults)


def why_another_town(
    recorded: Mapping[str, JsonValue], own: Mapping[str, JsonValue], there: str = "there", here: str = "here"
) -> str:
    """Say why a scenario's town is not the recorded one, as the settings of both tell, in a phrase."""
    return _differing(recorded, own, _TOWN, there, here) or "the map, people or rules have changed since"


def why_another_scenario(recorded: Mapping[str, JsonValue], own: Mapping[str, JsonValue]) -> str:
    """Say why a scenario's rollouts are not the recorded ones, as the settings of both tell, in a phrase."""
    sections = (*_TOWN, "ticks", "schedule")
    return _differing(recorded, own, sections, "there", "here") or "the scenario has changed since"


def _differing(
    recorded: Mapping[str, JsonValue], own: Mapping[str, JsonValue], sections: Collection[str], there: str, here: str
) -> str:
    keys = [key for key in dict.fromkeys([*recorded, *own]) if any(_within(key, section) for section in sections)]
    differing = [key for key in keys if (key in recorded, recorded.get(key)) != (key in own, own.get(key))]
    told = [f"{key} is {_set_to(recorded, key)} {there} and {_set_to(own, key)} {here}" for key in differing]
    return f"by settings, {'; '.join(told)}" if told else ""


def _set_to(settings: Mapping[str, JsonValue], key: str) -> str:
    return quote(settings[key]) if key in settings else "not set"
