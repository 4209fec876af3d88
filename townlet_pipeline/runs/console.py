"""The terminal's view of a run: one line per asset, failed checks, and the reason of each failure."""

import time
from collections.abc import Callable

from dagster import AssetCheckEvaluation, DagsterEvent, DagsterEventType, EventLogEntry

from townlet_pipeline.runs.failures import failure_reason


class ConsoleReporter:
    """A listener to one run's events that hands a line about each important one to ``print_line``."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print_line = print_line
        self._started: dict[str, float] = {}

    def __call__(self, entry: EventLogEntry, _cursor: str = "") -> None:
        """Report one entry of the run's log."""
        event = entry.dagster_event
        if event is None:
            return
        kind = event.event_type
        if kind is DagsterEventType.STEP_START and event.step_key:
            self._started[event.step_key] = time.monotonic()
        elif kind is DagsterEventType.ASSET_MATERIALIZATION:
            self._report_materialization(event)
        elif kind is DagsterEventType.ASSET_OBSERVATION:
            self._report_progress(event)
        elif kind is DagsterEventType.ASSET_CHECK_EVALUATION:
            self._report_check(event.asset_check_evaluation_data)
        elif kind is DagsterEventType.STEP_FAILURE:
            self._print_line(f"  {event.step_key}: FAILED: {failure_reason(event)}")

    def _report_materialization(self, event: DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        seconds = time.monotonic() - self._started.get(event.step_key or "", time.monotonic())
        headline = materialization.metadata.get("headline")
        name = materialization.asset_key.to_user_string()
        self._print_line(f"  {name:<20} {seconds:6.1f} s  {headline.value if headline else ''}")

    def _report_progress(self, event: DagsterEvent) -> None:
        metadata = event.asset_observation_data.asset_observation.metadata
        values = {name: metadata[name].value for name in ("epoch", "reward_mean") if name in metadata}
        self._print_line(f"    … epoch {values.get('epoch')}, reward {values.get('reward_mean', 0.0):.4f}")

    def _report_check(self, check: AssetCheckEvaluation) -> None:
        if not check.passed:
            reason = (check.description or "").replace("\n", "\n      ")
            word = "warning" if check.severity.value == "WARN" else "FAILED"
            self._print_line(f"    {word}: check {check.check_name}: {reason}")
