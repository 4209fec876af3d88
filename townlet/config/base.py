"""What every configuration model shares: frozen, and strict about keys and types."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of a scenario file. Unknown keys, NaN and infinities are errors; instances do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)
