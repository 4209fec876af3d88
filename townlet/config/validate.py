"""The one check that a scenario passes, wherever it comes from: its model, and what its sections say of each other."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from townlet.config.document import Document, Node
from townlet.config.faults import fault_of
from townlet.config.references import find_broken_references
from townlet.config.scalars import read_number
from townlet.config.scenario import Scenario
from townlet.errors import Fault, InputError

#: A place in a scenario: the keys and indices that lead there.
Where = tuple[str, ...]


class Source:
    """What a scenario's content came from, where there is no file with lines: places are called by their path."""

    def place(self, where: Where) -> str:
        """What an error calls a place."""
        return ".".join(where)

    def written(self, where: Where) -> Node | None:
        """What was written there, if that is known."""
        return None


def validated_scenario(
    content: Mapping[str, Any],
    file: object,
    source: Source | Document | None = None,
    *,
    numbers_as_text: bool = False,
) -> Scenario:
    """The scenario that this content says, out of a file, an experiment, the launchpad or options.

    Args:
        content: as a YAML file would have it.
        file: what an error calls the file.
        source: knows what an error calls a place in it, and what was written there.
        numbers_as_text: whether text such as ``1e-3`` will do where a number is due, for content that another reader
            of YAML has read, which takes it for text.

    Raises InputError with every fault: unknown keys, wrong types, values out of range, names that refer to nothing.
    """
    source = source or Source()
    try:
        scenario = Scenario.model_validate(content)
    except ValidationError as error:
        numbers = _with_numbers(content, error) if numbers_as_text else content
        if numbers != content:
            return validated_scenario(numbers, file, source)
        raise InputError(_fault(str(file), detail, source) for detail in error.errors()) from None
    findings = find_broken_references(scenario)
    if findings:
        raise InputError(
            Fault(str(file), source.place(tuple(where.split("."))), found, expected)
            for where, found, expected in findings
        )
    return scenario


def _with_numbers(content: Mapping[str, Any], error: ValidationError) -> Mapping[str, Any]:
    """The content with numbers in place of texts that stand where a number is due, as far as they are numbers."""
    changed: Any = copy.deepcopy(content)
    for detail in error.errors():
        number = read_number(detail["input"]) if isinstance(detail["input"], str) else None
        fits = {"int_type": isinstance(number, int), "float_type": number is not None}
        if fits.get(detail["type"]) and "[key]" not in detail["loc"]:
            part = changed
            for key in detail["loc"][:-1]:
                part = part[key]
            part[detail["loc"][-1]] = number
    return cast("Mapping[str, Any]", changed)


def _fault(file: str, detail: ErrorDetails, source: Source | Document) -> Fault:
    where = tuple(str(part) for part in detail["loc"] if part != "[key]")
    node = source.written(where)
    # A blueprint's fault may be about something else than what stands at its place.
    written = node.written if node and node.value is detail["input"] else None
    return fault_of(file, detail, Scenario, source.place(where), written or None)
