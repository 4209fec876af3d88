"""Comparison of a policy with the script in an evaluation: three figures, and what they mean in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, METRICS, REWARD
from townlet.telemetry.formatting import number

#: The policy uses things as much as the script if it completes at least this share of the script's uses.
ENOUGH_USES = 0.95
INTENSITY_PER_USE = METRICS["queue_conflict_intensity_per_100_uses"]


@dataclass(frozen=True, slots=True)
class Figures:
    """What somebody does in the worlds of an evaluation, as means over worlds."""

    intensity_per_use: float | None
    """Conflict intensity per 100 completed uses; None if no use was completed."""
    uses: float
    """Completed uses per 1,000 agent-steps."""
    reward: float
    """Mean reward per agent-step."""


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """A policy beside the scenario's script, or beside the heuristic where the scenario has no script."""

    other: str
    """``script`` or ``heuristic``."""
    policy: Figures
    reference: Figures
    """The other's figures, in the same worlds."""

    @property
    def intensity_share(self) -> float | None:
        """The policy's conflict intensity per use as a share of the other's; None if the other has none."""
        if self.policy.intensity_per_use is None or not self.reference.intensity_per_use:
            return None
        return self.policy.intensity_per_use / self.reference.intensity_per_use

    @property
    def uses_share(self) -> float | None:
        """The policy's completed uses as a share of the other's; None if the other completes none."""
        return self.policy.uses / self.reference.uses if self.reference.uses else None

    def lines(self) -> list[str]:
        """A line for each figure, and last the sentence."""
        figures = (
            (INTENSITY_PER_USE.heading, self.reference.intensity_per_use, self.policy.intensity_per_use),
            (METRICS[COMPLETED_USES].heading, self.reference.uses, self.policy.uses),
            (METRICS[REWARD].heading, self.reference.reward, self.policy.reward),
        )
        return [f"{name}: {self.other} {_shown(a)}, policy {_shown(b)}" for name, a, b in figures] + [self.sentence()]

    def sentence(self) -> str:
        """What the figures mean."""
        if self.policy.intensity_per_use is None:
            same = "; neither does the " + self.other if self.reference.intensity_per_use is None else ""
            return f"The policy completes no use at all{same}: conflict per use cannot be compared."
        if self.reference.intensity_per_use is None or self.uses_share is None:
            return f"The {self.other} completes no use at all: conflict per use cannot be compared."
        more = self.policy.intensity_per_use > self.reference.intensity_per_use
        return f"The policy {self._conflict(more)}, {self._uses(self.uses_share, more)}."

    def _conflict(self, more: bool) -> str:
        share = self.intensity_share
        if share is not None:
            begin = f"causes more conflict than the {self.other}:" if more else "causes"
            return f"{begin} {share:.0%} of the {self.other}'s conflict per completed use"
        if not more:
            return f"causes no conflict, like the {self.other}"
        found = number(self.policy.intensity_per_use or 0.0)
        return f"causes more conflict than the {self.other}: {found} per 100 completed uses, against none"

    def _uses(self, share: float, more: bool) -> str:
        fewer = share < ENOUGH_USES
        return f"{'and' if fewer == more else 'but'} completes {'only ' if fewer else ''}{share:.0%} as many uses"


def policy_verdict(evaluation: Mapping[str, Any]) -> PolicyVerdict:
    """The comparison in an evaluation, as :func:`townlet.evaluation.evaluate` returns it."""
    behaviors = evaluation["behaviors"]
    name, shown = ("scripted", "script") if "scripted" in behaviors else ("heuristic", "heuristic")
    return PolicyVerdict(shown, _figures(behaviors["policy"]), _figures(behaviors[name]))


def _figures(means: Mapping[str, Mapping[str, float]]) -> Figures:
    intensity, uses, reward = (float(means[name]["mean"]) for name in (CONFLICT_INTENSITY, COMPLETED_USES, REWARD))
    return Figures(100.0 * intensity / uses if uses else None, uses, reward)


def _shown(value: float | None) -> str:
    return "none" if value is None else number(value)
