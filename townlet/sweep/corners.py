"""Corners of a space: combinations of extreme values, tried on the scenario's validator before any training."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from townlet.config import Scenario
from townlet.config.settings import with_settings
from townlet.errors import Fault, InputError
from townlet.sweep.distributions import Choices
from townlet.sweep.space import Space

#: The most combinations that are tried. A larger space is tried value by value, and at its lowest and highest corner.
MOST_CORNERS = 128

Settings = Mapping[str, JsonValue]


def require_corners(space: Space, scenario: Scenario) -> None:
    """Raise InputError for each extreme value that the scenario refuses in every combination tried.

    Combinations of values that are each good somewhere are not refused: a trial that draws a bad one fails by itself.
    """
    tried = [(settings, _refusal(space, scenario, settings)) for settings in _corners(space)]
    if not any(refusal is None for _, refusal in tried):
        raise InputError(_faults(space, [refusal for _, refusal in tried if refusal]))
    faults: list[Fault] = []
    for key, distribution in space.settings.items():
        for value in distribution.ends():
            refusals = [refusal for settings, refusal in tried if settings[key] == value]
            alone = _refusal(space, scenario, {**space.default, key: value})
            if alone is not None and all(refusal is not None for refusal in refusals):
                faults.extend(_faults(space, [alone]))
    if faults:
        raise InputError(dict.fromkeys(faults))


def _corners(space: Space) -> Iterator[Settings]:
    """Combinations of extreme values, each setting's included."""
    ends = [distribution.ends() for distribution in space.settings.values()]
    if math.prod(map(len, ends)) <= MOST_CORNERS:
        combinations = list(itertools.product(*ends))
    else:
        combinations = [tuple(values[0] for values in ends), tuple(values[-1] for values in ends)]
        for key, values in zip(space.settings, ends, strict=True):
            for value in values:
                yield {**space.default, key: value}
    for combination in combinations:
        yield dict(zip(space.settings, combination, strict=True))


def _refusal(space: Space, scenario: Scenario, settings: Settings) -> InputError | None:
    try:
        with_settings(scenario, settings, space.source)
    except InputError as error:
        return error
    return None


def _faults(space: Space, refusals: Iterator[InputError] | list[InputError]) -> Iterator[Fault]:
    """The faults of refusals, each once, at the places in the space's file."""
    faults = dict.fromkeys(fault for refusal in refusals for fault in refusal.faults)
    for fault in faults:
        key = next((key for key in space.settings if f"{fault.where}.".startswith(f"{key}.")), None)
        if key is None:
            yield fault
            continue
        yield Fault(space.source, space.place(key, *_end(space, key, fault.found)), fault.found, fault.expected)


def _end(space: Space, key: str, found: str) -> tuple[str, ...]:
    """The end of a setting's range that a fault is about, if it is about one."""
    distribution = space.settings[key]
    if isinstance(distribution, Choices):
        return ()
    ends = zip(("low", "high"), distribution.ends(), strict=True)
    return next(((name,) for name, value in ends if repr(value) == found), ())
