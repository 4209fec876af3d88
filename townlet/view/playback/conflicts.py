"""Every conflict of a capture, with the place in its playback where it can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from townlet.capture import read_events
from townlet.files.storage import AnyPath


class ConflictLink(NamedTuple):
    """A conflict: when, between whom and where it happened, and how bad it was."""

    world: int
    tick: int
    who: str
    """The person who caused it."""
    against: str
    where: str
    """The object."""
    kind: str
    intensity: float

    @property
    def fragment(self) -> str:
        """What to put behind the address of a playback page to see it."""
        return fragment(self.tick, self.world)


def fragment(tick: int, world: int) -> str:
    """The deep link to a tick of a world, such as ``#t=123&w=0``."""
    return f"#t={tick}&w={world}"


def conflict_links(manifest: AnyPath) -> list[ConflictLink]:
    """The conflicts of a capture, the worst first, equal ones in the order in which they happened.

    Raises InputError if the events table is not the one that the manifest names.
    """
    links = [
        ConflictLink(
            event["world"],
            event["tick"],
            event["actor"],
            event["rival"],
            event["object"],
            event["kind"],
            event["intensity"],
        )
        for event in read_events(manifest).to_pylist()
        if event["intensity"] > 0
    ]
    return sorted(links, key=lambda link: -link.intensity)


def worlds_to_show(links: Sequence[ConflictLink], most: int) -> list[int]:
    """The worlds of the worst conflicts, at most so many, in order; world 0 if there was none."""
    worst = list(dict.fromkeys(link.world for link in links))[:most]
    return sorted(worst) or [0]
