"""Study of policies in towns nobody trained in: are they as good as a heuristic that knows the whole town?

Question and analysis are laid down in ``docs/results/unseen-towns-protocol.md``. Only names that need no torch are
imported here; the processes that train import the rest.
"""

from townlet.study.unseen.settings import FULL, QUICK, Settings

__all__ = ["FULL", "QUICK", "Settings"]
