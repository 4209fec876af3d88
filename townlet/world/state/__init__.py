"""The state of a batch of worlds, the fixed layout and constants of a town, and the few functions that keep them
consistent.
"""
