"""Changes that a network learns: how its metrics changed, and whether the town around it was steady meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from townlet.statistics.change import FEWEST, Finding, Series, change_point, trend
from townlet.statistics.welch import difference_of_means

#: Metrics of learning by the telemetry fields that they average over a cycle's epochs on its rollout.
LEARNING_METRICS = {
    "entropy": "batch_entropy_mean",
    "kl_divergence": "kl_divergence",
    "grad_norm": "grad_norm",
    "loss_value": "loss_value",
}
#: Probability of reporting a change of a network's metric that did not change; no alarm depends on it.
CHANGED_RATE = 0.01


@dataclass(frozen=True, slots=True)
class LearnedChange:
    """The change of a metric of a network that learns, from the first quarter of the cycles to the last."""

    first: float
    """Mean of the first quarter."""
    last: float
    """Mean of the last quarter."""
    low: float
    """Lower bound of the change's 95 % interval."""
    high: float
    found: Finding
    """The trend or the change point, whichever is more certain. If the frozen reference has the metric too, its value
    under the same seed is subtracted first, so that effects on both cancel."""
    beside_reference: bool
    """Whether the reference's metric was subtracted."""
    reference_steady: bool
    """Whether the reference was found to be steady meanwhile."""

    @property
    def is_certain(self) -> bool:
        """Whether the probability of such data without a change is at most 1 %."""
        return self.found.p <= CHANGED_RATE

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "first_quarter": self.first,
            "last_quarter": self.last,
            "change_interval": [self.low, self.high],
            "test": self.found.test,
            "p": self.found.p,
            "moved": self.is_certain,
            "beside_reference": self.beside_reference,
            "by_learning": self.is_certain and self.reference_steady,
        }


def change_while_learning(values: Series, reference: Series | None, reference_steady: bool) -> LearnedChange | None:
    """The change of a metric of a network that learns; None with too few cycles.

    The tests' null hypothesis is a network that does not learn, whose cycles are independent. Learning makes cycles
    depend on each other, and this is what the tests find.

    Args:
        values: float64 [N], NaN where a cycle lacks the metric.
        reference: float64 [N], the same metric of the frozen reference, to be subtracted; None if it has none.
        reference_steady: whether the reference was found to be steady.
    """
    paired = reference is not None and bool(np.isfinite(reference).all())
    difference = values - reference if paired and reference is not None else values
    known = np.isfinite(difference)
    if known.sum() < FEWEST:
        return None
    own = values[known]
    quarter = max(len(own) // 4, 2)
    _, low, high = difference_of_means(own[-quarter:], own[:quarter])
    first, last = float(own[:quarter].mean()), float(own[-quarter:].mean())
    found = min(trend(difference[known]), change_point(difference[known]), key=lambda one: one.p)
    # Bonferroni's correction for taking the better of two tests.
    found = replace(found, p=min(1.0, 2 * found.p))
    return LearnedChange(first, last, low, high, found, paired, reference_steady)
