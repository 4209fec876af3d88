"""Benchmarks: how fast the town is, measured against named references in the same run.

Nothing is imported here: the processes that measure a reference may run in an environment of their own, which need
not have what Townlet depends on.
"""
