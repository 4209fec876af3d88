"""Sizes of a soak, where those of a training would make the night of a large town too long."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from townlet.config.base import Amount, Section


class SoakSizes(Section):
    """The ``soak`` section of a scenario: what a soak's cycle does less of than a training's.

    A field that is left out has the value of the ``training`` section, or of the scenario.
    """

    worlds: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Worlds of the network's rollout in one cycle."""
    rollout_ticks: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Ticks per world of that rollout."""
    epochs: Amount | None = None
    """Passes over each batch of data."""
    capture_ticks: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Ticks of the capture that soaks replay; by default the whole episode."""
