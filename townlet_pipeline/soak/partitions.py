"""Partitions of soaks: by day and soaked scenario for nights, by week and soaked scenario for weekends."""

from dagster import DailyPartitionsDefinition, MultiPartitionsDefinition, WeeklyPartitionsDefinition

from townlet_pipeline.artefacts.partitions import soaked_scenarios
from townlet_pipeline.instance.environment import timezone

#: The first day that has a partition, the same in every process. If it moved with the calendar, a worker could lack a
#: key that the UI shows, and Dagster fails such a run after all its work.
_START = "2026-11-01"

#: A day exists from its first hour on, because a soak that starts in the early morning belongs to that day.
days = DailyPartitionsDefinition(start_date=_START, timezone=timezone(), end_offset=1)
#: A week begins on Monday, and exists from then on.
weeks = WeeklyPartitionsDefinition(start_date=_START, timezone=timezone(), day_offset=1, end_offset=1)

nights = MultiPartitionsDefinition({"day": days, "scenario": soaked_scenarios})
weekends = MultiPartitionsDefinition({"week": weeks, "scenario": soaked_scenarios})
