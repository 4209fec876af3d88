"""Tracking of trainings in TensorBoard and MLflow, while they run and afterwards."""

from townlet.tracking.destination import TOOLS, Destination, destinations
from townlet.tracking.recorder import Recorder

__all__ = ["TOOLS", "Destination", "Recorder", "destinations"]
