"""Scenario files as frozen, strictly validated models."""

from townlet.config.load import load_scenario, scenario_names
from townlet.config.scenario import Scenario
from townlet.config.telemetry import WatchThresholds
from townlet.config.training import NetworkConfig, PPOConfig, TrainingConfig

__all__ = [
    "NetworkConfig",
    "PPOConfig",
    "Scenario",
    "TrainingConfig",
    "WatchThresholds",
    "load_scenario",
    "scenario_names",
]
