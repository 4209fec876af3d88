"""Benchmarks: how fast the town and the trainer are, measured against a named reference in the same run."""
