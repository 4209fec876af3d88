"""Impatience: what it does to people to wait for too long."""

from __future__ import annotations

import math

from townlet.world.engine.compile import seldom
from townlet.world.rules.personality import PATIENCE, trait_factor
from townlet.world.rules.rivalry import change_rivalry
from townlet.world.state.arrays import TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.events import IMPATIENCE
from townlet.world.state.layout import TownLayout
from townlet.world.state.record import record


@seldom
def lose_patience(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Begrudge the holder its turn, whenever a person has waited for as long as its patience lasts once more."""
    person = town.people[w, a]
    lasts = max(math.ceil(rules.patience_ticks * trait_factor(layout, rules, a, PATIENCE)), 1)
    thing = int(person.at_object)
    holder = int(town.objects[w, thing].holder)
    if holder >= 0 and person.waited % lasts == 0:
        length = int(town.objects[w, thing].queue_length)
        record(town, w, IMPATIENCE, thing, a, holder, length, int(person.waited))
        change_rivalry(town, rules, w, a, holder, rules.impatience)
