"""Rates of false alarms and of missed changes of the drift detector, on simulated nights drawn from real rollouts."""

from townlet.study.drift.settings import FULL, QUICK, Settings

__all__ = ["FULL", "QUICK", "Settings"]
