"""Patience: a grudge against the holder for those who wait too long."""

from __future__ import annotations

import math

from townlet.world.engine.compile import seldom
from townlet.world.rules.personality import PATIENCE, trait_factor
from townlet.world.rules.rivalry import change_rivalry
from townlet.world.state.arrays import TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.event_log import record
from townlet.world.state.events import IMPATIENCE
from townlet.world.state.layout import TownLayout


@seldom
def lose_patience(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Raise a waiting person's grudge against the holder each time they have waited as long as their patience lasts."""
    person = town.people[w, a]
    lasts = max(math.ceil(rules.patience_ticks * trait_factor(layout, rules, a, PATIENCE)), 1)
    o = int(person.at_object)
    holder = int(town.objects[w, o].holder)
    if holder >= 0 and person.waited % lasts == 0:
        length = int(town.objects[w, o].queue_length)
        record(town, w, IMPATIENCE, o, a, holder, length, 0.0, int(person.waited))
        change_rivalry(town, rules, w, a, holder, rules.impatience)
