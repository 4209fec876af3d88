"""Study of conflict-aware training: does it reduce conflict? Arms, placebos, doses, held-out towns.

Claim and analysis are laid down in ``docs/results/conflict-aware-protocol.md``. Only names that need no torch are
imported here; the processes that train import the rest.
"""

from townlet.study.conflict.settings import FULL, QUICK, Settings
from townlet.study.conflict.town import StudyTown, study_scenario

__all__ = ["FULL", "QUICK", "Settings", "StudyTown", "study_scenario"]
