"""Conflicts of a capture, each with a link to its tick in the playback page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from townlet.capture import read_events
from townlet.files.storage import AnyPath


class ConflictLink(NamedTuple):
    """A conflict: its world and tick, the people, the object, the kind and the intensity."""

    world: int
    tick: int
    who: str
    """Who caused it."""
    against: str
    where: str
    """The object."""
    kind: str
    intensity: float

    @property
    def fragment(self) -> str:
        """Fragment of the page's address that shows the conflict."""
        return fragment(self.tick, self.world)


def fragment(tick: int, world: int) -> str:
    """Fragment of the page's address that shows a tick of a world, such as ``#t=123&w=0``."""
    return f"#t={tick}&w={world}"


def conflict_links(manifest: AnyPath) -> list[ConflictLink]:
    """List the conflicts of a capture, the most intense first, ties in the order in which they happened.

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


def worlds_with_worst_conflicts(links: Sequence[ConflictLink], most: int) -> list[int]:
    """Up to ``most`` worlds with the most intense conflicts, in ascending order; world 0 if there is no conflict."""
    worst = list(dict.fromkeys(link.world for link in links))[:most]
    return sorted(worst) or [0]
