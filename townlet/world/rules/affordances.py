"""Uses of objects: starting, effects tick by tick, completion, and early release."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.rules.actions import RELEASE, START, after_requests
from townlet.world.rules.prices import price_of
from townlet.world.rules.queues import finish_turn
from townlet.world.rules.requirements import startable
from townlet.world.rules.social import share_meal
from townlet.world.state.arrays import FINISHED, HOLDING, TALLY, USING, TownState
from townlet.world.state.constants import NO_COUNTER, SHOWER_COMPLETE, TownRules
from townlet.world.state.event_log import record
from townlet.world.state.events import PURCHASES, SHOWER_COUNTER, SLEEP_COUNTER, USE_COMPLETED
from townlet.world.state.layout import TownLayout

_USES = TALLY.index("uses_completed")
_SPENT = TALLY.index("spent")


@rule
def run_affordances(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Start, advance and end uses. An affordance takes effect in the tick in which it is started."""
    after = after_requests(town)
    for a in range(layout.people):
        person = town.people[w, a]
        if person.role < HOLDING:
            continue
        intent = person.intent - after
        if intent == START and (person.role == HOLDING or person.role == FINISHED):
            start(town, layout, rules, w, a)
        elif intent == RELEASE and person.role == USING:
            finish_turn(town, rules, w, a)
        if person.role == USING:
            progress(town, layout, rules, w, a)


@seldom
def start(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Begin the first affordance that the held object offers, and pay for it."""
    use = startable(town, layout, rules, w, a)
    if use >= 0:
        person = town.people[w, a]
        person.role = USING
        person.affordance = use
        person.remaining = rules.affordance_ticks[use]
        thing = town.objects[w, person.at_object]
        thing.uses += 1
        thing.stock -= rules.affordance_stock[use]
        price = price_of(town, rules, w, use)
        if price > 0.0:
            person.wallet -= price
            town.tally[w, a, _SPENT] += price
            town.counter[w, PURCHASES] += 1.0


@rule
def progress(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Apply one tick of effects; the last one completes the use."""
    person = town.people[w, a]
    use = person.affordance
    person.used = use
    for n in range(3):
        person.needs[n] = min(max(person.needs[n] + rules.affordance_effect[use, n], 0.0), 1.0)
    person.remaining -= 1
    if person.remaining == 0:
        complete(town, layout, rules, w, a)


@seldom
def complete(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Complete a use that has run its full duration; the person keeps the object until the next tick."""
    person = town.people[w, a]
    use = person.affordance
    person.role = FINISHED
    person.affordance = -1
    o = person.at_object
    record(town, w, USE_COMPLETED, o, a, -1, town.objects[w, o].queue_length, 0.0, use)
    town.tally[w, a, _USES] += 1.0
    if rules.shared_meals and rules.affordance_meal[use]:
        share_meal(town, layout, rules, w, a)
    counter = rules.affordance_counter[use]
    if counter != NO_COUNTER:
        town.counter[w, SHOWER_COUNTER if counter == SHOWER_COMPLETE else SLEEP_COUNTER] += 1.0
