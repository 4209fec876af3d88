"""The changing part of a town: a few arrays of records for a batch of worlds.

A person's fields lie side by side in memory, because rules read several of them at once; and rules receive two dozen
arrays instead of eighty, which is what keeps compiling them quick. Reals that rules compute with are double
precision, so that no arithmetic depends on whether a rule runs compiled or as plain Python.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.config.expressions import MAX_DEPTH, VARIABLES
from townlet.rollout import REWARD_PARTS, aligned_zeros
from townlet.world.state.events import COUNTERS, EVENT, most_events_per_tick
from townlet.world.state.layout import ROWS_AT_ONCE, WORD_TILES, TownLayout

#: People who can stand around one object.
QUEUE_PLACES = 8

#: A person's part at an object.
IDLE, WAITING, HOLDING, USING, FINISHED = 0, 1, 2, 3, 4

#: Objects per word of ``noticed``; not 64, for there is no such positive number.
WORD_OBJECTS = 32

#: What can stand against seeing an object as ever: bits of ``signs``.
HELD, OUT_OF_SERVICE, CHANGED = 1, 2, 4
BUSY = HELD | OUT_OF_SERVICE

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
    "spent",
    "chats",
    "chat_quality_sum",
)


WORLD = np.dtype(
    [
        ("tick", np.int64),  # ticks since the episode began
        ("clock", np.int64),  # ticks since the world was made; never set back, so that each episode draws anew
        ("event_count", np.int64),  # events of this tick
        ("power_off_until", np.int64),  # first tick with power again
        ("water_off_until", np.int64),
        ("price_spike_until", np.int64),  # first tick with ordinary prices again
        ("perturbation_at", np.int64, (4,)),  # first tick of each kind's effect, as drawn for today; -1 for none
        ("next_change", np.int64),  # next tick at which a perturbation begins, or its end puts objects into service
        ("next_day", np.int64),  # first tick of tomorrow
        ("left_today", np.int64),  # people who were evicted or moved away today
        ("arrived_today", np.int64),  # newcomers of today
    ],
    align=True,
)

PERSON = np.dtype(
    [
        ("needs", np.float64, (3,)),  # hunger, hygiene, energy; 1 is satisfied
        ("wallet", np.float64),
        ("paid", np.float64),  # wage of this tick
        ("penalty", np.float64),  # lateness penalty of this tick
        ("caused", np.float64),  # intensity of this tick's conflicts as the actor
        ("suffered", np.float64),  # intensity of this tick's conflicts as the wronged side
        ("social", np.float64),  # quality of this tick's chats, meals and help
        ("tile", np.int32),  # where the person stands
        ("x", np.int32),  # its column
        ("y", np.int32),  # its row
        ("intent", np.int32),  # the action being carried out; WAIT in place of an illegal one
        ("role", np.int32),  # IDLE, WAITING, HOLDING, USING or FINISHED
        ("at_object", np.int32),  # the object of that role, -1 when idle
        ("joining", np.int32),  # object whose queue the person joins in this tick, or -1
        ("affordance", np.int32),  # running affordance, -1 without
        ("remaining", np.int32),  # ticks the running affordance still takes
        ("used", np.int32),  # affordance that ran in this tick, its last included; -1 without
        ("waited", np.int32),  # ticks waited in the present queue
        ("rank", np.int32),  # place of arrival in the present queue; lower is earlier
        ("cooling_until", np.int32),  # first tick without any cooldown
        ("shift_state", np.int32),  # OFF to DONE
        ("covering", np.int32),  # colleague whose shift the person has taken over, or -1
        ("starving", np.int32),  # ticks in a row with a need at 0
        ("unhappy", np.int32),  # ticks in a row with low needs on average
        ("leaving", np.int32),  # kind of event by which the person leaves town in this tick, or -1
        ("newcomer_at", np.int32),  # tick at which an empty slot gets a newcomer
        ("generation", np.int32),  # how many people have had the slot before
        ("grudges", np.int32),  # entries of the grudge ledger in use
        ("ties", np.int32),  # entries of the ledger of ties in use
        ("seen", np.int32),  # people in view that are listed in ``near``
        ("chat_ready_at", np.int32),  # first tick at which the person can chat again
        ("unusual", np.int64),  # one bit per type: neither the own workplace is asked for nor the nearest
        ("shown_shift", np.int32),  # state of the shift that the observation shows, or -1
        ("shown_role", np.int32),  # role, grudges and people that it shows
        ("shown_grudges", np.int32),
        ("shown_seen", np.int32),
        ("favored", np.bool_),  # was let go first in the present queue, and cannot pass that on
        ("arrived", np.bool_),  # came to today's shift, and counts for it
        ("helped", np.bool_),  # a colleague helped with today's shift, and lateness costs nothing
        ("restless", np.bool_),  # moved, or what it can ask for changed, since the last observation
    ],
    align=True,
)

OBJECT = np.dtype(
    [
        ("holder", np.int32),  # person the object is reserved for, or -1
        ("queue_length", np.int32),
        ("queue", np.int32, (QUEUE_PLACES,)),  # waiting people, front first, then -1
        ("next_rank", np.int32),  # rank of the next arrival
        ("reserved_at", np.int32),  # tick in which the holder got the reservation
        ("idle_ticks", np.int32),  # ticks the holder has kept others waiting without using the object
        ("uses", np.int32),  # times the present holder has started
        ("camped", np.int32),  # ticks the present holder has used it again while others waited
        ("stock", np.int32),  # units left to sell
        ("closed_until", np.int32),  # first tick at which it is open again
        ("out_of_service", np.bool_),  # closed, or without power or water it needs
        ("type_bit", np.int64),  # one bit, that of its type; never changes
        ("passed_on", np.bool_),  # got or lost its holder since the last observation
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

TIE = np.dtype(
    [
        ("other", np.int32),  # person the tie is with, or -1
        ("generation", np.int32),  # which of the people who have had that slot
        ("since", np.int64),  # clock at which trust and familiarity had these values; they fade from then on
        ("trust", np.float64),  # 0 to 1
        ("familiarity", np.float64),  # 0 to 1
    ],
    align=True,
)

COOLDOWN = np.dtype([("object", np.int32), ("until", np.int32)], align=True)


class TownState(NamedTuple):
    """``W`` worlds, ``A`` people, ``O`` objects, ``T`` types of object; every array is C-contiguous."""

    worlds: NDArray[Any]
    """WORLD [W]."""
    people: NDArray[Any]
    """PERSON [W, A]."""
    objects: NDArray[Any]
    """OBJECT [W, O]."""
    signs: NDArray[np.uint8]
    """uint8 [W, O]: HELD and OUT_OF_SERVICE as of the last observation, and CHANGED since the one before."""
    looks: NDArray[np.float32]
    """float32 [W, O, 4]: what is seen of it: queue, held, in use, stock."""
    noticed: NDArray[np.int64]
    """int64 [W, words]: one bit per object at which somebody is or arrives, or of which what is seen may have changed;
    all others are passed over. See :mod:`townlet.world.state.dirty`."""
    grudges: NDArray[Any]
    """GRUDGE [W, A, most grudges]."""
    ties: NDArray[Any]
    """TIE [W, A, most ties]."""
    cooldowns: NDArray[Any]
    """COOLDOWN [W, A, most at once]: objects that the person cannot queue for yet."""
    target: NDArray[np.int32]
    """int32 [W, A, T]: the object that a request of each type is for, or −1."""
    shown: NDArray[np.int32]
    """int32 [W, A, T]: the object of each type that the observation describes, or −1."""
    near: NDArray[np.int64]
    """int64 [W, A, most seen]: people in view, nearest first; see :mod:`townlet.world.state.occupancy`."""
    occupant: NDArray[np.int16]
    """int16 [W, tiles]: person on the tile, or −1."""
    crowd: NDArray[np.int64]
    """int64 [W, words, rows]: one bit per tile that somebody stands on; see :mod:`townlet.world.state.occupancy`."""
    events: NDArray[Any]
    """EVENT [W, E]: this tick's events; only the first ``event_count`` are valid."""
    counter: NDArray[np.float64]
    """float64 [W, COUNTERS]: totals since the last reset of the tallies."""
    tally: NDArray[np.float64]
    """float64 [W, A, TALLY]: per person since the last reset of the tallies."""
    alive: NDArray[np.bool_]
    """bool [W, A]: somebody is in the slot."""
    terminated: NDArray[np.bool_]
    """bool [W, A]: the person's episode ended in this tick."""
    clipped: NDArray[np.bool_]
    """bool [W, A]: the reward sits on its clip."""
    reward: NDArray[np.float32]
    """float32 [W, A]: of this tick, clipped."""
    reward_parts: NDArray[np.float32]
    """float32 [W, A, parts]: its components before clipping."""
    observation: NDArray[np.float32]
    """float32 [W, A, F]."""
    mask: NDArray[np.bool_]
    """bool [W, A, N]: legal actions."""
    values: NDArray[np.float64]
    """float64 [W, VARIABLES]: scratch for the variables of a precondition."""
    stack: NDArray[np.float64]
    """float64 [W, MAX_DEPTH]: scratch for evaluating it."""


class Capacities(NamedTuple):
    """Sizes of a town's arrays that its layout does not say."""

    grudges: int
    ties: int
    cooldowns: int
    seen: int
    features: int
    actions: int


def allocate_state(layout: TownLayout, worlds: int, most: Capacities) -> TownState:
    """Zeroed arrays; :func:`townlet.world.step.reset_worlds` gives them meaning."""
    people, objects, types = layout.people, len(layout.object_tile), layout.types
    rows = layout.height + 2 * layout.margin + ROWS_AT_ONCE
    words = (layout.width + 2 * layout.margin) // WORD_TILES + 1
    each = (worlds, people)
    things = _records((worlds, objects), OBJECT)
    things["type_bit"] = np.int64(1) << layout.object_type.astype(np.int64)
    return TownState(
        worlds=_records((worlds,), WORLD),
        people=_records(each, PERSON),
        objects=things,
        signs=aligned_zeros((worlds, objects), np.uint8),
        looks=aligned_zeros((worlds, objects, 4), np.float32),
        noticed=aligned_zeros((worlds, -(-objects // WORD_OBJECTS)), np.int64),
        grudges=_records((*each, most.grudges), GRUDGE),
        ties=_records((*each, most.ties), TIE),
        cooldowns=_records((*each, most.cooldowns), COOLDOWN),
        target=aligned_zeros((*each, types), np.int32),
        shown=aligned_zeros((*each, types), np.int32),
        near=aligned_zeros((*each, most.seen), np.int64),
        occupant=aligned_zeros((worlds, layout.width * layout.height), np.int16),
        crowd=aligned_zeros((worlds, words, rows), np.int64),
        events=_records((worlds, most_events_per_tick(people, objects)), EVENT),
        counter=aligned_zeros((worlds, len(COUNTERS)), np.float64),
        tally=aligned_zeros((*each, len(TALLY)), np.float64),
        alive=aligned_zeros(each, np.bool_),
        terminated=aligned_zeros(each, np.bool_),
        clipped=aligned_zeros(each, np.bool_),
        reward=aligned_zeros(each, np.float32),
        reward_parts=aligned_zeros((*each, len(REWARD_PARTS)), np.float32),
        observation=aligned_zeros((*each, most.features), np.float32),
        mask=aligned_zeros((*each, most.actions), np.bool_),
        values=aligned_zeros((worlds, len(VARIABLES)), np.float64),
        stack=aligned_zeros((worlds, MAX_DEPTH), np.float64),
    )


def _records(shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Zeroed records whose fields are attributes, as compiled rules have them."""
    return aligned_zeros(shape, kind).view(np.recarray)
