"""Pools of steps that keep a processor busy; how many of each run at once is the instance's to say."""

TRAINING, SIMULATION = "training", "simulation"
