"""Mixed populations of studies: focal people follow one behaviour, background people another."""

from __future__ import annotations

from collections.abc import Sequence

from townlet.behavior import Behavior
from townlet.behavior.own.mixed import Group, MixedBehavior


def mixed_population(focal: Behavior, other: Behavior, *, people: int, background: Sequence[int]) -> MixedBehavior:
    """``other`` for the people whose indices are in ``background``, and ``focal`` for the rest of the ``people``."""
    rest = tuple(person for person in range(people) if person not in background)
    return MixedBehavior({"focal": Group(rest, focal), "background": Group(tuple(background), other)})
