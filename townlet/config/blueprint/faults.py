"""How a blueprint that cannot be built is refused: as pydantic refuses other faults, at the field to change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError


class Misfit(NamedTuple):
    """A value that does not go with the rest: its path in the scenario, what it is, and what was expected."""

    path: tuple[str, ...]
    found: Any
    expected: str


def refusal(misfits: Iterable[Misfit]) -> ValidationError:
    """The error to raise."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError("blueprint", "{expected}", {"expected": misfit.expected}),
            loc=misfit.path,
            input=misfit.found,
        )
        for misfit in misfits
    ]
    return ValidationError.from_exception_data("Scenario", details)
