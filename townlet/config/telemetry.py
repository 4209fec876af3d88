"""Configuration of telemetry: the schema of the log, and the bounds at which ``townlet watch`` alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from townlet.config.base import Section

Bound = Annotated[float | None, Field(default=None)]


class WatchThresholds(Section):
    """Bounds of signals, named like the options of ``townlet watch``; a signal without a bound is not watched."""

    kl: Bound = None
    """Largest ``kl_divergence`` (nats)."""
    loss: Bound = None
    """Largest absolute ``loss_total``."""
    grad: Bound = None
    """Largest ``grad_norm``."""
    entropy: Bound = None
    """Smallest ``batch_entropy_mean`` (nats)."""
    reward_corr: Bound = None
    """Smallest ``reward_advantage_corr``."""
    queue_events_min: Bound = None
    """Fewest ``queue_conflict_events``."""
    queue_intensity_min: Bound = None
    """Smallest ``queue_conflict_intensity_sum``."""
    late_help_min: Bound = None
    """Fewest ``late_help_events``."""
    shared_meal_min: Bound = None
    """Fewest ``shared_meal_events``."""
    shift_takeover_max: Bound = None
    """Most ``shift_takeover_events``."""
    chat_quality_min: Bound = None
    """Smallest ``chat_quality_mean``."""
    utility_outage_max: Bound = None
    """Most ``utility_outage_events``."""
    shower_complete_min: Bound = None
    """Fewest ``shower_complete_events``."""
    sleep_complete_min: Bound = None
    """Fewest ``sleep_complete_events``."""


class TelemetryConfig(Section):
    """The training log."""

    version: float = 1.1
    """Schema of the log: 1.1, or 1.0 for older readers."""
    thresholds: WatchThresholds = WatchThresholds()

    @field_validator("version")
    @classmethod
    def _known(cls, version: float) -> float:
        if version not in (1.0, 1.1):
            raise ValueError("1.1 or 1.0")
        return version
