"""Baselines, and the nightly and weekly soaks that are compared with them: assets, checks and partitions."""
