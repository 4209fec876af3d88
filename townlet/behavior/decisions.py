"""Decisions: the ticks in which a person chooses, and the single action that continues what they do in all others.

Walking to a shower takes twenty ticks and a wash fifty, in each of which the town asks for an action. A policy that
draws each of them anew seldom arrives, and hardly ever finishes a wash; and the credit for having set out passes
through seventy value estimates. So a policy may commit itself (``network.commitment_ticks``): people walk on to what
they have requested, go on waiting in a queue, and go on using. They choose when that is over, when they have reached
the object, or in every N-th tick; those who stand idle choose four times as often. These are options in the sense of
Sutton, Precup and Singh 1999, whose termination depends on the state alone.

In a tick without a decision the mask leaves one action, so its probability is 1: whoever learns from such a record,
by whatever method, needs no further information.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from townlet.world.engine.compile import entry, rule
from townlet.world.rules.actions import REQUEST, WAIT
from townlet.world.state.arrays import IDLE, USING, WAITING

if TYPE_CHECKING:
    from townlet.world import Town

# Ticks by which the decisions of neighbours in the list of people, and of worlds side by side, are shifted.
_BY_PERSON, _BY_WORLD = 7, 3
# How many times more often those who stand idle choose.
_IDLE_FACTOR = 4


@entry
def mark_decisions(
    worlds: np.ndarray,
    people: np.ndarray,
    alive: np.ndarray,
    legal: np.ndarray,
    target: np.ndarray,
    object_x: np.ndarray,
    object_y: np.ndarray,
    first_world: int,
    commitment: int,
    mask: np.ndarray,
    decisions: np.ndarray,
) -> int:
    """Narrow everybody's legal actions to those that they choose among; return the number of decisions.

    A pure function of the state: what a person has last done is part of it.

    Args:
        worlds: WORLD [W].
        people: PERSON [W, A].
        alive: bool [W, A].
        legal: bool [W, A, N], the town's action mask.
        target: int32 [W, A, T], the object that a request of each type is for.
        object_x, object_y: int32 [O], where objects are.
        first_world: the number of the first world.
        commitment: ticks after which people reconsider.
        mask: bool [W, A, N], filled: ``legal`` where a person decides, else only the action that continues.
        decisions: int64 [W · A], its beginning is filled with the slots that decide, in order.
    """
    count = 0
    for w in range(alive.shape[0]):
        tick = worlds[w].tick
        for a in range(alive.shape[1]):
            if not alive[w, a]:
                for action in range(legal.shape[2]):
                    mask[w, a, action] = legal[w, a, action]
                continue
            person = people[w, a]
            kept = continuing(person.role, person.intent, target.shape[2])
            every = max(commitment // _IDLE_FACTOR, 1) if person.role == IDLE and kept == WAIT else commitment
            due = (tick + _BY_PERSON * a + _BY_WORLD * (first_world + w)) % every == 0
            if kept >= REQUEST:
                # Whether to join the queue is a decision of its own.
                o = target[w, a, kept - REQUEST]
                due |= o >= 0 and abs(person.x - object_x[o]) <= 1 and abs(person.y - object_y[o]) <= 1
            if kept >= 0 and not due and legal[w, a, kept]:
                for action in range(legal.shape[2]):
                    mask[w, a, action] = action == kept
                continue
            choices = 0
            for action in range(legal.shape[2]):
                mask[w, a, action] = legal[w, a, action]
                choices += legal[w, a, action]
            if choices > 1:
                decisions[count] = w * alive.shape[1] + a
                count += 1
    return count


def narrow_to_decisions(
    town: Town, commitment: int, mask: NDArray[np.bool_], decisions: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Fill ``mask``, bool [W, A, N], with what everybody in a town chooses among; see :func:`mark_decisions`.

    ``decisions`` is int64 [W · A] or longer. Its beginning, the slots that decide, is returned.
    """
    state, layout = town.state, town.layout
    count = mark_decisions(
        state.worlds,
        state.people,
        state.alive,
        state.mask,
        state.target,
        layout.object_x,
        layout.object_y,
        town.first_world,
        commitment,
        mask,
        decisions,
    )
    return decisions[:count]


@entry
def take_only(mask: np.ndarray, action: np.ndarray) -> None:
    """Fill ``action``, int32 [B], with the first legal action of each row of ``mask``, bool [B, N]."""
    for row in range(len(action)):
        first = 0
        while not mask[row, first]:
            first += 1
        action[row] = first


@rule
def continuing(role: int, intent: int, requests: int) -> int:
    """The action that continues what a person in a role did last, ``intent``, or −1 if nothing does."""
    if role != IDLE:
        return WAIT if (role - USING) * (role - WAITING) == 0 else -1
    if intent == WAIT or REQUEST <= intent < REQUEST + requests:
        return intent
    return -1
