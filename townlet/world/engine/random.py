"""Counter-based random draws: each is a pure function of world, tick, agent and purpose.

A draw hashes (seed, stream, world, tick, agent, purpose) by chained rounds of the SplitMix64 finalizer (Steele, Lea and
Flood 2014). So a world's history does not depend on the other worlds of the batch, on the number of workers or on
earlier draws, and a saved state needs no generator state.
"""

from __future__ import annotations

import numpy as np

from townlet.world.engine.compile import entry

#: The events stream draws perturbations, which therefore do not depend on what people do.
WORLD_STREAM, EVENTS_STREAM, POLICY_STREAM = 0, 1, 2

#: Purposes of draws. Draws of one tick for different purposes are independent.
MOVE_ORDER, ARRIVAL_ORDER, START_NEEDS, CHOOSE_ACTION, CHAT_OUTCOME = 0, 1, 2, 3, 4
EVENT_TODAY, EVENT_TICK, EVENT_OBJECT = 16, 17, 18

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 1.0 / 9007199254740992.0


@entry
def _absorb(state: np.uint64, value: int) -> np.uint64:
    z = (state ^ np.uint64(value)) * _MIX1 + _GOLDEN
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)


@entry
def draw(seed: int, stream: int, world: int, tick: int, agent: int, purpose: int) -> float:
    """A uniform number in [0, 1) with 53 random bits; no argument may be negative."""
    state = _absorb(_GOLDEN, seed)
    state = _absorb(state, stream)
    state = _absorb(state, world)
    state = _absorb(state, tick)
    state = _absorb(state, agent)
    state = _absorb(state, purpose)
    return float(state >> _S11) * _UNIT


@entry
def draw_order(seed: int, world: int, tick: int, people: int) -> int:
    """A random order in which people act in a tick, as a number for :func:`nth_mover`."""
    return int(draw(seed, WORLD_STREAM, world, tick, 0, MOVE_ORDER) * 2 * people)


@entry
def nth_mover(order: int, n: int, people: int) -> int:
    """The person who acts ``n``-th in a tick's order.

    The order runs around the circle of people from a drawn person in a drawn direction, so either of any two people is
    first with equal probability.
    """
    a = (order >> 1) + (people - n if order & 1 else n)
    return a - people if a >= people else a


@entry
def fill_draws(out: np.ndarray, seed: int, stream: int, first_world: int, tick: int, purpose: int) -> None:
    """Fill ``out``, float64 [W, A], with one draw per world and agent; world ``w`` is number ``first_world + w``."""
    for w in range(out.shape[0]):
        for a in range(out.shape[1]):
            out[w, a] = draw(seed, stream, first_world + w, tick, a, purpose)
