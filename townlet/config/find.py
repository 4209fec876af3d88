"""Built-in scenarios, and the scenario that a name or a path means."""

from __future__ import annotations

import re
from pathlib import Path

from upath import UPath

from townlet.config.load import load_scenario, scenario_names
from townlet.config.scenario import Scenario
from townlet.config.town import NAME_PATTERN
from townlet.errors import InputError, nearest_name
from townlet.files.storage import AnyPath, as_path


def scenarios_folder() -> Path:
    """Return the folder of the built-in scenarios; in a checkout, ``configs/scenarios``, to which the package links."""
    return (Path(__file__).parent.parent / "scenarios").resolve()


def builtin_scenarios() -> list[str]:
    """Return the sorted names of the built-in scenarios."""
    return scenario_names(scenarios_folder())


def find_scenario(name_or_path: AnyPath) -> Path | UPath:
    """Return the file of a scenario: a bare name such as ``town_day`` means a built-in one, anything else a path.

    Raises InputError for a name that no built-in scenario has. A path is not checked.
    """
    if not (isinstance(name_or_path, str) and re.fullmatch(NAME_PATTERN, name_or_path)):
        return as_path(name_or_path)
    names = builtin_scenarios()
    if name_or_path not in names:
        raise InputError.of("scenario", "", repr(name_or_path), f"a YAML file, or {nearest_name(name_or_path, names)}")
    return scenarios_folder() / f"{name_or_path}.yaml"


def scenario_of(given: Scenario | AnyPath) -> Scenario:
    """Return the given scenario, or the one that a built-in name or the path of a YAML file means.

    Raises InputError like :func:`find_scenario` and :func:`townlet.config.load_scenario`.
    """
    return given if isinstance(given, Scenario) else load_scenario(find_scenario(given))
