"""The changing part of a town: a few arrays of records for a batch of worlds.

A person's fields lie side by side in memory, because rules read several of them at once; and rules receive a dozen
arrays instead of sixty, which is what keeps compiling them quick. All integers are 64 bits wide and all reals
double precision, so that no arithmetic depends on whether a rule runs compiled or as plain Python.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.rollout import REWARD_PARTS, aligned_zeros
from townlet.world.events import COUNTERS, EVENT, most_events_per_tick
from townlet.world.layout import TownLayout

#: People who can stand around one object.
QUEUE_PLACES = 8

#: A person's part at an object.
IDLE, WAITING, HOLDING, USING, FINISHED = 0, 1, 2, 3, 4

#: Where a person stands with today's shift.
OFF, DUE, ON_TIME, LATE, ABSENT, DONE = 0, 1, 2, 3, 4, 5
SHIFT_STATES = ("off", "due", "on_time", "late", "absent", "done")

#: Columns of ``tally``, accumulated per person since the last reset of the tallies.
TALLY = (
    "alive_ticks",
    "reward",
    *(f"reward_{part}" for part in REWARD_PARTS),
    "rivalry_max_sum",
    "rivalry_max_max",
    "avoid_count_sum",
    "avoid_count_max",
    "needs_sum",
    "waiting_ticks",
    "uses_completed",
    "conflicts_caused",
    "conflicts_suffered",
    "intensity_suffered",
    "wages_paid",
    "wages_withheld",
    "late_arrivals",
    "absences",
    "clipped_rewards",
)


WORLD = np.dtype(
    [
        ("tick", np.int64),  # ticks since the episode began
        ("clock", np.int64),  # ticks since the world was made; never set back, so that each episode draws anew
        ("event_count", np.int64),  # events of this tick
    ],
    align=True,
)

PERSON = np.dtype(
    [
        ("tile", np.int64),  # where the person stands
        ("needs", np.float64, (3,)),  # hunger, hygiene, energy; 1 is satisfied
        ("starving", np.int64),  # ticks in a row with a need at 0
        ("newcomer_at", np.int64),  # tick at which an empty slot gets a newcomer
        ("intent", np.int64),  # the action being carried out; WAIT in place of an illegal one
        ("joining", np.int64),  # object whose queue the person joins in this tick, or -1
        ("role", np.int64),  # IDLE, WAITING, HOLDING, USING or FINISHED
        ("at_object", np.int64),  # the object of that role, -1 when idle
        ("affordance", np.int64),  # running affordance, -1 without
        ("remaining", np.int64),  # ticks the running affordance still takes
        ("used", np.int64),  # affordance that ran in this tick, its last included; -1 without
        ("waited", np.int64),  # ticks waited in the present queue
        ("rank", np.int64),  # place of arrival in the present queue; lower is earlier
        ("shift_state", np.int64),  # OFF to DONE
        ("wallet", np.float64),
        ("paid", np.float64),  # wage of this tick
        ("penalty", np.float64),  # lateness penalty of this tick
        ("caused", np.float64),  # intensity of this tick's conflicts as the actor
        ("suffered", np.float64),  # intensity of this tick's conflicts as the wronged side
        ("reward", np.float32),  # of this tick, clipped
        ("reward_parts", np.float32, (len(REWARD_PARTS),)),  # its components before clipping
        ("alive", np.bool_),  # somebody is in the slot
        ("favored", np.bool_),  # was let go first in the present queue, and cannot pass that on
        ("arrived", np.bool_),  # came to today's shift, and counts for it
        ("clipped", np.bool_),  # the reward sits on its clip
        ("terminated", np.bool_),  # the person's episode ended in this tick
    ],
    align=True,
)

OBJECT = np.dtype(
    [
        ("holder", np.int64),  # person the object is reserved for, or -1
        ("queue", np.int64, (QUEUE_PLACES,)),  # waiting people, front first, then -1
        ("queue_length", np.int64),
        ("next_rank", np.int64),  # rank of the next arrival
        ("reserved_at", np.int64),  # tick in which the holder got the reservation
        ("idle_ticks", np.int64),  # ticks the holder has kept others waiting without using the object
        ("uses", np.int64),  # times the present holder has started
        ("camped", np.int64),  # ticks the present holder has used it again while others waited
    ],
    align=True,
)

GRUDGE = np.dtype(
    [
        ("other", np.int64),  # person the grudge is against, or -1
        ("strength", np.float64),  # 0 to 1
    ],
    align=True,
)


class TownState(NamedTuple):
    """``W`` worlds, ``A`` people, ``O`` objects, ``K`` grudges; every array is C-contiguous."""

    worlds: NDArray[Any]
    """WORLD [W]."""
    people: NDArray[Any]
    """PERSON [W, A]."""
    objects: NDArray[Any]
    """OBJECT [W, O]."""
    grudges: NDArray[Any]
    """GRUDGE [W, A, K]."""
    occupant: NDArray[np.int64]
    """int64 [W, tiles]: person on the tile, or −1."""
    cooldown_until: NDArray[np.int64]
    """int64 [W, A, O]: first tick at which the person can queue there again."""
    events: NDArray[Any]
    """EVENT [W, E]: this tick's events; only the first ``event_count`` are valid."""
    counter: NDArray[np.float64]
    """float64 [W, COUNTERS]: totals since the last reset of the tallies."""
    tally: NDArray[np.float64]
    """float64 [W, A, TALLY]: per person since the last reset of the tallies."""
    observation: NDArray[np.float32]
    """float32 [W, A, F]."""
    mask: NDArray[np.bool_]
    """bool [W, A, N]: legal actions."""


def allocate_state(layout: TownLayout, worlds: int, max_edges: int, features: int, actions: int) -> TownState:
    """Zeroed arrays; :func:`townlet.world.step.reset_worlds` gives them meaning."""
    people, objects = layout.people, len(layout.object_tile)
    return TownState(
        worlds=_records((worlds,), WORLD),
        people=_records((worlds, people), PERSON),
        objects=_records((worlds, objects), OBJECT),
        grudges=_records((worlds, people, max_edges), GRUDGE),
        occupant=aligned_zeros((worlds, layout.width * layout.height), np.int64),
        cooldown_until=aligned_zeros((worlds, people, objects), np.int64),
        events=_records((worlds, most_events_per_tick(people, objects)), EVENT),
        counter=aligned_zeros((worlds, len(COUNTERS)), np.float64),
        tally=aligned_zeros((worlds, people, len(TALLY)), np.float64),
        observation=aligned_zeros((worlds, people, features), np.float32),
        mask=aligned_zeros((worlds, people, actions), np.bool_),
    )


def _records(shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Zeroed records whose fields are attributes, as compiled rules have them."""
    return aligned_zeros(shape, kind).view(np.recarray)
