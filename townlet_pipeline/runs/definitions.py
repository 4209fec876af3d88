"""Definitions about runs: the sensors that close dead runs and report failed ones."""

from dagster import Definitions

from townlet_pipeline.runs.dead_runs import zombie_runs
from townlet_pipeline.runs.incidents import incidents

defs = Definitions(sensors=[zombie_runs, incidents])
