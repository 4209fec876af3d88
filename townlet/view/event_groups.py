"""Groups of event kinds that plots and pages show together."""

from __future__ import annotations

from townlet.world import CONFLICT_KINDS

#: Conflicts, in the order of plots.
CONFLICTS = tuple(sorted(CONFLICT_KINDS))
#: Courtesies: events in which somebody yields to a rival.
COURTESIES = ("hand_over", "yield", "avoidance")
