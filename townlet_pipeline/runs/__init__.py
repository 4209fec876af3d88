"""Runs of the pipeline: the processes that work on them, what happens when one dies, and how failures are reported."""
