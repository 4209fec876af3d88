"""What is said of a soak: of every metric a verdict, the tests that it rests on, and their effects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from townlet.soak.learning_drift import Movement
from townlet.soak.resource_drift import Quarters
from townlet.statistics.change import Finding

Verdict = Literal["steady", "watch", "alert", "learned", "not enough data"]
Role = Literal["reference", "network", "resource"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding and its probability corrected over all findings of the soak (Holm 1979).

    ``beyond`` says whether the effect is large enough to matter.
    """

    finding: Finding
    corrected: float
    beyond: bool

    def alarms(self, rate: float) -> bool:
        """Whether chance is no good explanation."""
        return self.corrected <= rate

    def as_json(self) -> dict[str, Any]:
        """Plain values; infinite bounds are null."""
        one = self.finding
        return {
            "test": one.test,
            "effect": one.effect,
            "interval": [bound if np.isfinite(bound) else None for bound in (one.low, one.high)],
            "p": one.p,
            "corrected_p": self.corrected,
            "beyond_margin": self.beyond,
            "cycle": one.cycle + 1 if one.cycle >= 0 else None,
        }


@dataclass(frozen=True, slots=True)
class MetricAssessment:
    """What is said of one metric.

    ``role``: of the baseline's behaviour, of the network, or a resource. ``margin`` is the change from which it
    matters, in the metric's unit. ``bound`` is the largest change of level that the data do not exclude, as a share of
    the baseline's mean; None where there is no baseline.
    """

    name: str
    role: Role
    verdict: Verdict
    cycles: int
    mean: float
    margin: float
    judged: tuple[Judged, ...]
    baseline_seeds: int = 0
    baseline_mean: float | None = None
    baseline_sd: float | None = None
    bound: float | None = None
    quarters: Quarters | None = None
    movement: Movement | None = None

    def worst(self) -> Judged | None:
        """The finding that chance explains worst."""
        return min(self.judged, key=lambda one: one.corrected, default=None)

    def cause(self) -> Judged | None:
        """The finding that the verdict rests on: of an alert the one that chance explains worst among those beyond the
        margin, for a finding that is more certain may be too small to alert."""
        beyond = [one for one in self.judged if one.beyond] if self.verdict == "alert" else self.judged
        return min(beyond, key=lambda one: one.corrected, default=None)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        quarters, moved = self.quarters, self.movement
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
            "largest_change_not_excluded": self.bound,
            "tests": [one.as_json() for one in self.judged],
            "quarters": None
            if quarters is None
            else {
                "first": quarters.first,
                "last": quarters.last,
                "change_interval_90": [quarters.low, quarters.high],
                "shown_equal_within_margin": quarters.equal,
                "change_over_run": None
                if quarters.course is None
                else [quarters.course.effect, quarters.course.low, quarters.course.high],
            },
            "movement": None if moved is None else moved.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """Every metric of a soak, and how many tests were corrected for."""

    learning: bool
    cycles: int
    rate: float
    tests: int
    metrics: tuple[MetricAssessment, ...] = field(default=())

    def of(self, verdict: Verdict) -> list[MetricAssessment]:
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
