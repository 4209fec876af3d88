"""The one check that a scenario passes, wherever it comes from: its model, and what its sections say of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from townlet.config.faults import fault_of
from townlet.config.references import find_broken_references
from townlet.config.scenario import Scenario
from townlet.errors import Fault, InputError

#: A place in a scenario: the keys and indices that lead there.
Where = tuple[str, ...]


def dotted(where: Where) -> str:
    """What a place is called where there are no lines."""
    return ".".join(where)


def validated_scenario(content: Mapping[str, Any], file: object, place: Callable[[Where], str] = dotted) -> Scenario:
    """The scenario that this content says, out of a file, an experiment, the launchpad or options.

    Args:
        content: as a YAML file would have it.
        file: what an error calls the source.
        place: what an error calls a place in it.

    Raises InputError with every fault: unknown keys, wrong types, values out of range, names that refer to nothing.
    """
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        raise InputError(
            fault_of(str(file), detail, Scenario, place(_where(detail))) for detail in error.errors()
        ) from None
    findings = find_broken_references(scenario)
    if findings:
        raise InputError(
            Fault(str(file), place(tuple(where.split("."))), found, expected) for where, found, expected in findings
        )
    return scenario


def _where(detail: ErrorDetails) -> Where:
    return tuple(str(part) for part in detail["loc"] if part != "[key]")
