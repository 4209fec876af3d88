"""The log of a tick: events appended to the array of their world, and counted."""

from __future__ import annotations

from townlet.world.engine.compile import rule
from townlet.world.state.arrays import TownState


@rule
def record(
    town: TownState, w: int, kind: int, o: int, actor: int, rival: int, queue_length: int, intensity: float, detail: int
) -> None:
    """Append an event to this tick's events of a world, and count it.

    An event beyond the array's bound is only counted: compiled rules do not check indices, so it would be written into
    the next world.

    Args:
        kind: its number in EVENT_KINDS.
        o: object, −1 without one.
        actor: person who did it, −1 without one.
        rival: the other person, −1 without one.
        queue_length: people who wait at the object.
        intensity: of a conflict; 0 for every other event.
        detail: see :data:`townlet.world.state.events.EVENT`; −1 without one.
    """
    town.counter[w, kind] += 1.0
    if town.worlds[w].event_count >= town.events.shape[1]:
        return
    event = town.events[w, town.worlds[w].event_count]
    town.worlds[w].event_count += 1
    event.kind = kind
    event.object = o
    event.actor = actor
    event.rival = rival
    event.queue_length = queue_length
    event.intensity = intensity
    event.detail = detail
