"""States of a night: for each scenario its verdict, or why it has none, as the instance's records tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from townlet_pipeline.runs.incidents import incidents_folder
from townlet_pipeline.soak.scheduled import scheduled_scenarios
from townlet_pipeline.soak.verdict_record import VerdictRecord, latest_verdicts

#: ``failed``: the last run of the night failed or was terminated. ``running``: a run waits or works. ``missed``: no run
#: of the night made a report.
State = Literal["accept", "hold", "reject", "failed", "running", "missed"]

#: Rows of the handbook for nights without a verdict.
MISSED_ROW, FAILED_ROW, RUNNING_ROW = "night-missed", "night-failed", "night-running"

_PARTITION = "dagster/partition"
_WAITING = (DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED)


@dataclass(frozen=True)
class NightState:
    """What is known of a scenario's night."""

    scenario: str
    day: str
    state: State
    why: str
    """One sentence."""
    next_step: str
    """One sentence: what to do now."""
    handbook: str
    """Anchor of the row in the handbook."""
    page: str | None
    """The address of the report, if there is one in the project's store."""
    run_id: str | None
    """The run that made the report, or else the night's last run."""
    incident: Path | None
    """The page about the run, if it failed and the page has been written."""

    @property
    def has_verdict(self) -> bool:
        """Whether the night was judged."""
        return self.state in ("accept", "hold", "reject")


def night_states(instance: DagsterInstance, day: str, scenarios: Sequence[str] | None = None) -> dict[str, NightState]:
    """Return the state of a night by scenario.

    A verdict stays the night's state while the night is made again, until the new one is reported.

    Args:
        instance: the Dagster instance.
        day: the night's partition, such as ``2026-12-01``.
        scenarios: by default those that are scheduled now.
    """
    chosen = scheduled_scenarios(instance) if scenarios is None else list(scenarios)
    keys = {f"{day}|{scenario}": scenario for scenario in chosen}
    judged, runs = latest_verdicts(instance, "acceptance_report", list(keys)), _last_runs(instance, list(keys))
    return {
        scenario: _judged(judged[key]) if key in judged else _unjudged(scenario, day, runs.get(key))
        for key, scenario in keys.items()
    }


def _last_runs(instance: DagsterInstance, keys: Sequence[str]) -> dict[str, DagsterRun]:
    """Return the last run of each partition that has one. Only the assets of a night have such partitions."""
    if not keys:
        return {}
    runs = instance.get_runs(RunsFilter(tags={_PARTITION: list(keys)}))
    # The newest run comes first, and replaces the others.
    return {run.tags[_PARTITION]: run for run in reversed(runs)}


def _judged(record: VerdictRecord) -> NightState:
    state: State = "accept" if record.verdict == "accept" else "reject" if record.verdict == "reject" else "hold"
    return NightState(
        scenario=record.scenario,
        day=record.when,
        state=state,
        why=record.why,
        next_step=record.next_step,
        handbook=record.handbook,
        page=record.page,
        run_id=record.run_id,
        incident=None,
    )


def _unjudged(scenario: str, day: str, run: DagsterRun | None) -> NightState:
    state, why, step, row = _without_verdict(run)
    incident = None
    if run is not None and state == "failed":
        incident = next(iter(incidents_folder().glob(f"*-{run.run_id}.md")), None)
    return NightState(
        scenario=scenario,
        day=day,
        state=state,
        why=why,
        next_step=step,
        handbook=row,
        page=None,
        run_id=run.run_id if run else None,
        incident=incident,
    )


def _without_verdict(run: DagsterRun | None) -> tuple[State, str, str, str]:
    """Return the state of a night without a verdict, why, the next step, and the row of the handbook."""
    launch = "Launch the partition of nightly_soak."
    if run is None:
        return "missed", "No run was started.", f"Check that the daemon runs. {launch}", MISSED_ROW
    if not run.is_finished:
        waits = "waits in the queue" if run.status in _WAITING else "is still at work"
        return "running", f"Run {run.run_id} {waits}.", "Look at the run's log.", RUNNING_ROW
    if run.status is DagsterRunStatus.SUCCESS:
        return "missed", f"Run {run.run_id} ended without a report.", launch, MISSED_ROW
    ended = "was terminated" if run.status is DagsterRunStatus.CANCELED else "failed"
    return "failed", f"Run {run.run_id} {ended}.", "Follow the incident page of the run.", FAILED_ROW
