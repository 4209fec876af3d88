"""The state of a town: a few arrays of records for a batch of worlds.

A person's fields lie side by side in memory, because rules read several of them at once. Rules receive two dozen arrays
rather than one per field, so they compile quickly. Rules compute in double precision, so that results round alike in
compiled rules and in plain Python.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.config.expressions import MAX_DEPTH, VARIABLES
from townlet.rollout import REWARD_PARTS, aligned_zeros
from townlet.world.state.events import COUNTERS, EVENT, most_events_per_tick
from townlet.world.state.layout import ROWS_AT_ONCE, WORD_TILES, TownLayout

#: People who can queue for one object: one on each tile around it.
QUEUE_CAPACITY = 8

#: A person's role at an object.
IDLE, WAITING, HOLDING, USING, FINISHED = 0, 1, 2, 3, 4

#: Objects per word of ``dirty_objects``; fewer than 64, so that words are never negative.
WORD_OBJECTS = 32

#: Bits of ``object_flags``.
HELD, OUT_OF_SERVICE, CHANGED = 1, 2, 4
#: The flags of an object that cannot be used at once.
UNAVAILABLE = HELD | OUT_OF_SERVICE

#: Columns of ``object_features``. Not a record, because compilers copy four numbers of an array at once.
OBJECT_FEATURES = ("queue", "held", "in_use", "stock")

#: States of a person's shift of today.
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
        ("clock", np.int64),  # ticks since the world was last seeded; each episode goes on from there and draws anew
        ("event_count", np.int64),  # events of this tick
        ("power_off_until", np.int64),  # first tick with power again
        ("water_off_until", np.int64),
        ("price_spike_until", np.int64),  # first tick with ordinary prices again
        ("perturbation_at", np.int64, (4,)),  # first tick of each perturbation, as drawn for today; -1 for none
        ("next_change", np.int64),  # next tick in which a perturbation begins or ends
        ("next_day", np.int64),  # first tick of tomorrow
        ("left_today", np.int64),  # people who were evicted or moved away today
        ("arrived_today", np.int64),  # newcomers who came today
    ],
    align=True,
)

PERSON = np.dtype(
    [
        ("needs", np.float64, (3,)),  # hunger, hygiene, energy; 1 is satisfied
        ("wallet", np.float64),
        ("paid", np.float64),  # wage of this tick
        ("penalty", np.float64),  # cost of coming late or not at all, in this tick
        ("caused", np.float64),  # intensity of this tick's conflicts as the actor
        ("suffered", np.float64),  # intensity of this tick's conflicts as the wronged side
        ("social", np.float64),  # quality of this tick's chats, plus 1 for each shared meal and help given
        ("tile", np.int32),  # tile on which the person stands
        ("x", np.int32),  # column of the tile
        ("y", np.int32),  # row of the tile
        ("intent", np.int32),  # action of this tick; WAIT in place of an illegal one
        ("role", np.int32),  # IDLE, WAITING, HOLDING, USING or FINISHED
        ("at_object", np.int32),  # object of that role, -1 when idle
        ("joining", np.int32),  # object whose queue the person joins in this tick, or -1
        ("affordance", np.int32),  # running affordance, -1 without
        ("remaining", np.int32),  # ticks the running affordance still takes
        ("used", np.int32),  # affordance that ran in this tick, even if it ended; -1 without
        ("waited", np.int32),  # ticks waited in the current queue
        ("rank", np.int32),  # order of arrival in the current queue; lower is earlier
        ("cooling_until", np.int32),  # first tick without a cooldown on any object
        ("shift_state", np.int32),  # OFF to DONE
        ("covering", np.int32),  # colleague whose shift the person has taken over, or -1
        ("starving", np.int32),  # ticks in a row with a need at 0
        ("unhappy", np.int32),  # ticks in a row in which the average need was low
        ("leaving", np.int32),  # kind of event with which the person leaves town in this tick, or -1
        ("newcomer_at", np.int32),  # tick at which an empty slot gets a newcomer
        ("generation", np.int32),  # how many people have had the slot before
        ("grudges", np.int32),  # entries of the grudge ledger in use
        ("ties", np.int32),  # entries of the ledger of ties in use
        ("neighbor_count", np.int32),  # people in view who are listed in ``neighbors``
        ("chat_ready_at", np.int32),  # first tick at which the person can chat again
        ("types_off_default", np.int64),  # one bit per type whose target is not the default
        ("observed_shift", np.int32),  # shift state in the observation, or -1
        ("observed_role", np.int32),  # role in the observation
        ("observed_grudges", np.int32),  # number of grudges when it was written
        ("observed_neighbors", np.int32),  # number of neighbors in the observation
        ("favored", np.bool_),  # somebody yielded to them in the current queue, so that they cannot yield
        ("arrived", np.bool_),  # came to today's shift before being absent
        ("helped", np.bool_),  # a colleague helped today, so that lateness costs nothing
        ("moved_or_retargeted", np.bool_),  # since the last observation: moved, or the possible targets changed
    ],
    align=True,
)

OBJECT = np.dtype(
    [
        ("holder", np.int32),  # person the object is reserved for, or -1
        ("queue_length", np.int32),
        ("queue", np.int32, (QUEUE_CAPACITY,)),  # waiting people, front first, then -1
        ("next_rank", np.int32),  # rank of the next arrival
        ("reserved_at", np.int32),  # tick in which it was reserved for the holder
        ("idle_ticks", np.int32),  # ticks the holder has kept others waiting without using the object
        ("uses", np.int32),  # uses that the holder has started
        ("camped", np.int32),  # ticks the holder has used it again while others waited
        ("stock", np.int32),  # units left to sell
        ("closed_until", np.int32),  # first tick at which it is open again
        ("out_of_service", np.bool_),  # closed, or without the utility that every use of it needs
        ("type_bit", np.int64),  # the bit of its type; never changes
        ("holder_changed", np.bool_),  # since the last observation
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
        ("generation", np.int32),  # generation of that person in their slot
        ("since", np.int64),  # clock at which trust and familiarity had these values; they have faded since
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
    object_flags: NDArray[np.uint8]
    """uint8 [W, O]: HELD, OUT_OF_SERVICE and CHANGED, as of the last observation."""
    object_features: NDArray[np.float32]
    """float32 [W, O, OBJECT_FEATURES]: the features that everybody observes of an object alike."""
    dirty_objects: NDArray[np.int64]
    """int64 [W, words]: one bit per object that somebody holds or waits for, or whose features may have changed. See
    :mod:`townlet.world.state.dirty`."""
    grudges: NDArray[Any]
    """GRUDGE [W, A, most grudges]."""
    ties: NDArray[Any]
    """TIE [W, A, most ties]."""
    cooldowns: NDArray[Any]
    """COOLDOWN [W, A, most at once]: objects that a person cannot queue for yet."""
    target: NDArray[np.int32]
    """int32 [W, A, T]: the object that a request of each type is for, or −1."""
    observed_object: NDArray[np.int32]
    """int32 [W, A, T]: the object of each type that is in the observation, or −1."""
    neighbors: NDArray[np.int64]
    """int64 [W, A, most neighbors]: people in view, nearest first; see :mod:`townlet.world.state.occupancy`."""
    tile_occupant: NDArray[np.int16]
    """int16 [W, tiles]: person on the tile, or −1."""
    occupancy_bits: NDArray[np.int64]
    """int64 [W, words, rows]: one bit per occupied tile; see :mod:`townlet.world.state.occupancy`."""
    events: NDArray[Any]
    """EVENT [W, E]: this tick's events; only the first ``event_count`` are valid."""
    counter: NDArray[np.float64]
    """float64 [W, COUNTERS]: totals since the last reset of the tallies."""
    tally: NDArray[np.float64]
    """float64 [W, A, TALLY]: sums per person since the last reset of the tallies."""
    alive: NDArray[np.bool_]
    """bool [W, A]: somebody is in the slot."""
    terminated: NDArray[np.bool_]
    """bool [W, A]: the person's episode ended in this tick."""
    clipped: NDArray[np.bool_]
    """bool [W, A]: the reward reached its clip in this tick."""
    reward: NDArray[np.float32]
    """float32 [W, A]: the reward of this tick, clipped."""
    reward_parts: NDArray[np.float32]
    """float32 [W, A, parts]: its components before clipping."""
    observation: NDArray[np.float32]
    """float32 [W, A, F]."""
    mask: NDArray[np.bool_]
    """bool [W, A, N]: legal actions."""
    values: NDArray[np.float64]
    """float64 [W, VARIABLES]: scratch space for the variables of a precondition."""
    stack: NDArray[np.float64]
    """float64 [W, MAX_DEPTH]: scratch space for evaluating it."""
    approaching: NDArray[np.int64]
    """int64 [W, O, 3]: who is walking to an object; see :mod:`townlet.world.observation.offers`."""


class Capacities(NamedTuple):
    """Sizes of a town's arrays that do not follow from its layout."""

    grudges: int
    ties: int
    cooldowns: int
    neighbors: int
    features: int
    actions: int


def allocate_state(layout: TownLayout, worlds: int, most: Capacities) -> TownState:
    """Arrays of zeros, for :func:`townlet.world.step.reset_worlds` to fill."""
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
        object_flags=aligned_zeros((worlds, objects), np.uint8),
        object_features=aligned_zeros((worlds, objects, len(OBJECT_FEATURES)), np.float32),
        dirty_objects=aligned_zeros((worlds, -(-objects // WORD_OBJECTS)), np.int64),
        grudges=_records((*each, most.grudges), GRUDGE),
        ties=_records((*each, most.ties), TIE),
        cooldowns=_records((*each, most.cooldowns), COOLDOWN),
        target=aligned_zeros((*each, types), np.int32),
        observed_object=aligned_zeros((*each, types), np.int32),
        neighbors=aligned_zeros((*each, most.neighbors), np.int64),
        tile_occupant=aligned_zeros((worlds, layout.width * layout.height), np.int16),
        occupancy_bits=aligned_zeros((worlds, words, rows), np.int64),
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
        approaching=aligned_zeros((worlds, objects, 3), np.int64),
    )


def _records(shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Records of zeros whose fields are attributes, as they are in compiled rules."""
    return aligned_zeros(shape, kind).view(np.recarray)
