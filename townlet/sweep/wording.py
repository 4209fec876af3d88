"""Words for settings and scores, as tables, plots and pages show them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from townlet.config.settings import set_words
from townlet.statistics.over_seeds import Estimate


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """The end of each key, as long as it must be to differ from the others'."""
    full = list(keys)
    found = {}
    for key in full:
        parts = key.split(".")
        ends = (".".join(parts[-length:]) for length in range(1, len(parts) + 1))
        found[key] = next((end for end in ends if sum(f".{one}".endswith(f".{end}") for one in full) == 1), key)
    return found


def words_of(value: JsonValue) -> str:
    """A setting's value, as a scenario would have it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def settings_in_words(settings: Mapping[str, JsonValue]) -> str:
    """Settings in one line, under short keys."""
    names = short_keys(settings)
    return ", ".join(f"{names[key]} {words_of(value)}" for key, value in settings.items())


def set_options(settings: Mapping[str, JsonValue]) -> str:
    """Settings as ``--set`` options of a command."""
    return shlex.join(set_words(settings))


def number(value: float) -> str:
    """A score in few digits."""
    return (
        f"{value:.4g}"
        if value == 0.0 or abs(value) >= 0.001
        else f"{value:.1e}"
        if abs(value) < 1e-5
        else f"{value:.5f}"
    )


def bounds(found: Estimate) -> str:
    """An estimate with its interval."""
    if found.low is None or found.high is None:
        return number(found.value)
    return f"{number(found.value)} [{number(found.low)}, {number(found.high)}]"
