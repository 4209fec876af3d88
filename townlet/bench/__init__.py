"""Benchmarks of the town, the trainer and the pipeline, beside named references in the same run.

This module imports nothing, because a reference may be measured under an interpreter that has PufferLib but not
Townlet's dependencies.
"""
