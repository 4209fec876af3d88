"""What every configuration model shares: frozen, and strict about keys and types."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Strict

#: Annotation of a tuple field that files write as a list; its items stay strict.
AsTuple = Strict(False)


class Section(BaseModel):
    """A part of a scenario file. Unknown keys, NaN, infinities and wrong types are errors; instances do not change.

    Types are strict: ``true`` is no number, and ``"4"`` is text.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
