"""Event kinds, the record of an event, and the counters of a world."""

from __future__ import annotations

import numpy as np

from townlet.event_kinds import EVENT_KINDS

CONFLICT_KINDS = EVENT_KINDS[:4]
GHOST_STEP, PUSH_IN, OVERSTAY, CONTESTED_ARRIVAL = 0, 1, 2, 3
HAND_OVER, YIELDED, AVOIDANCE = 4, 5, 6
USE_COMPLETED, ON_TIME_ARRIVAL, LATE_ARRIVAL, ABSENCE = 7, 8, 9, 10
FAINT, NEWCOMER, USE_INTERRUPTED, IMPATIENCE = 11, 12, 13, 14
CHAT_SUCCESS, CHAT_FAILURE, SHARED_MEAL, LATE_HELP, SHIFT_TAKEOVER = 15, 16, 17, 18, 19
POWER_OUTAGE, WATER_OUTAGE, PRICE_SPIKE, CLOSURE = 20, 21, 22, 23
EVICTION, DEPARTURE = 24, 25

#: An event. Object, actor, rival and detail are -1 where they do not apply; intensity is 0 for all but conflicts. The
#: detail is, for a completed or interrupted use, its affordance; for late help, the affordance that the colleague was
#: woken from; for an arrival at work, the ticks since the shift began; for impatience, the ticks waited; and for a
#: perturbation, the ticks that it lasts.
EVENT = np.dtype(
    [
        ("kind", np.int64),
        ("object", np.int64),
        ("actor", np.int64),
        ("rival", np.int64),
        ("queue_length", np.int64),
        ("intensity", np.float64),
        ("detail", np.int64),
    ],
    align=True,
)

#: Totals per world: events by kind, then sums that are not counts of events.
COUNTERS = (
    *EVENT_KINDS,
    "conflict_intensity",
    "shower_complete",
    "sleep_complete",
    "illegal_actions",
    "chat_quality_sum",
    "purchases",
    "rent_paid",
)
INTENSITY_SUM, SHOWER_COUNTER, SLEEP_COUNTER, ILLEGAL_ACTIONS, CHAT_QUALITY, PURCHASES, RENT_PAID = range(
    len(EVENT_KINDS), len(COUNTERS)
)


def most_events_per_tick(people: int, objects: int) -> int:
    """An upper bound on the events of one tick.

    Per person at most one arrival in a queue, seven people passed by pushing in, one courtesy, one avoidance, one
    completed or interrupted use, one arrival at work or absence, one takeover, one chat or help, one impatience, and
    one departure or arrival in town. Shared meals fit within that: somebody who eats does not queue and has at most 24
    people around, which makes twelve meals per person. Per object at most a ghost step, an overstay, a hand-over and a
    closure. And three perturbations of the whole town.
    """
    return 18 * people + 4 * objects + 3
