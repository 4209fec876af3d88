"""A run as a person at a terminal follows it: one line per asset and check, and reasons where something fails."""

import time
from collections.abc import Callable
from typing import Any

from dagster import AssetCheckEvaluation, DagsterEvent, DagsterEventType, EventLogEntry


class ConsoleReporter:
    """Listens to the events of one run and prints what matters through ``say``."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._started: dict[str, float] = {}

    def __call__(self, entry: EventLogEntry, _cursor: str = "") -> None:
        """Take one event of the run's log."""
        event = entry.dagster_event
        if event is None:
            return
        kind = event.event_type
        if kind is DagsterEventType.STEP_START and event.step_key:
            self._started[event.step_key] = time.monotonic()
        elif kind is DagsterEventType.ASSET_MATERIALIZATION:
            self._materialized(event)
        elif kind is DagsterEventType.ASSET_OBSERVATION:
            self._observed(event)
        elif kind is DagsterEventType.ASSET_CHECK_EVALUATION:
            self._checked(event.asset_check_evaluation_data)
        elif kind is DagsterEventType.STEP_FAILURE:
            self._failed(event)

    def _materialized(self, event: DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        seconds = time.monotonic() - self._started.get(event.step_key or "", time.monotonic())
        told = materialization.metadata.get("headline")
        name = materialization.asset_key.to_user_string()
        self._say(f"  {name:<20} {seconds:6.1f} s  {told.value if told else ''}")

    def _observed(self, event: DagsterEvent) -> None:
        metadata = event.asset_observation_data.asset_observation.metadata
        values = {name: metadata[name].value for name in ("epoch", "reward_mean") if name in metadata}
        self._say(f"    … epoch {values.get('epoch')}, reward {values.get('reward_mean', 0.0):.4f}")

    def _checked(self, check: AssetCheckEvaluation) -> None:
        if not check.passed:
            reason = (check.description or "").replace("\n", "\n      ")
            word = "warning" if check.severity.value == "WARN" else "FAILED"
            self._say(f"    {word}: check {check.check_name}: {reason}")

    def _failed(self, event: DagsterEvent) -> None:
        data: Any = event.step_failure_data
        reason = data.user_failure_data.description if data.user_failure_data else None
        if reason is None and data.error is not None:
            cause = data.error
            while cause.cause is not None:
                cause = cause.cause
            reason = cause.message.strip()
        self._say(f"  {event.step_key}: FAILED: {reason or 'for no reason given'}")
