"""Regression with autocorrelated errors: an effect in a series whose neighbouring values resemble each other.

Errors are autoregressive of order 1. How much neighbours resemble each other is unknown, and a short series can hardly
tell noise that returns to its mean from noise that wanders off. So every statement holds for all autocorrelations that
the series leaves plausible.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Autocorrelations that are considered, from independence to a random walk.
AUTOCORRELATIONS = (
    *(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.74, 0.78, 0.82),
    *(0.85, 0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99999),
)
#: How far below the most likely one, in standard normal deviations, an autocorrelation may lie that an interval covers.
_INTERVAL_DROP = 1.96


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect by generalised least squares, for each of :data:`AUTOCORRELATIONS`."""

    estimates: Floats
    """Float64 [R]: the effect."""
    errors: Floats
    """Float64 [R]: its standard error."""
    degrees: int
    """Degrees of freedom of the errors."""
    likelihoods: Floats
    """Float64 [R]: logarithm of the restricted likelihood, up to a constant."""

    @property
    def estimate(self) -> float:
        """The effect under the most likely autocorrelation."""
        return float(self.estimates[self.likelihoods.argmax()])

    def p_beyond(self, margin: float, direction: int) -> float:
        """The probability of so large an effect in a direction, 1 or -1, if the true one were ``margin``.

        For each autocorrelation there are two independent probabilities, that of the effect and that of so unlikely an
        autocorrelation, combined by Fisher's method (Fisher 1932). One that the series rules out thus counts less, and
        the result is the largest over all of them, so it holds whatever the true one is.
        """
        from scipy.special import ndtr, stdtr  # type: ignore[import-untyped]

        beyond = direction * self.estimates - margin
        product = stdtr(self.degrees, -beyond / self.errors) * ndtr(-self._deviations())
        return float((product * (1 - np.log(np.maximum(product, 1e-300)))).max())

    def interval(self, confidence: float) -> tuple[float, float]:
        """The bounds of the effect: the outermost of the intervals under all plausible autocorrelations."""
        from scipy.special import stdtrit

        half = float(stdtrit(self.degrees, (1 + confidence) / 2)) * self.errors
        plausible = np.abs(self._deviations()) <= _INTERVAL_DROP
        return float((self.estimates - half)[plausible].min()), float((self.estimates + half)[plausible].max())

    def _deviations(self) -> Floats:
        """How far each autocorrelation lies above the most likely one, in standard normal deviations.

        It is the signed root of the ratio of restricted likelihoods, which is close to normal even near a random walk
        and in short series (Chen and Deo 2012, "The restricted likelihood ratio test for autoregressive processes").
        """
        likeliest = self.likelihoods.argmax()
        root = np.sqrt(2 * (self.likelihoods[likeliest] - self.likelihoods))
        return np.asarray(np.where(np.arange(len(root)) > likeliest, root, -root))


#: Largest design, in numbers, whose factors are kept for the next series of the same shape.
_KEPT = 10_000


def effect_of(values: Floats, cycle: NDArray[np.int64], design: Floats, contrast: Floats) -> Effect | None:
    """The effect ``contrast`` @ coefficients of a regression; None if the design does not determine it.

    Args:
        values: float64 [N], the series.
        cycle: int64 [N], increasing; neighbours that are k cycles apart resemble each other by the k-th power.
        design: float64 [N, K], K below N; a constant is a combination of its columns.
        contrast: float64 [K].
    """
    factors_of = _kept_factors if design.size <= _KEPT else _factors
    degrees = len(values) - design.shape[1]
    # In this unit, no square underflows.
    deviations = values - values[0]
    unit = float(np.abs(deviations).max()) or 1.0
    rows = []
    for factors in factors_of(cycle.tobytes(), design.tobytes(), contrast.tobytes()):
        whitened = _whitened(deviations / unit, factors.coefficients, factors.scales)
        residuals = whitened - factors.basis @ (factors.basis.T @ whitened)
        # A series that the design explains to the last bit leaves rounding errors alone.
        variance = max(float(residuals @ residuals) / degrees, 1e-28)
        error = unit * math.sqrt(variance * factors.error)
        likelihood = -0.5 * (degrees * math.log(variance) + factors.penalty)
        rows.append((unit * float(factors.weights @ whitened), error, likelihood))
    if not rows:
        return None
    estimates, errors, likelihoods = np.array(rows).T
    return Effect(estimates, errors, degrees, likelihoods)


@dataclass(frozen=True, slots=True)
class _Factors:
    """What the regression needs of a design under one autocorrelation."""

    coefficients: Floats
    """Float64 [N]: how much of the value before is subtracted from each."""
    scales: Floats
    """Float64 [N]: by what the rest is divided, which makes it independent of the others, with equal variance."""
    basis: Floats
    """Float64 [N, K]: an orthonormal basis of the design made independent in the same way."""
    weights: Floats
    """Float64 [N]: the effect is their product with the values made independent."""
    error: float
    """Variance of the effect if that of the errors is 1."""
    penalty: float
    """Minus twice the part of the restricted likelihood's logarithm that does not depend on the values (Harville
    1974)."""


def _factors(cycle: bytes, design: bytes, contrast: bytes) -> Iterator[_Factors]:
    """The factors for each of :data:`AUTOCORRELATIONS`; none if the design does not determine the effect."""
    gaps = np.diff(np.frombuffer(cycle, np.int64)).astype(np.float64)
    columns = np.frombuffer(design).reshape(len(gaps) + 1, -1)
    if np.linalg.matrix_rank(columns) < columns.shape[1]:
        return
    for r in AUTOCORRELATIONS:
        coefficients = np.concatenate([[0.0], np.power(r, gaps)])
        scales = np.sqrt((1 - np.square(coefficients)) / (1 - r * r))
        basis, triangle = np.linalg.qr(_whitened(columns.T, coefficients, scales).T)
        weights = basis @ np.linalg.solve(triangle.T, np.frombuffer(contrast))
        penalty = 2 * float(np.log(scales).sum() + np.log(np.abs(np.diag(triangle))).sum())
        yield _Factors(coefficients, scales, basis, weights, float(weights @ weights), penalty)


@functools.lru_cache(maxsize=64)
def _kept_factors(cycle: bytes, design: bytes, contrast: bytes) -> tuple[_Factors, ...]:
    return tuple(_factors(cycle, design, contrast))


def _whitened(series: Floats, coefficients: Floats, scales: Floats) -> Floats:
    """Series, float64 [..., N], with errors that are independent and have equal variance."""
    rest = series.copy()
    rest[..., 1:] -= coefficients[1:] * series[..., :-1]
    return np.asarray(rest / scales)
