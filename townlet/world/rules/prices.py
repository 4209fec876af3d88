"""Prices of affordances."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import TownState
from townlet.world.state.constants import TownRules


@rule
def price_of(town: TownState, rules: TownRules, w: int, use: int) -> float:
    """The price of an affordance now; a price spike raises it."""
    price = rules.affordance_price[use]
    return float(price * rules.price_factor if town.worlds[w].tick < town.worlds[w].price_spike_until else price)
