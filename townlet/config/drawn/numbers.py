"""Numbers of drawn towns, divided among purposes.

No number serves two purposes, so a policy is tested in towns that neither its training nor any choice between
trainings has seen.
"""

from __future__ import annotations

#: For readers, who may draw what they like.
READERS = range(1_000_000)
#: The towns of a test. They are looked at once, after all choices.
TEST = range(1_000_000, 1_000_050)
#: The towns in which trainings are compared while choices are made.
VALIDATION = range(2_000_000, 2_000_020)
#: The towns of trainings.
TRAINING = range(3_000_000, 2**63)
