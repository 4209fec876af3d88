"""Soaks: replay and rollout in turn, cycle after cycle, beside a baseline's behaviour; measured, then assessed."""
