"""The playback page: a captured rollout that can be watched, tick by tick, in any browser and without a network.

A capture records what people saw and did, not where they stood, so :func:`film_of` simulates its worlds again from the
recorded actions and believes nothing that differs from the recording by a bit.
"""

from townlet.view.playback.conflicts import ConflictLink, conflict_links, fragment, worlds_to_show
from townlet.view.playback.document import document_in, film_document
from townlet.view.playback.film import Film, film_of
from townlet.view.playback.gif import gif_of
from townlet.view.playback.page import playback_html

__all__ = [
    "ConflictLink",
    "Film",
    "conflict_links",
    "document_in",
    "film_document",
    "film_of",
    "fragment",
    "gif_of",
    "playback_html",
    "worlds_to_show",
]
