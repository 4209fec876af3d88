"""Pools of steps that keep a processor busy, or must not overlap. The instance says how many runs each admits."""

TRAINING, SIMULATION = "training", "simulation"
#: The morning page is asked for after each soak: a second request waits for the first.
MORNING = "morning"
