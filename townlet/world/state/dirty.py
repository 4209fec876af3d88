"""Which objects are looked at in a tick: one bit each, because there is nothing to be seen of most of them."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import WORD_OBJECTS, TownState


@rule
def notice(town: TownState, w: int, thing: int) -> None:
    """Let an object be looked at from now on."""
    town.noticed[w, thing // WORD_OBJECTS] |= 1 << int(thing % WORD_OBJECTS)


@rule
def pass_over(town: TownState, w: int, thing: int) -> None:
    """Let an object be looked at no more, until it is noticed again."""
    town.noticed[w, thing // WORD_OBJECTS] &= ~(1 << int(thing % WORD_OBJECTS))
