"""The training log: its schema, its writer, and the tools that validate, watch, summarise and export it."""

from townlet.telemetry.comparison import Difference, differences, load_baseline
from townlet.telemetry.epoch_alerts import Alert, EpochReport, alerts_for, examine
from townlet.telemetry.follow import Follower, follow
from townlet.telemetry.reader import LogFault, TelemetryLog, read_log
from townlet.telemetry.record import CLOCK_FIELDS, FIELDS, Field
from townlet.telemetry.render import render_markdown, render_text
from townlet.telemetry.summary import GroupSummary, MetricSummary, Summary, summarize
from townlet.telemetry.table import telemetry_table, write_table
from townlet.telemetry.validator import ValidationResult, read_records, validate_log
from townlet.telemetry.writer import TelemetryWriter

__all__ = [
    "CLOCK_FIELDS",
    "FIELDS",
    "Alert",
    "Difference",
    "EpochReport",
    "Field",
    "Follower",
    "GroupSummary",
    "LogFault",
    "MetricSummary",
    "Summary",
    "TelemetryLog",
    "TelemetryWriter",
    "ValidationResult",
    "alerts_for",
    "differences",
    "examine",
    "follow",
    "load_baseline",
    "read_log",
    "read_records",
    "render_markdown",
    "render_text",
    "summarize",
    "telemetry_table",
    "validate_log",
    "write_table",
]
