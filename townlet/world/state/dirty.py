"""Dirty bits of objects, so that only objects whose features may have changed are computed again."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import WORD_OBJECTS, TownState


@rule
def mark_dirty(town: TownState, w: int, o: int) -> None:
    """Mark an object, so that its features are computed again in the next observation."""
    town.dirty_objects[w, o // WORD_OBJECTS] |= 1 << int(o % WORD_OBJECTS)


@rule
def clear_dirty(town: TownState, w: int, o: int) -> None:
    """Unmark an object, so that its features stay as they are until it is marked again."""
    town.dirty_objects[w, o // WORD_OBJECTS] &= ~(1 << int(o % WORD_OBJECTS))
