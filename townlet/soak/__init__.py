"""Soaks: cycles of replay and rollout, each compared with a rollout of the baseline's behaviour."""
