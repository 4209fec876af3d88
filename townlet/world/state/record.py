"""The record of a tick: events appended to the array of their world, and counted."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import TownState


@rule
def record(
    town: TownState, w: int, kind: int, thing: int, actor: int, rival: int, queue_length: int, detail: int
) -> None:
    """Append an event to this tick's events of a world, with intensity 0, and count it.

    An event beyond the bound is counted only: indices are not checked, and it would be written into the next world.
    """
    town.counter[w, kind] += 1.0
    if town.worlds[w].event_count >= town.events.shape[1]:
        return
    event = town.events[w, town.worlds[w].event_count]
    town.worlds[w].event_count += 1
    event.kind = kind
    event.object = thing
    event.actor = actor
    event.rival = rival
    event.queue_length = queue_length
    event.intensity = 0.0
    event.detail = detail
