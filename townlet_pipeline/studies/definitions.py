"""Definitions of studies: their assets, and the checks of these."""

from dagster import Definitions

defs = Definitions()
