"""Assessment of a soak: for every metric its tests, their effects and the verdict that follows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from townlet.soak.learned_change import LearnedChange
from townlet.soak.resource_drift import Quarters
from townlet.statistics.change import Finding

#: Verdict on a metric. ``watch``: it certainly changed, but by too little to alert.
MetricVerdict = Literal["steady", "watch", "alert", "learned", "not enough data"]
Role = Literal["reference", "network", "resource"]


@dataclass(frozen=True, slots=True)
class CorrectedFinding:
    """A finding with its probability corrected over all tests of the soak (Holm 1979)."""

    finding: Finding
    corrected_p: float
    beyond_margin: bool
    """Whether the effect is large enough to matter."""

    def is_certain(self, rate: float) -> bool:
        """Whether the corrected probability is at most ``rate``, too small for chance to be the explanation."""
        return self.corrected_p <= rate

    def as_json(self) -> dict[str, Any]:
        """Plain values; infinite bounds are null, and cycles count from 1."""
        found = self.finding
        return {
            "test": found.test,
            "effect": found.effect,
            "interval": [bound if np.isfinite(bound) else None for bound in (found.low, found.high)],
            "p": found.p,
            "corrected_p": self.corrected_p,
            "beyond_margin": self.beyond_margin,
            "cycle": found.cycle + 1 if found.cycle >= 0 else None,
        }


@dataclass(frozen=True, slots=True)
class MetricAssessment:
    """The assessment of one metric, in the metric's unit."""

    name: str
    role: Role
    """Whose metric it is: the baseline's behaviour, the network, or the process."""
    verdict: MetricVerdict
    cycles: int
    """Cycles that have the metric."""
    mean: float
    """Mean over those cycles."""
    margin: float
    """Smallest change that matters."""
    findings: tuple[CorrectedFinding, ...]
    baseline_seeds: int = 0
    baseline_mean: float | None = None
    baseline_sd: float | None = None
    largest_change: float | None = None
    """Largest change of level that the data do not exclude, as a share of the baseline's mean; None without a
    baseline."""
    quarters: Quarters | None = None
    """A resource's last quarter compared with its first."""
    learned_change: LearnedChange | None = None
    """Change of a metric of a network that learns."""

    def most_certain(self) -> CorrectedFinding | None:
        """The finding with the smallest corrected probability."""
        return min(self.findings, key=lambda found: found.corrected_p, default=None)

    def decisive(self) -> CorrectedFinding | None:
        """The finding that the verdict rests on: the most certain one, for an alert among those beyond the margin.

        The most certain finding of all may be too small to alert.
        """
        eligible = (
            [found for found in self.findings if found.beyond_margin] if self.verdict == "alert" else self.findings
        )
        return min(eligible, key=lambda found: found.corrected_p, default=None)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        learned = self.learned_change
        return {
            "name": self.name,
            "role": self.role,
            "verdict": self.verdict,
            "cycles": self.cycles,
            "mean": self.mean,
            "margin": self.margin,
            "baseline": None
            if self.baseline_mean is None
            else {"seeds": self.baseline_seeds, "mean": self.baseline_mean, "sd": self.baseline_sd},
            "largest_change_not_excluded": self.largest_change,
            "tests": [found.as_json() for found in self.findings],
            "quarters": None if self.quarters is None else self.quarters.as_json(),
            "movement": None if learned is None else learned.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """The assessment of all metrics of a soak."""

    learning: bool
    """Whether the network learns."""
    cycles: int
    rate: float
    """Probability of any false alarm."""
    tests: int
    """Number of tests that were corrected together."""
    metrics: tuple[MetricAssessment, ...] = field(default=())

    def of(self, verdict: MetricVerdict) -> list[MetricAssessment]:
        """The metrics with a verdict."""
        return [metric for metric in self.metrics if metric.verdict == verdict]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "learning": self.learning,
            "cycles": self.cycles,
            "alarm_rate": self.rate,
            "tests": self.tests,
            "metrics": [metric.as_json() for metric in self.metrics],
        }
