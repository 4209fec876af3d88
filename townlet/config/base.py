"""What every configuration model shares: frozen, and strict about keys and types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

#: Annotation of a tuple field that files write as a list; its items stay strict.
AsTuple = Strict(False)

#: A seed is any whole number from 0 on; see :func:`townlet.seeds.fold_seed`.
Seed = Annotated[int, Field(ge=0)]

#: Most ticks of a span: more than any episode has, and twice as many still fit into the 32 bits that moments have.
MOST_TICKS = 1_000_000_000
Ticks = Annotated[int, Field(ge=0, le=MOST_TICKS)]
SomeTicks = Annotated[int, Field(ge=1, le=MOST_TICKS)]

#: A number of things of which there must be one.
Amount = Annotated[int, Field(ge=1, le=1_000_000_000)]

#: Money, and what something counts: products of two of them over a whole episode are exact enough in single precision.
Weight = Annotated[float, Field(ge=0.0, le=1000.0)]

#: A scale or a bound that may be nearly anything but 0; it and its inverse fit into single precision.
Positive = Annotated[float, Field(ge=1e-12, le=1e12)]


class Section(BaseModel):
    """A part of a scenario file. Unknown keys, NaN, infinities and wrong types are errors; instances do not change.

    Types are strict: ``true`` is no number, and ``"4"`` is text.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
