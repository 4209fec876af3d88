"""Taking turns: joining, pushing in, giving way, holding, ghost steps, overstays and hand-overs.

Each object has at most one holder, for whom it is reserved or who uses it, and a queue of people standing around it,
front first. The queue is ordered by ``rank − age_priority_weight × ticks waited``. All who wait age alike, so the
order changes only when somebody joins, pushes in, gives way or is sent to the tail.
"""

from __future__ import annotations

from townlet.world.engine.compile import rule, seldom
from townlet.world.engine.intrinsics import lowest_bit
from townlet.world.engine.random import nth_mover
from townlet.world.rules.actions import LEAVE, PUSH, REQUEST, START, YIELD, queue_place
from townlet.world.rules.patience import lose_patience
from townlet.world.rules.personality import PATIENCE, trait_factor
from townlet.world.rules.rivalry import conflict, courtesy, rivalry_towards
from townlet.world.state.arrays import FINISHED, HOLDING, IDLE, WAITING, WORD_OBJECTS, TownState
from townlet.world.state.constants import TownRules
from townlet.world.state.events import AVOIDANCE, GHOST_STEP, GIVE_WAY, HAND_OVER, OVERSTAY, PUSH_IN
from townlet.world.state.layout import TownLayout
from townlet.world.state.record import record


@rule
def act_in_queues(town: TownState, layout: TownLayout, rules: TownRules, order: int, w: int) -> None:
    """Carry out leaving, giving way and pushing in."""
    after = REQUEST + town.target.shape[2]
    for i in range(layout.people):
        a = nth_mover(order, i, layout.people)
        person = town.people[w, a]
        if person.role == WAITING or person.role == HOLDING:
            intent = person.intent - after
            if intent == LEAVE:
                leave_queue(town, rules, w, a)
            elif intent == YIELD:
                give_way(town, rules, w, a)
            elif intent == PUSH and person.role == WAITING:
                push_in(town, layout, rules, w, a)


@rule
def priority(town: TownState, rules: TownRules, w: int, a: int) -> float:
    """Order in the queue; lower goes first."""
    person = town.people[w, a]
    return float(person.rank - rules.age_priority_weight * person.waited)


@seldom
def push_in(town: TownState, layout: TownLayout, rules: TownRules, w: int, a: int) -> None:
    """Go for the front place; everybody passed suffers a conflict, and long waiters may not let it happen."""
    thing = town.people[w, a].at_object
    queue = town.objects[w, thing]
    place = queue_place(town, w, a)
    if place <= 0:
        return
    town.people[w, a].rank = town.people[w, queue.queue[0]].rank - 1
    mine = priority(town, rules, w, a)
    while place > 0:
        other = queue.queue[place - 1]
        if priority(town, rules, w, other) <= mine:
            break
        queue.queue[place] = other
        queue.queue[place - 1] = a
        place -= 1
        conflict(town, layout, rules, w, PUSH_IN, thing, a, other, queue.queue_length)


@seldom
def give_way(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """Change places with the next in line: the holder with the front, or the front with the second.

    Whoever was let go first cannot pass it on: two people who bow to each other for ever would keep all others waiting
    and wash their grudges away.
    """
    person = town.people[w, a]
    thing = person.at_object
    queue = town.objects[w, thing]
    length = queue.queue_length
    if person.favored:
        return
    if person.role == HOLDING and length > 0:
        other = queue.queue[0]
        next_in_line = town.people[w, other]
        queue.queue[0] = a
        person.role = WAITING
        person.rank = next_in_line.rank
        person.waited = next_in_line.waited
        reserve(town, w, thing, other)
        next_in_line.favored = True
        courtesy(town, rules, w, GIVE_WAY, thing, a, other, length)
    elif person.role == WAITING and length > 1 and queue.queue[0] == a:
        other = queue.queue[1]
        next_in_line = town.people[w, other]
        queue.queue[0] = other
        queue.queue[1] = a
        person.rank, next_in_line.rank = next_in_line.rank, person.rank
        person.waited, next_in_line.waited = next_in_line.waited, person.waited
        next_in_line.favored = True
        courtesy(town, rules, w, GIVE_WAY, thing, a, other, length)


@rule
def reserve(town: TownState, w: int, thing: int, a: int) -> None:
    """Reserve an object for a person who stands around it."""
    town.people[w, a].role = HOLDING
    queue = town.objects[w, thing]
    queue.passed_on = True
    queue.holder = a
    queue.reserved_at = town.worlds[w].tick
    queue.idle_ticks = 0
    queue.uses = 0
    queue.camped = 0


@seldom
def drop_place(town: TownState, w: int, a: int) -> None:
    """Take a person out of the queue or the reservation it has; the rest close up."""
    person = town.people[w, a]
    queue = town.objects[w, person.at_object]
    if person.role == WAITING:
        for i in range(queue_place(town, w, a), queue.queue_length - 1):
            queue.queue[i] = queue.queue[i + 1]
        queue.queue_length -= 1
        queue.queue[queue.queue_length] = -1
    else:
        queue.holder = -1
        queue.passed_on = True
    person.role = IDLE
    person.at_object = -1
    person.affordance = -1
    person.remaining = 0


@seldom
def leave_queue(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """Leave without having used the object; if a rival is there, that is why: an avoidance."""
    thing = town.people[w, a].at_object
    length = town.objects[w, thing].queue_length
    drop_place(town, w, a)
    rival = rival_at(town, rules, w, a, thing)
    if rival >= 0:
        record(town, w, AVOIDANCE, thing, a, rival, length, -1)


@rule
def rival_at(town: TownState, rules: TownRules, w: int, a: int, thing: int) -> int:
    """Somebody at an object towards whom the person's rivalry is at or above the avoid threshold, or −1."""
    holder = town.objects[w, thing].holder
    if holder >= 0 and rivalry_towards(town, w, a, holder) >= rules.avoid_threshold:
        return int(holder)
    for i in range(town.objects[w, thing].queue_length):
        other = town.objects[w, thing].queue[i]
        if rivalry_towards(town, w, a, other) >= rules.avoid_threshold:
            return int(other)
    return -1


@seldom
def finish_turn(town: TownState, rules: TownRules, w: int, a: int) -> None:
    """End a person's turn after a use: it cools down, and the object goes to the next in line, if any."""
    thing = town.people[w, a].at_object
    drop_place(town, w, a)
    begin_cooldown(town, rules, w, a, thing)
    length = town.objects[w, thing].queue_length
    if length > 0:
        courtesy(town, rules, w, HAND_OVER, thing, a, town.objects[w, thing].queue[0], length)


@rule
def begin_cooldown(town: TownState, rules: TownRules, w: int, a: int, thing: int) -> None:
    """Note that a person cannot queue for an object for a while, in place of the note that ends first.

    There is room for all notes that can be open at once, because a turn takes at least two ticks.
    """
    notes = town.cooldowns[w, a]
    oldest = 0
    for i in range(notes.shape[0]):
        if notes[i].object == thing:
            oldest = i
            break
        if notes[i].until < notes[oldest].until:
            oldest = i
    until = town.worlds[w].tick + rules.cooldown_ticks
    notes[oldest].object = thing
    notes[oldest].until = until
    town.people[w, a].cooling_until = until
    town.people[w, a].restless = True


@rule
def pass_on_finished(town: TownState, rules: TownRules, w: int) -> None:
    """End the turn of everybody who finished a use and does not start over."""
    start = REQUEST + town.target.shape[2] + START
    for a in range(town.people.shape[1]):
        person = town.people[w, a]
        if person.role == FINISHED and person.intent != start:
            finish_turn(town, rules, w, a)


@rule
def advance_queues(town: TownState, layout: TownLayout, rules: TownRules, w: int) -> None:
    """Judge holders who keep others waiting, then reserve free objects for the front of their queues."""
    patience = rules.patience_ticks
    for a in range(layout.people):
        person = town.people[w, a]
        if person.role == WAITING:
            person.waited += 1
            if patience > 0 and person.waited >= patience * trait_factor(layout, rules, a, PATIENCE):
                lose_patience(town, layout, rules, w, a)
    for word in range(town.noticed.shape[1]):
        bits = town.noticed[w, word]
        while bits != 0:
            advance_queue(town, layout, rules, w, word * WORD_OBJECTS + lowest_bit(bits))
            bits &= bits - 1


@rule
def advance_queue(town: TownState, layout: TownLayout, rules: TownRules, w: int, thing: int) -> None:
    """Judge an object's holder if others wait, and reserve it for the front of its queue if it is free."""
    queue = town.objects[w, thing]
    if queue.queue_length == 0:
        return
    holder = queue.holder
    if holder >= 0:
        role = town.people[w, holder].role
        if role == HOLDING and queue.reserved_at < town.worlds[w].tick:
            stall(town, layout, rules, w, thing, holder)
        elif town.people[w, holder].used >= 0 and queue.uses > 1:
            camp(town, layout, rules, w, thing, holder)
    if queue.holder < 0:
        serve_front(town, w, thing)


@seldom
def serve_front(town: TownState, w: int, thing: int) -> None:
    """Reserve a free object for the front of its queue."""
    front = town.objects[w, thing].queue[0]
    drop_place(town, w, front)
    town.people[w, front].at_object = thing
    reserve(town, w, thing, front)


@seldom
def stall(town: TownState, layout: TownLayout, rules: TownRules, w: int, thing: int, holder: int) -> None:
    """Count a tick of holding unused; at the limit it is a ghost step and the holder goes to the tail."""
    queue = town.objects[w, thing]
    queue.idle_ticks += 1
    if queue.idle_ticks < rules.ghost_step_after:
        return
    length = queue.queue_length
    conflict(town, layout, rules, w, GHOST_STEP, thing, holder, queue.queue[0], length)
    queue.holder = -1
    queue.passed_on = True
    queue.queue[length] = holder
    queue.queue_length = length + 1
    person = town.people[w, holder]
    person.role = WAITING
    person.rank = queue.next_rank
    person.waited = 0
    person.favored = False
    queue.next_rank += 1


@seldom
def camp(town: TownState, layout: TownLayout, rules: TownRules, w: int, thing: int, holder: int) -> None:
    """Count a tick of using again while others wait; every ``fair_use_ticks`` of it is an overstay."""
    queue = town.objects[w, thing]
    queue.camped += 1
    if queue.camped % rules.fair_use_ticks == 0:
        conflict(town, layout, rules, w, OVERSTAY, thing, holder, queue.queue[0], queue.queue_length)
