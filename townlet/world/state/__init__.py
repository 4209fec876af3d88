"""The state of a batch of worlds, the layout and constants of a town, and the functions that keep them consistent."""
