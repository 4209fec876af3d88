"""Definitions of studies: their assets, and the checks of these."""

from dagster import Definitions

from townlet_pipeline.studies import seeds_checks
from townlet_pipeline.studies.several_seeds import several_seeds

defs = Definitions(assets=[several_seeds], asset_checks=seeds_checks.ALL)
