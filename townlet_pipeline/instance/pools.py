"""Pools of steps that keep a processor busy. The instance's settings say how many runs each pool admits."""

TRAINING, SIMULATION = "training", "simulation"
