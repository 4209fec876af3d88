"""Validation of scenarios from any source: each section by its model, then the references between sections."""

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
    """A source of a scenario without lines, such as options; places are named by their path."""

    def place(self, where: Where) -> str:
        """Return the name of a place, for errors."""
        return ".".join(where)

    def written(self, where: Where) -> Node | None:
        """Return the node at a place, if the source has nodes."""
        return None


def validated_scenario(
    content: Mapping[str, Any],
    file: object,
    source: Source | Document | None = None,
    *,
    numbers_as_text: bool = False,
) -> Scenario:
    """Validate a scenario's content, from a file, an experiment, the launchpad or options.

    Args:
        content: the content, as in a YAML file.
        file: the name of the file, for errors.
        source: gives the name of a place, for errors, and what was written there.
        numbers_as_text: whether text such as ``1e-3`` is accepted as a number, as other readers of YAML return it.

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
    """The content with text converted to numbers wherever a number is expected and the text means one."""
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
    # A blueprint's fault may concern another value than the one at its place.
    written = node.written if node and node.value is detail["input"] else None
    return fault_of(file, detail, Scenario, source.place(where), written or None)
