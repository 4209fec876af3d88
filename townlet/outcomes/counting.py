"""Counts of what happens to people, taken tick by tick from a town's states and events, compiled."""

from __future__ import annotations

import numpy as np

from townlet.world.engine.compile import entry, rule
from townlet.world.state.arrays import HOLDING, WAITING
from townlet.world.state.events import (
    ABSENCE,
    CONFLICT_KINDS,
    CONTESTED_ARRIVAL,
    DEPARTURE,
    EVICTION,
    FAINT,
    LATE_ARRIVAL,
    ON_TIME_ARRIVAL,
    USE_COMPLETED,
)

#: Kinds of conflict come first among the kinds of events.
_CONFLICTS = len(CONFLICT_KINDS)

#: What is counted for each person of each world, since the recorder began.
COUNTS = np.dtype(
    [
        ("conflicts", np.float64),  # conflicts caused
        ("intensity", np.float64),  # their summed intensity
        ("tied", np.float64),  # the part of it from arrivals in the same tick
        ("came", np.float64),  # shifts that they came to, late or on time
        ("absent", np.float64),  # shifts that they missed
        ("faints", np.float64),
        ("washes", np.float64),  # completed uses of a shower
        ("washing", np.float64),  # ticks of washing, of completed and other uses
        ("queued", np.float64),  # ticks in queues for showers since the last completed wash
        ("satisfied", np.float64),  # summed mean need, while the first person of the slot is in town
        ("stay", np.int64),  # ticks waited in the present stay in a queue
        ("staying", np.bool_),  # in a queue, or holding an object without having used it
        ("gone", np.bool_),  # the first person of the slot has left town
    ],
    align=True,
)

#: Columns of the log, one row for each wait that has ended.
KIND, WORLD, PERSON, TICKS = 0, 1, 2, 3
#: Its kinds: a stay in a queue, and all queueing for one completed wash.
STAY, WASH = 0, 1
#: The most rows that one person adds in a tick: two stays and a wash.
MOST_ROWS = 3


@entry
def count_tick(
    people: np.ndarray,
    alive: np.ndarray,
    events: np.ndarray,
    event_count: np.ndarray,
    is_shower: np.ndarray,
    is_wash: np.ndarray,
    own_column: np.ndarray,
    counts: np.ndarray,
    own_uses: np.ndarray,
    log: np.ndarray,
    rows: np.ndarray,
) -> None:
    """Count the tick that has just passed, in all worlds.

    Args:
        people: PERSON [W, A].
        alive: bool [W, A].
        events: EVENT [W, E].
        event_count: int64 [W].
        is_shower: bool [O], of each object.
        is_wash: bool [U], of each affordance.
        own_column: int64 [U], the place of each affordance in ``own_uses``, or -1.
        counts: COUNTS [W, A], counted on.
        own_uses: float64 [W, A, N], completed uses of affordances of one's own, counted on.
        log: int32 [N, 4], with room for MOST_ROWS more rows per person.
        rows: int64 [1], the rows in use.
    """
    for w in range(people.shape[0]):
        for a in range(people.shape[1]):
            count_state(people, alive, is_shower, is_wash, counts, w, a)
            count_stay(people, alive, counts, log, rows, w, a)
        for i in range(event_count[w]):
            count_event(events, is_shower, counts, log, rows, w, i)
            count_own_use(events, own_column, own_uses, w, i)


@rule
def count_state(
    people: np.ndarray,
    alive: np.ndarray,
    is_shower: np.ndarray,
    is_wash: np.ndarray,
    counts: np.ndarray,
    w: int,
    a: int,
) -> None:
    """Count the state of one person after the tick."""
    if not alive[w, a]:
        return
    person, count = people[w, a], counts[w, a]
    if person.used >= 0 and is_wash[person.used]:
        count.washing += 1.0
    if person.role == WAITING and is_shower[person.at_object]:
        count.queued += 1.0
    if not count.gone:
        count.satisfied += (person.needs[0] + person.needs[1] + person.needs[2]) / 3.0


@rule
def count_stay(
    people: np.ndarray, alive: np.ndarray, counts: np.ndarray, log: np.ndarray, rows: np.ndarray, w: int, a: int
) -> None:
    """Begin, lengthen or end a person's stay in a queue.

    Holding an object does not end it: the holder may still be sent or go back into the queue.
    """
    person, count = people[w, a], counts[w, a]
    waits = alive[w, a] and person.role == WAITING
    if person.joining >= 0 or (waits and not count.staying):
        if count.staying:
            append(log, rows, STAY, w, a, count.stay)
        count.staying = True
        count.stay = 0
    if not count.staying:
        return
    if waits:
        count.stay += 1
    elif not (alive[w, a] and person.role == HOLDING):
        append(log, rows, STAY, w, a, count.stay)
        count.staying = False


@rule
def count_event(
    events: np.ndarray, is_shower: np.ndarray, counts: np.ndarray, log: np.ndarray, rows: np.ndarray, w: int, i: int
) -> None:
    """Count one event of the tick."""
    event = events[w, i]
    kind = event.kind
    # Perturbations have no actor, and are of no kind that is counted.
    count = counts[w, max(event.actor, 0)]
    if kind < _CONFLICTS:
        count.conflicts += 1.0
        count.intensity += event.intensity
        if kind == CONTESTED_ARRIVAL:
            count.tied += event.intensity
    elif kind == USE_COMPLETED:
        if is_shower[event.object]:
            count.washes += 1.0
            append(log, rows, WASH, w, event.actor, int(count.queued))
            count.queued = 0.0
    elif kind in (ON_TIME_ARRIVAL, LATE_ARRIVAL):
        count.came += 1.0
    elif kind == ABSENCE:
        count.absent += 1.0
    elif kind in (FAINT, EVICTION, DEPARTURE):
        if kind == FAINT:
            count.faints += 1.0
        # The slot's next person is somebody else.
        count.queued = 0.0
        count.gone = True


@rule
def count_own_use(events: np.ndarray, own_column: np.ndarray, own_uses: np.ndarray, w: int, i: int) -> None:
    """Count one event if it is a completed use of an affordance of one's own."""
    event = events[w, i]
    if own_uses.shape[2] > 0 and event.kind == USE_COMPLETED:
        column = own_column[event.detail]
        if column >= 0:
            own_uses[w, event.actor, column] += 1.0


@rule
def append(log: np.ndarray, rows: np.ndarray, kind: int, w: int, a: int, ticks: int) -> None:
    """Add a row to the log."""
    row = rows[0]
    log[row, KIND] = kind
    log[row, WORLD] = w
    log[row, PERSON] = a
    log[row, TICKS] = ticks
    rows[0] = row + 1
