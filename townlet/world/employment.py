"""Shifts: due, on time, late, absent or done, every day; wages for work done and the price of being late."""

from __future__ import annotations

from townlet.world.compile import rule
from townlet.world.events import ABSENCE, LATE_ARRIVAL, ON_TIME_ARRIVAL, record
from townlet.world.layout import TownLayout
from townlet.world.rules import TownRules
from townlet.world.state import ABSENT, DONE, DUE, LATE, OFF, ON_TIME, TALLY, TownState

_PAID = TALLY.index("wages_paid")
_WITHHELD = TALLY.index("wages_withheld")
_LATE = TALLY.index("late_arrivals")
_ABSENT = TALLY.index("absences")


@rule
def update_employment(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Move everybody's shift on by one tick, pay those at work and charge late arrivals."""
    time = town.worlds[w].tick % rules.ticks_per_day
    for a in range(layout.people):
        person = town.people[w, a]
        if layout.workplace[a] < 0 or not person.alive:
            continue
        if time == 0:
            person.arrived = False
            person.shift_state = OFF
        if time < layout.shift[a, 0]:
            person.shift_state = DUE if time >= layout.shift[a, 0] - rules.due_before else OFF
        elif time < layout.shift[a, 1]:
            attend(town, layout, rules, w, a, time - layout.shift[a, 0])
        elif person.arrived:
            person.shift_state = DONE
        elif person.shift_state == DUE or person.shift_state == LATE:
            miss(town, layout, w, a)


@rule
def attend(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, late_by: int) -> None:
    """One tick of a running shift, ``late_by`` ticks after its start."""
    person = town.people[w, a]
    if person.shift_state == OFF and late_by > 0:
        # A newcomer who came to town during the shift begins work with the next one.
        return
    thing = layout.workplace[a]
    if not person.arrived and person.shift_state != ABSENT:
        if layout.distance[thing, person.tile] == 0:
            arrive(town, rules, w, a, thing, late_by)
        elif late_by > rules.absent_after:
            miss(town, layout, w, a)
        else:
            person.shift_state = LATE if late_by > rules.grace_ticks else DUE
    if not person.arrived:
        town.tally[w, a, _WITHHELD] += layout.wage[a]
    elif person.used >= 0 and rules.affordance_work[person.used]:
        person.paid = layout.wage[a]
        person.wallet += layout.wage[a]
        town.tally[w, a, _PAID] += layout.wage[a]


@rule
def arrive(town: TownState, rules: TownRules, w: int, a: int, thing: int, late_by: int) -> None:
    """Begin a person's shift; beyond the grace it pays the penalty, once."""
    person = town.people[w, a]
    person.arrived = True
    if late_by <= rules.grace_ticks:
        person.shift_state = ON_TIME
        record(town, w, ON_TIME_ARRIVAL, thing, a, -1, 0, late_by)
    else:
        person.shift_state = LATE
        person.penalty = rules.lateness_penalty
        person.wallet -= rules.lateness_penalty
        town.tally[w, a, _LATE] += 1.0
        record(town, w, LATE_ARRIVAL, thing, a, -1, 0, late_by)


@rule
def miss(town: TownState, layout: TownLayout, w: int, a: int) -> None:
    """Mark a person absent for today."""
    town.people[w, a].shift_state = ABSENT
    town.tally[w, a, _ABSENT] += 1.0
    record(town, w, ABSENCE, layout.workplace[a], a, -1, 0, -1)
