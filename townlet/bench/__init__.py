"""Benchmarks of the town, the trainer and the pipeline, with named references measured in the same run.

This module imports nothing, because a reference may be measured under an interpreter that has PufferLib but not
Townlet's dependencies.
"""
