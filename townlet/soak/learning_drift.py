"""What a learning network moved, told apart from what moved under it."""

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
#: Probability of calling a network's metric moved that did not; no alarm depends on it.
MOVED_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Movement:
    """How a learner's metric went: the last quarter's mean less the first's, its 95 % interval, and what was ``found``,
    a trend or a change point.

    Where the same metric of the frozen reference was rolled out under the same seeds, that is of the difference from
    it, in which whatever befell both cancels. ``by_learning`` says that the reference held still meanwhile.
    """

    first: float
    last: float
    low: float
    high: float
    found: Finding
    beside_reference: bool
    by_learning: bool

    @property
    def moved(self) -> bool:
        """Whether chance is no good explanation of what was found."""
        return self.found.p <= MOVED_RATE

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "first_quarter": self.first,
            "last_quarter": self.last,
            "change_interval": [self.low, self.high],
            "test": self.found.test,
            "p": self.found.p,
            "moved": self.moved,
            "beside_reference": self.beside_reference,
            "by_learning": self.moved and self.by_learning,
        }


def learned(values: Series, reference: Series | None, town_held: bool) -> Movement | None:
    """How ``values`` [N] of a learner moved, beside the frozen ``reference`` [N]; None with too few cycles.

    ``town_held``: nothing else was found to have changed. The test's null is a network that does not learn: then the
    cycles are independent. A learner's are not, and that is what it finds.
    """
    beside = reference is not None and bool(np.isfinite(reference).all())
    difference = values - reference if beside and reference is not None else values
    known = np.isfinite(difference)
    if known.sum() < FEWEST:
        return None
    own = values[known]
    quarter = max(len(own) // 4, 2)
    _, low, high = difference_of_means(own[-quarter:], own[:quarter])
    first, last = float(own[:quarter].mean()), float(own[-quarter:].mean())
    found = min(trend(difference[known]), change_point(difference[known]), key=lambda one: one.p)
    # The better of two.
    return Movement(first, last, low, high, replace(found, p=min(1.0, 2 * found.p)), beside, town_held)
