"""Runs of the pipeline: the workers that execute them, what happens when a worker is dead, and reports of failures."""
