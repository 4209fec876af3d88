"""Copy of a scenario file, from which all later stages read."""

from __future__ import annotations

from pathlib import Path

from townlet.config import Scenario, load_scenario
from townlet.errors import InputError
from townlet.files.storage import read_bytes, write_atomically


def freeze_scenario(source: Path, copy: Path) -> Scenario:
    """Copy a scenario file byte for byte, and return the scenario. Raises InputError if it is not valid."""
    if copy.stem != source.stem:
        raise InputError.of(copy, "", f"the name {copy.stem!r}", f"{source.stem!r}, the scenario's")
    content = read_bytes(source, "a scenario")
    loaded = load_scenario(source)
    write_atomically(copy, content)
    return loaded
