"""Loading of scenarios from YAML files."""

from __future__ import annotations

import re

from townlet.config.document import parse_document
from townlet.config.faults import quote
from townlet.config.scenario import Scenario
from townlet.config.town import LONGEST_NAME, NAME_PATTERN
from townlet.config.validate_scenario import validated_scenario
from townlet.errors import InputError
from townlet.files.storage import AnyPath, as_path, read_bytes


def load_scenario(path: AnyPath) -> Scenario:
    """Load the scenario in a YAML file.

    Raises InputError with every fault: an unreadable file, invalid YAML, duplicate or unknown keys, wrong types, values
    out of range, and names that refer to nothing.
    """
    document = parse_document(path, read_bytes(path, "a scenario in YAML"))
    if not isinstance(document.value, dict):
        found = "an empty file" if document.value is None else quote(document.value)
        raise InputError.of(path, "", found, "a mapping of scenario keys such as name, ticks, map, people")
    scenario = validated_scenario(document.value, path, document)
    stem = as_path(path).name.rsplit(".", 1)[0]
    if scenario.name != stem:
        raise InputError.of(path, document.place(("name",)), repr(scenario.name), f"the file's name, {stem!r}")
    return scenario


def scenario_names(folder: AnyPath) -> list[str]:
    """Return the sorted names of the scenarios in a folder, ignoring files whose name no scenario can have."""
    names = (path.name.removesuffix(".yaml") for path in as_path(folder).glob("*.yaml") if path.is_file())
    return sorted(name for name in names if is_scenario_name(name))


def is_scenario_name(name: str) -> bool:
    """Tell whether a scenario can have this name."""
    return len(name) <= LONGEST_NAME and re.fullmatch(NAME_PATTERN, name) is not None
