"""Names of the pools of steps that keep a processor busy. The instance's settings say how many runs each admits."""

TRAINING, SIMULATION = "training", "simulation"
