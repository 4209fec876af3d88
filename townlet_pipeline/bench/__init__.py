"""Measurements of the pipeline's own cost, run by ``townlet bench pipeline``."""
