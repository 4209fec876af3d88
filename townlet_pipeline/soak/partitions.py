"""Partitions by day and by week: what is made every night, and every weekend, of each scenario."""

from dagster import DailyPartitionsDefinition, MultiPartitionsDefinition, WeeklyPartitionsDefinition

from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.instance.environment import timezone

#: The first day there are partitions for.
_START = "2026-11-01"

#: A day is there from its first hour on: the soak of a night belongs to the morning on which it is read.
days = DailyPartitionsDefinition(start_date=_START, timezone=timezone(), end_offset=1)
#: Weeks begin on Monday, and are there from then on.
weeks = WeeklyPartitionsDefinition(start_date=_START, timezone=timezone(), day_offset=1, end_offset=1)

nights = MultiPartitionsDefinition({"day": days, "scenario": scenarios})
weekends = MultiPartitionsDefinition({"week": weeks, "scenario": scenarios})
