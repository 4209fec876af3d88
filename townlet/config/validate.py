"""Validation of content, from files or options, into models. For scenarios see ``validate_scenario.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from townlet.config.faults import fault_of
from townlet.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def validated(content: Mapping[str, Any], model: type[Model], file: object) -> Model:
    """Validate content as a model.

    ``file`` names the content's source in errors: a path, or a phrase such as ``training options``. Raises InputError
    naming every bad field.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError(
            fault_of(str(file), detail, model, ".".join(map(str, detail["loc"]))) for detail in error.errors()
        ) from None
