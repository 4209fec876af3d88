"""Definitions of studies: their assets, and the checks of these."""

from dagster import Definitions

from townlet_pipeline.studies import seeds_checks, sweep_checks
from townlet_pipeline.studies.settings_sweep import settings_sweep
from townlet_pipeline.studies.several_seeds import several_seeds

defs = Definitions(assets=[several_seeds, settings_sweep], asset_checks=[*seeds_checks.ALL, *sweep_checks.ALL])
