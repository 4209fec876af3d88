"""Groups of event kinds that plots and pages show together, as names alone: drawing a capture needs no town."""

from __future__ import annotations

#: Conflicts, in the order of plots.
CONFLICTS = ("contested_arrival", "ghost_step", "overstay", "push_in")
#: Courtesies: events in which somebody yields to a rival.
COURTESIES = ("hand_over", "yield", "avoidance")
