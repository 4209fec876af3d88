"""Rent at the end of each day, and full shelves at the start of the next.

People earn in :mod:`townlet.world.rules.employment` and buy in :mod:`townlet.world.rules.affordances`.
"""

from __future__ import annotations

from townlet.world.engine.compile import seldom
from townlet.world.state.arrays import TALLY, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.dirty import mark_dirty
from townlet.world.state.events import RENT_PAID
from townlet.world.state.layout import TownLayout

_SPENT = TALLY.index("spent")


@seldom
def collect_rent(town: TownState, rules: TownRules, w: int) -> None:
    """Take the day's rent from everybody; wallets may fall below 0."""
    for a in range(town.people.shape[1]):
        if town.alive[w, a]:
            town.people[w, a].wallet -= rules.rent
            town.tally[w, a, _SPENT] += rules.rent
            town.counter[w, RENT_PAID] += rules.rent


@seldom
def restock(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Fill every object's stock for a new day; leftovers do not add to it."""
    for o in range(len(layout.object_tile)):
        town.objects[w, o].stock = rules.type_stock[layout.object_type[o]]
        mark_dirty(town, w, o)
