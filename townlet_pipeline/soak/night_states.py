"""States of a night: for each scenario its verdict, or why it has none, as the instance's records tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from townlet_pipeline.runs.incidents import incidents_folder
from townlet_pipeline.soak.scheduled import scheduled_scenarios
from townlet_pipeline.soak.verdict_record import VerdictRecord, latest_verdicts

if TYPE_CHECKING:
    from townlet.soak.next_steps import NextStep

#: ``crashed``: the last run of the night failed or was terminated. ``unfinished``: a run waits or works. ``missed``: no
#: run of the night made a report.
State = Literal["accepted", "held", "rejected", "crashed", "unfinished", "missed"]

_PARTITION = "dagster/partition"
_JUDGED: Mapping[str, State] = {"accept": "accepted", "hold": "held", "reject": "rejected"}
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
        return self.state in _JUDGED.values()


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
    return NightState(
        scenario=record.scenario,
        day=record.when,
        state=_JUDGED[record.verdict],
        why=record.why,
        next_step=record.next_step,
        handbook=record.handbook,
        page=record.page,
        run_id=record.run_id,
        incident=None,
    )


def _unjudged(scenario: str, day: str, run: DagsterRun | None) -> NightState:
    state, why, step = _without_verdict(run)
    incident = None
    if run is not None and state == "crashed":
        incident = next(iter(incidents_folder().glob(f"*-{run.run_id}.md")), None)
    return NightState(
        scenario=scenario,
        day=day,
        state=state,
        why=why,
        next_step=step.sentence,
        handbook=step.handbook,
        page=None,
        run_id=run.run_id if run else None,
        incident=incident,
    )


def _without_verdict(run: DagsterRun | None) -> tuple[State, str, "NextStep"]:
    """Return the state of a night without a verdict, why, and the next step."""
    from townlet.soak.next_steps import CRASHED, MISSED, UNFINISHED

    if run is None:
        return "missed", "No run was started.", MISSED
    if not run.is_finished:
        return (
            "unfinished",
            f"Run {run.run_id} {'waits' if run.status in _WAITING else 'is still at work'}.",
            UNFINISHED,
        )
    if run.status is DagsterRunStatus.SUCCESS:
        return "missed", f"Run {run.run_id} ended without a report.", MISSED
    ended = "was terminated" if run.status is DagsterRunStatus.CANCELED else "failed"
    return "crashed", f"Run {run.run_id} {ended}.", CRASHED
