"""Outcomes of a town for its people."""

from townlet.outcomes.recorder import OF_EVERY_TOWN, OF_JOBS, OF_SHOWERS, OutcomeRecorder, record_outcomes

__all__ = ["OF_EVERY_TOWN", "OF_JOBS", "OF_SHOWERS", "OutcomeRecorder", "record_outcomes"]
