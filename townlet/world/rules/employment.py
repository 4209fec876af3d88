"""Employment: the state of everybody's shift, wages, the cost of being late, and takeovers."""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.rules.targets import in_reach
from townlet.world.state.arrays import ABSENT, DONE, DUE, LATE, OFF, ON_TIME, TALLY, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.event_log import record
from townlet.world.state.events import ABSENCE, LATE_ARRIVAL, ON_TIME_ARRIVAL, SHIFT_TAKEOVER
from townlet.world.state.layout import TownLayout

_PAID = TALLY.index("wages_paid")
_WITHHELD = TALLY.index("wages_withheld")
_LATE = TALLY.index("late_arrivals")
_ABSENT = TALLY.index("absences")


@rule
def may_work(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> bool:
    """Whether a person who is at their workplace may work now: they came to their shift, or may do a colleague's."""
    person = town.people[w, a]
    if layout.workplace[a] < 0 or layout.workplace[a] != person.at_object:
        return False
    time = town.worlds[w].tick % rules.ticks_per_day
    if is_on(layout, a, time):
        return bool(person.arrived)
    return bool(rules.takeover and open_shift(town, layout, w, a, time) >= 0)


@rule
def is_on(layout: TownLayout, a: int, time: int) -> bool:
    """Whether a person's shift is on at a tick of the day."""
    return bool(layout.shift[a, 0] <= time < layout.shift[a, 1])


@rule
def needs_help(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, other: int) -> bool:
    """Whether a colleague is expected at work but is elsewhere, and nobody has helped them today."""
    if not rules.late_help or layout.workplace[a] < 0 or layout.workplace[a] != layout.workplace[other]:
        return False
    colleague = town.people[w, other]
    expected = colleague.shift_state == DUE or colleague.shift_state == LATE
    missed = expected and not colleague.arrived and not colleague.helped
    return bool(missed and not in_reach(town, layout, w, other, layout.workplace[other]))


@rule
def update_employment(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Advance everybody's shift by one tick, pay those who work, and charge those who arrive late."""
    time = town.worlds[w].tick % rules.ticks_per_day
    for a in range(layout.people):
        person = town.people[w, a]
        if layout.workplace[a] < 0 or not town.alive[w, a]:
            continue
        if time == 0:
            person.arrived = False
            person.helped = False
            person.shift_state = OFF
        if time < layout.shift[a, 0]:
            person.shift_state = DUE if time >= layout.shift[a, 0] - rules.due_before else OFF
        elif time < layout.shift[a, 1]:
            attend(town, layout, rules, w, a, time - layout.shift[a, 0])
        elif person.arrived:
            person.shift_state = DONE
        elif person.shift_state == DUE or person.shift_state == LATE:
            miss(town, layout, rules, w, a)
    if rules.takeover:
        pay_takeovers(town, layout, rules, w, time)


@rule
def attend(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int, late_by: int) -> None:
    """Advance a person's running shift by one tick, ``late_by`` ticks after its start."""
    person = town.people[w, a]
    if person.shift_state == OFF and late_by > 0:
        # A newcomer who came to town during the shift begins work with the next one.
        return
    workplace = layout.workplace[a]
    if not person.arrived and person.shift_state != ABSENT:
        if in_reach(town, layout, w, a, workplace):
            arrive(town, rules, w, a, workplace, late_by)
        elif late_by > rules.absent_after:
            miss(town, layout, rules, w, a)
        else:
            person.shift_state = LATE if late_by > rules.grace_ticks else DUE
    if not person.arrived:
        town.tally[w, a, _WITHHELD] += layout.wage[a]
    elif person.used >= 0 and rules.affordance_work[person.used]:
        pay(town, w, a, layout.wage[a])


@rule
def pay(town: TownState, w: int, a: int, wage: float) -> None:
    """Pay a person for a tick of work."""
    person = town.people[w, a]
    person.paid = wage
    person.wallet += wage
    town.tally[w, a, _PAID] += wage


@seldom
def arrive(town: TownState, rules: TownRules, w: int, a: int, workplace: int, late_by: int) -> None:
    """Let a person arrive at work; after the grace they pay the penalty, unless a colleague has helped them."""
    person = town.people[w, a]
    person.arrived = True
    if late_by <= rules.grace_ticks:
        person.shift_state = ON_TIME
        record(town, w, ON_TIME_ARRIVAL, workplace, a, -1, 0, 0.0, late_by)
    else:
        person.shift_state = LATE
        if not person.helped:
            person.penalty = rules.lateness_penalty
            person.wallet -= rules.lateness_penalty
        town.tally[w, a, _LATE] += 1.0
        record(town, w, LATE_ARRIVAL, workplace, a, -1, 0, 0.0, late_by)


@seldom
def miss(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Mark a person as absent for today."""
    town.people[w, a].penalty = rules.absence_cost
    town.people[w, a].shift_state = ABSENT
    town.tally[w, a, _ABSENT] += 1.0
    record(town, w, ABSENCE, layout.workplace[a], a, -1, 0, 0.0, -1)


@seldom
def pay_takeovers(town: TownState, layout: TownLayout, rules: TownRules, w: int, time: int) -> None:
    """Pay people who did a missing colleague's work in this tick that colleague's wage.

    The first to do so takes the shift over. They keep it until the colleague arrives, the shift ends, or their own
    shift begins.
    """
    for a in range(layout.people):
        person = town.people[w, a]
        if person.covering < 0 and person.used < 0:
            continue
        free = town.alive[w, a] and not is_on(layout, a, time)
        if person.covering >= 0 and not (free and is_missing(town, layout, w, int(person.covering), time)):
            person.covering = -1
        if not free or person.used < 0 or not rules.affordance_work[person.used]:
            continue
        other = open_shift(town, layout, w, a, time)
        if other >= 0:
            if person.covering != other:
                person.covering = other
                record(town, w, SHIFT_TAKEOVER, int(layout.workplace[a]), a, other, 0, 0.0, -1)
            pay(town, w, a, layout.wage[other])


@seldom
def open_shift(town: TownState, layout: TownLayout, w: int, a: int, time: int) -> int:
    """The colleague whose shift a person may do, or −1: one they already cover, or the first whom nobody covers."""
    staff = layout.staff[layout.workplace[a]]
    found = -1
    for i in range(len(staff)):
        other = int(staff[i])
        if other < 0:
            break
        if is_missing(town, layout, w, other, time):
            if town.people[w, a].covering == other:
                return other
            if found < 0 and not is_covered(town, layout, w, other):
                found = other
    return found


@rule
def is_missing(town: TownState, layout: TownLayout, w: int, a: int, time: int) -> bool:
    """Whether a person is late for their running shift, or absent from it."""
    person = town.people[w, a]
    overdue = person.shift_state == LATE or person.shift_state == ABSENT
    return bool(overdue and not person.arrived and town.alive[w, a] and is_on(layout, a, time))


@rule
def is_covered(town: TownState, layout: TownLayout, w: int, a: int) -> bool:
    """Whether a colleague has taken over a person's shift."""
    staff = layout.staff[layout.workplace[a]]
    for i in range(len(staff)):
        if staff[i] < 0:
            break
        if town.people[w, staff[i]].covering == a and town.alive[w, staff[i]]:
            return True
    return False
