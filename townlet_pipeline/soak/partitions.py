"""Partitions by day and by week, for what is made of each scenario every night and every weekend."""

from dagster import DailyPartitionsDefinition, MultiPartitionsDefinition, WeeklyPartitionsDefinition

from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.instance.environment import timezone

#: The first day that has a partition.
_START = "2026-11-01"

#: A day exists from its first hour on: a night's soak belongs to the morning on which it is read.
days = DailyPartitionsDefinition(start_date=_START, timezone=timezone(), end_offset=1)
#: A week begins on Monday, and exists from then on.
weeks = WeeklyPartitionsDefinition(start_date=_START, timezone=timezone(), day_offset=1, end_offset=1)

nights = MultiPartitionsDefinition({"day": days, "scenario": scenarios})
weekends = MultiPartitionsDefinition({"week": weeks, "scenario": scenarios})
