"""Base of all configuration models, frozen and strict about keys and types, and types of their fields."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Strict
from pydantic_core import PydanticSerializationError

#: Annotation of a tuple field that files write as a list; the items stay strict.
AsTuple = Strict(False)

#: A seed: any whole number from 0 on; see :func:`townlet.seeds.fold_seed`.
Seed = Annotated[int, Field(ge=0)]

#: Longest span in ticks: longer than any episode, and twice it still fits into the 32 bits of a moment.
MOST_TICKS = 1_000_000_000
Ticks = Annotated[int, Field(ge=0, le=MOST_TICKS)]
SomeTicks = Annotated[int, Field(ge=1, le=MOST_TICKS)]

#: A count of at least 1.
Amount = Annotated[int, Field(ge=1, le=1_000_000_000)]

#: Money or a weight; products of two, summed over an episode, are exact enough in single precision.
Weight = Annotated[float, Field(ge=0.0, le=1000.0)]

#: A positive scale or bound; it and its inverse fit into single precision.
Positive = Annotated[float, Field(ge=1e-12, le=1e12)]


class Section(BaseModel):
    """A section of a scenario file. Unknown keys, NaN, infinities and wrong types are errors; instances are frozen.

    Types are strict: ``true`` is not a number, and ``"4"`` is text.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The section as a mapping; see :meth:`pydantic.BaseModel.model_dump`.

        Ctrl-C in a serializer of ours stays Ctrl-C: pydantic reports it as an error of the serializer.
        """
        try:
            return super().model_dump(**options)
        except PydanticSerializationError as error:
            if KeyboardInterrupt.__name__ in str(error):
                raise KeyboardInterrupt from error
            raise
