"""The bound on the events of a tick."""

from __future__ import annotations

from support.towns import callable_from_python, shower_room

from townlet.world import Town
from townlet.world.state.event_log import record
from townlet.world.state.events import GHOST_STEP


def test_an_event_beyond_the_bound_is_counted_and_not_written_into_the_next_world() -> None:
    """Compiled rules do not check indices."""
    town = Town(shower_room(), worlds=2, seed=0)
    state = town.state
    state.worlds["event_count"][0] = state.events.shape[1]
    before = state.events.copy()
    append = callable_from_python(record)
    append(state, 0, GHOST_STEP, 0, 1, 2, 3, 0.0, 0)
    assert (state.events == before).all()
    assert state.counter[0, GHOST_STEP] == 1
    append(state, 1, GHOST_STEP, 0, 1, 2, 3, 0.0, 0)
    assert state.events[1, 0]["actor"] == 1
