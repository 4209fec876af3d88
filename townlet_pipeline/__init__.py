"""Townlet in Dagster: assets from a scenario to a report, with checks between them."""
