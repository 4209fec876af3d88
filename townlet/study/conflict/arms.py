"""Arms of the study: the behaviour that acts, and for learning arms their observations and rewards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Shaping = Literal["none", "shuffled", "mistimed", "delayed", "inequity", "ties"]


@dataclass(frozen=True)
class Arm:
    """One condition. All learning arms have the same network, warm start, number of steps and constants."""

    name: str
    label: str
    script: Literal["", "random", "first_come", "heuristic"] = ""
    """Behaviour of an arm that does not learn; empty for a learning arm."""
    sees_conflict: bool = False
    """Whether features about queues and rivalry are filled; else they are 0."""
    penalty: float = 0.0
    """Factor of the penalty for causing conflicts; 0 also removes those for suffering them and for grudges."""
    shaping: Shaping = "none"
    """A further change of the reward."""


#: Factor of ``town_day``'s weight with which conflict-aware policies are trained; see the protocol.
PENALTY = 200.0

RANDOM = Arm("random", "random legal", "random")
FIRST_COME = Arm("first_come", "first come, first served", "first_come")
HEURISTIC = Arm("heuristic", "heuristic", "heuristic")
BLIND = Arm("blind", "conflict-blind PPO")
SEES = Arm("sees", "sees rivalry, not rewarded", sees_conflict=True)
REWARDED = Arm("rewarded", "rewarded, but blind", penalty=PENALTY)
AWARE = Arm("aware", "conflict-aware PPO", sees_conflict=True, penalty=PENALTY)
INEQUITY = Arm("inequity", "inequity aversion", sees_conflict=True, shaping="inequity")
SHUFFLED = Arm("shuffled", "placebo: shuffled ledger", sees_conflict=True, penalty=PENALTY, shaping="shuffled")
MISTIMED = Arm("mistimed", "placebo: mistimed penalty", sees_conflict=True, penalty=PENALTY, shaping="mistimed")
DELAYED = Arm("delayed", "placebo: penalty a day late", sees_conflict=True, penalty=PENALTY, shaping="delayed")

#: Arm that continues the training of the conflict-aware one, for the comparison with the heuristic beyond the claim.
CONTINUED = Arm("continued", "conflict-aware PPO, continued", sees_conflict=True, penalty=2000.0, shaping="ties")

ARMS = (RANDOM, FIRST_COME, HEURISTIC, BLIND, SEES, REWARDED, AWARE, INEQUITY, SHUFFLED, MISTIMED, DELAYED)
LEARNING = tuple(arm for arm in ARMS if not arm.script)


def aware_with(penalty: float) -> Arm:
    """The conflict-aware arm with another factor of the penalty for causing conflicts."""
    return AWARE if penalty == PENALTY else replace(AWARE, name=f"aware_{penalty:g}", penalty=penalty)
