"""Townlet: a small simulated town whose people learn, by conflict-aware PPO, to share what is scarce."""

__version__ = "0.1.0"
