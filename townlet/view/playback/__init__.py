"""Playback of captured rollouts, tick by tick: as a page for any browser, without a network, or as a GIF.

A capture records observations and actions, not where people stood. So :func:`resimulate` runs its recorded actions
again and refuses the capture if any result differs from it by a bit.
"""

from townlet.view.playback.conflicts import ConflictLink, conflict_links, fragment, worlds_with_worst_conflicts
from townlet.view.playback.document import document_in, world_document
from townlet.view.playback.gif import gif_of
from townlet.view.playback.page import playback_html
from townlet.view.playback.resimulation import Resimulation, resimulate

__all__ = [
    "ConflictLink",
    "Resimulation",
    "conflict_links",
    "document_in",
    "fragment",
    "gif_of",
    "playback_html",
    "resimulate",
    "world_document",
    "worlds_with_worst_conflicts",
]
