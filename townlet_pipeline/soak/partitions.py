"""Partitions of soaks: by day and scenario for nights, by week and scenario for weekends."""

from dagster import DailyPartitionsDefinition, MultiPartitionsDefinition, WeeklyPartitionsDefinition

from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.instance.environment import timezone

#: The first day that has a partition.
_START = "2026-11-01"

#: A day exists from its first hour on, because a soak that starts in the early morning belongs to that day.
days = DailyPartitionsDefinition(start_date=_START, timezone=timezone(), end_offset=1)
#: A week begins on Monday, and exists from then on.
weeks = WeeklyPartitionsDefinition(start_date=_START, timezone=timezone(), day_offset=1, end_offset=1)

nights = MultiPartitionsDefinition({"day": days, "scenario": scenarios})
weekends = MultiPartitionsDefinition({"week": weeks, "scenario": scenarios})
