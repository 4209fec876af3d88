"""Uses and needs of a drawn town: how fast people tire and hunger, and how long a use takes and what it gives."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

from townlet.config.blueprint.draws import Draws
from townlet.config.drawn.common import AFFORDANCES, DECAY

#: Ticks of a wash, and the share of its middle value by which hygiene falls. The demand on the showers follows from
#: both, so they are chosen after it.
WASH_TICKS, HYGIENE = (30, 80), (0.71, 1.29)
#: Bounds of the demand on the showers. From ``SCARCE`` on, showers are scarce; half of all towns are.
LEAST_DEMAND, SCARCE, MOST_DEMAND = 0.31, 0.61, 0.88
#: Largest share of their time that people wash.
_MOST_WASHING = 0.2
#: Bounds of the share of their middle values by which needs fall, uses take time and give, and prices differ.
_DECAY, _TICKS, _EFFECT, _PRICE = (0.7, 1.3), (0.75, 1.3), (0.85, 1.1), (0.7, 1.4)


class Uses(NamedTuple):
    """What needs and uses are like in a town, before the showers are counted."""

    affordances: dict[str, dict[str, Any]]
    decay: dict[str, float]

    def load(self, name: str) -> float:
        """The share of one object's time that one person needs, if the use alone meets their need."""
        use = self.affordances[name]
        ((need, effect),) = use["effects"].items()
        return float(self.decay[need] * use["ticks"] / effect)

    @property
    def food_cost(self) -> float:
        """Price of a day's meals that are cooked."""
        use = self.affordances["cook"]
        return float(self.decay["hunger"] * 1000 / use["effects"]["hunger"] * use["price"])


def draw_uses(number: int) -> Uses:
    """Draw all but the ticks of a wash and the fall of hygiene, which :func:`with_showers` chooses."""
    draws = Draws(number, "uses")
    affordances = copy.deepcopy(AFFORDANCES)
    for use in affordances.values():
        use["ticks"] = max(round(use["ticks"] * draws.between(_TICKS)), 1)
        effect, price = draws.between(_EFFECT), draws.between(_PRICE)
        if not use.get("work"):
            use["effects"] = {need: round(gain * effect, 3) for need, gain in use["effects"].items()}
        if "price" in use:
            use["price"] = round(use["price"] * price, 2)
    return Uses(affordances, {need: round(fall * draws.between(_DECAY), 6) for need, fall in DECAY.items()})


def draw_demand(number: int) -> float:
    """Draw the demand on the showers."""
    draws = Draws(number, "demand on showers")
    scarce = draws.unit() < 0.5
    return draws.between((SCARCE, MOST_DEMAND) if scarce else (LEAST_DEMAND, SCARCE))


def shower_counts(uses: Uses, demand: float, people: int) -> list[int]:
    """All numbers of showers on which the demand is as given for some wash that leaves time for the rest of the day."""
    shortest, longest = WASH_TICKS[0] * _falls()[0], WASH_TICKS[1] * _falls()[1]
    gain = uses.affordances["wash"]["effects"]["hygiene"]
    longest = min(longest, _MOST_WASHING * gain)
    counts = [n for n in range(1, people + 1) if shortest < demand * gain * n / people < longest]
    # With the fewest people, a single shower may be one too many for the highest demand.
    return counts or [1]


def with_showers(uses: Uses, number: int, demand: float, per_head: float) -> Uses:
    """The uses with a wash and a fall of hygiene at which the demand on ``per_head`` showers is as given."""
    wash = uses.affordances["wash"]
    busy = demand * wash["effects"]["hygiene"] * per_head
    slowest, fastest = _falls()
    # In a small town of another size than the drawn one, a wash may have to be shorter or longer.
    lowest = min(max(busy / WASH_TICKS[1], slowest), fastest)
    highest = max(min(busy / WASH_TICKS[0], fastest), slowest)
    fall = lowest + Draws(number, "hygiene").unit() * (highest - lowest)
    ticks = max(round(busy / fall), 1)
    # Exactly, up to six decimals.
    fall = round(busy / ticks, 6)
    affordances = uses.affordances | {"wash": wash | {"ticks": ticks}}
    return Uses(affordances, uses.decay | {"hygiene": fall})


def _falls() -> tuple[float, float]:
    return HYGIENE[0] * DECAY["hygiene"], HYGIENE[1] * DECAY["hygiene"]
