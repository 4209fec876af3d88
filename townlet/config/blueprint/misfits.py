"""Faults of blueprints that cannot be built, raised as pydantic's errors at the field to change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError


class Misfit(NamedTuple):
    """A value that contradicts the rest: its path in the scenario, the value, and what was expected."""

    path: tuple[str, ...]
    found: Any
    expected: str


def refusal(misfits: Iterable[Misfit]) -> ValidationError:
    """Return the error to raise for these misfits."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError("blueprint", "{expected}", {"expected": misfit.expected}),
            loc=misfit.path,
            input=misfit.found,
        )
        for misfit in misfits
    ]
    return ValidationError.from_exception_data("Scenario", details)
