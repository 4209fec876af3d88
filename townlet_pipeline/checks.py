"""All checks between the stages: gates, which stop what is downstream, and watches, which only tell."""

from townlet_pipeline import gates, soak_gates, soak_watches, watches

ALL = [*gates.ALL, *watches.ALL]
#: Of baselines and soaks.
SOAK = [*soak_gates.ALL, *soak_watches.ALL]
