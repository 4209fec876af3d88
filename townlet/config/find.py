"""Where the scenarios are that come with Townlet, and which one a name or a path means."""

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
    """The folder of the built-in scenarios; in a checkout that is ``configs/scenarios``, which the package links to."""
    return (Path(__file__).parent.parent / "scenarios").resolve()


def builtin_scenarios() -> list[str]:
    """Names of the built-in scenarios, sorted."""
    return scenario_names(scenarios_folder())


def find_scenario(name_or_path: AnyPath) -> Path | UPath:
    """The file of a scenario: ``town_day`` is the built-in one of that name, anything else the path of a YAML file.

    Raises InputError for a name that no built-in scenario has. A path is not looked at.
    """
    if not (isinstance(name_or_path, str) and re.fullmatch(NAME_PATTERN, name_or_path)):
        return as_path(name_or_path)
    names = builtin_scenarios()
    if name_or_path not in names:
        raise InputError.of("scenario", "", repr(name_or_path), f"a YAML file, or {nearest_name(name_or_path, names)}")
    return scenarios_folder() / f"{name_or_path}.yaml"


def scenario_of(given: Scenario | AnyPath) -> Scenario:
    """A scenario from whatever names it: itself, the name of a built-in one, or the path of a YAML file.

    Raises InputError as :func:`find_scenario` and :func:`townlet.config.load_scenario` do.
    """
    return given if isinstance(given, Scenario) else load_scenario(find_scenario(given))
