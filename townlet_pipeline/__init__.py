"""Townlet in Dagster: the chain from a scenario to a report as assets, with checks between the stages."""
