"""Definitions of studies: their assets, and the checks of these."""

from dagster import Definitions

from townlet_pipeline.studies import sweep_checks
from townlet_pipeline.studies.settings_sweep import settings_sweep

defs = Definitions(assets=[settings_sweep], asset_checks=sweep_checks.ALL)
