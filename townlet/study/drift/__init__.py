"""How often the drift detector cries wolf, and how often it sleeps: measured on simulated nights of real rollouts."""

from townlet.study.drift.settings import FULL, QUICK, Settings

__all__ = ["FULL", "QUICK", "Settings"]
