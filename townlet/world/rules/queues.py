"""Queues: pushing in, yielding, leaving, reservations, ghost steps, overstays and hand-overs.

Each object has at most one holder, who has it reserved or uses it, and a queue of people around it, front first. The
queue is ordered by ``rank − age_priority_weight × ticks waited``. Everybody in it ages alike, so the order changes only
when somebody joins, pushes in, yields or goes to the tail.
"""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.intrinsics import lowest_bit
from townlet.world.engine.random import nth_mover
from townlet.world.rules.actions import LEAVE, PUSH, START, YIELD, after_requests
from townlet.world.rules.patience import lose_patience
from townlet.world.rules.personality import PATIENCE, trait_factor
from townlet.world.rules.rivalry import conflict, courtesy, rivalry_towards
from townlet.world.state.arrays import FINISHED, HOLDING, IDLE, WAITING, WORD_OBJECTS, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.event_log import record
from townlet.world.state.events import AVOIDANCE, GHOST_STEP, HAND_OVER, OVERSTAY, PUSH_IN, YIELDED
from townlet.world.state.layout import TownLayout


@rule
def act_in_queues(town: TownState, layout: TownLayout, rules: TownRules, order: int, w: int) -> None:
    """Let people leave their queues, yield and push in, in the tick's order."""
    after = after_requests(town)
    for i in range(layout.people):
        a = nth_mover(order, i, layout.people)
        person = town.people[w, a]
        if person.role == WAITING or person.role == HOLDING:
            intent = person.intent - after
            if intent == LEAVE:
                leave_queue(town, rules, w, a)
            elif intent == YIELD:
                yield_turn(town, rules, w, a)
            elif intent == PUSH and person.role == WAITING:
                push_in(town, layout, rules, w, a)


@rule
def queue_position(town: TownState, w: int, a: int) -> int:
    """A waiting person's position in their queue, 0 at the front."""
    thing = town.objects[w, town.people[w, a].at_object]
    for i in range(thing.queue_length):
        if thing.queue[i] == a:
            return i
    return -1


@rule
def priority(town: TownState, rules: TownRules, w: int, a: int) -> float:
    """A person's priority in their queue; the lowest number is at the front."""
    person = town.people[w, a]
    return float(person.rank - rules.age_priority_weight * person.waited)


@seldom
def push_in(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Move a person towards the front of their queue; everybody they pass suffers a conflict.

    They get a rank ahead of the first in line. If waiting counts, they still stop behind people who waited long enough.
    """
    o = town.people[w, a].at_object
    thing = town.objects[w, o]
    position = queue_position(town, w, a)
    if position <= 0:
        return
    town.people[w, a].rank = town.people[w, thing.queue[0]].rank - 1
    mine = priority(town, rules, w, a)
    while position > 0:
        other = thing.queue[position - 1]
        if priority(town, rules, w, other) <= mine:
            break
        thing.queue[position] = other
        thing.queue[position - 1] = a
        position -= 1
        conflict(town, layout, rules, w, PUSH_IN, o, a, other)


@seldom
def yield_turn(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """Let a person change places with the next in line: the holder with the front, or the front with the second.

    Somebody who was yielded to cannot yield in turn. Otherwise two people could yield to each other forever, block the
    queue and wear their grudges away.
    """
    person = town.people[w, a]
    o = person.at_object
    thing = town.objects[w, o]
    length = thing.queue_length
    if person.favored:
        return
    if person.role == HOLDING and length > 0:
        other = thing.queue[0]
        next_in_line = town.people[w, other]
        thing.queue[0] = a
        person.role = WAITING
        person.rank = next_in_line.rank
        person.waited = next_in_line.waited
        reserve(town, w, o, other)
        next_in_line.favored = True
        courtesy(town, rules, w, YIELDED, o, a, other)
    elif person.role == WAITING and length > 1 and thing.queue[0] == a:
        other = thing.queue[1]
        next_in_line = town.people[w, other]
        thing.queue[0] = other
        thing.queue[1] = a
        person.rank, next_in_line.rank = next_in_line.rank, person.rank
        person.waited, next_in_line.waited = next_in_line.waited, person.waited
        next_in_line.favored = True
        courtesy(town, rules, w, YIELDED, o, a, other)


@rule
def reserve(town: TownState, w: int, o: int, a: int) -> None:
    """Reserve an object for a person within reach of it."""
    town.people[w, a].role = HOLDING
    thing = town.objects[w, o]
    thing.holder_changed = True
    thing.holder = a
    thing.reserved_at = town.worlds[w].tick
    thing.idle_ticks = 0
    thing.uses = 0
    thing.camped = 0


@seldom
def withdraw(town: TownState, w: int, a: int) -> None:
    """Take a person out of their queue, so that those behind move up, or end their hold of an object."""
    person = town.people[w, a]
    thing = town.objects[w, person.at_object]
    if person.role == WAITING:
        for i in range(queue_position(town, w, a), thing.queue_length - 1):
            thing.queue[i] = thing.queue[i + 1]
        thing.queue_length -= 1
        thing.queue[thing.queue_length] = -1
    else:
        thing.holder = -1
        thing.holder_changed = True
    person.role = IDLE
    person.at_object = -1
    person.affordance = -1
    person.remaining = 0


@seldom
def leave_queue(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """Let a person leave an object that they have not used; if a rival is there, this is an avoidance."""
    o = town.people[w, a].at_object
    length = town.objects[w, o].queue_length
    withdraw(town, w, a)
    rival = rival_at(town, rules, w, a, o)
    if rival >= 0:
        record(town, w, AVOIDANCE, o, a, rival, length, 0.0, -1)


@rule
def rival_at(town: TownState, rules: TownRules, w: int, a: int, o: int) -> int:
    """Somebody at an object against whom the person's grudge is at or above the avoid threshold, or −1."""
    holder = town.objects[w, o].holder
    if holder >= 0 and rivalry_towards(town, w, a, holder) >= rules.avoid_threshold:
        return int(holder)
    for i in range(town.objects[w, o].queue_length):
        other = town.objects[w, o].queue[i]
        if rivalry_towards(town, w, a, other) >= rules.avoid_threshold:
            return int(other)
    return -1


@seldom
def finish_turn(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """End a person's turn after a use: their cooldown begins, and the object goes to the next in line, if any."""
    o = town.people[w, a].at_object
    withdraw(town, w, a)
    begin_cooldown(town, rules, w, a, o)
    thing = town.objects[w, o]
    if thing.queue_length > 0:
        courtesy(town, rules, w, HAND_OVER, o, a, thing.queue[0])


@rule
def begin_cooldown(town: TownState, rules: TownRules, w: int, a: int, o: int) -> None:
    """Keep a person from queueing for an object for a while.

    The new cooldown replaces the one that ends first. That one is always over: a turn takes at least two ticks, so the
    ledger has room for all cooldowns that can run at once.
    """
    cooldowns = town.cooldowns[w, a]
    oldest = 0
    for k in range(cooldowns.shape[0]):
        if cooldowns[k].object == o:
            oldest = k
            break
        if cooldowns[k].until < cooldowns[oldest].until:
            oldest = k
    until = town.worlds[w].tick + rules.cooldown_ticks
    cooldowns[oldest].object = o
    cooldowns[oldest].until = until
    town.people[w, a].cooling_until = until
    town.people[w, a].moved_or_retargeted = True


@rule
def pass_on_finished(town: TownState, rules: TownRules, w: int) -> None:
    """End the turn of everybody who has finished a use and does not start another."""
    start = after_requests(town) + START
    for a in range(town.people.shape[1]):
        person = town.people[w, a]
        if person.role == FINISHED and person.intent != start:
            finish_turn(town, rules, w, a)


@rule
def advance_queues(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Count everybody's wait and check their patience, then advance every queue."""
    patience = rules.patience_ticks
    for a in range(layout.people):
        person = town.people[w, a]
        if person.role == WAITING:
            person.waited += 1
            if patience > 0 and person.waited >= patience * trait_factor(layout, rules, a, PATIENCE):
                lose_patience(town, layout, rules, w, a)
    for word in range(town.dirty_objects.shape[1]):
        bits = town.dirty_objects[w, word]
        while bits != 0:
            # Every object with a queue is dirty.
            advance_queue(town, layout, rules, w, word * WORD_OBJECTS + lowest_bit(bits))
            bits &= bits - 1


@rule
def advance_queue(town: TownState, layout: TownLayout, rules: TownRules, w: int, o: int) -> None:
    """Count a tick in which a holder keeps others waiting, and reserve a free object for the front of its queue."""
    thing = town.objects[w, o]
    if thing.queue_length == 0:
        return
    holder = thing.holder
    if holder >= 0:
        role = town.people[w, holder].role
        if role == HOLDING and thing.reserved_at < town.worlds[w].tick:
            count_idle_tick(town, layout, rules, w, o, holder)
        elif town.people[w, holder].used >= 0 and thing.uses > 1:
            count_camped_tick(town, layout, rules, w, o, holder)
    if thing.holder < 0:
        serve_front(town, w, o)


@seldom
def serve_front(town: TownState, w: int, o: int) -> None:
    """Reserve a free object for the front of its queue."""
    front = town.objects[w, o].queue[0]
    withdraw(town, w, front)
    town.people[w, front].at_object = o
    reserve(town, w, o, front)


@seldom
def count_idle_tick(town: TownState, layout: TownLayout, rules: TownRules, w: int, o: int, holder: int) -> None:
    """Count a tick in which the object was held unused; at the limit the holder ghost-steps and goes to the tail."""
    thing = town.objects[w, o]
    thing.idle_ticks += 1
    if thing.idle_ticks < rules.ghost_step_after:
        return
    length = thing.queue_length
    conflict(town, layout, rules, w, GHOST_STEP, o, holder, thing.queue[0])
    thing.holder = -1
    thing.holder_changed = True
    thing.queue[length] = holder
    thing.queue_length = length + 1
    person = town.people[w, holder]
    person.role = WAITING
    person.rank = thing.next_rank
    person.waited = 0
    person.favored = False
    thing.next_rank += 1


@seldom
def count_camped_tick(town: TownState, layout: TownLayout, rules: TownRules, w: int, o: int, holder: int) -> None:
    """Count a tick in which the holder used the object again while others wait.

    Every ``fair_use_ticks`` of these ticks are an overstay.
    """
    thing = town.objects[w, o]
    thing.camped += 1
    if thing.camped % rules.fair_use_ticks == 0:
        conflict(town, layout, rules, w, OVERSTAY, o, holder, thing.queue[0])
