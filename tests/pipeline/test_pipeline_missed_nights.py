"""Nights without a verdict: each is told once, if the schedule was on, with what became of every scenario."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRunStatus, build_sensor_context
from dagster._core.scheduler.instigation import InstigatorStatus
from support.reported_verdicts import a_run, emptied, look, project_with_baselines, report, switch

from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.definitions import defs
from townlet_pipeline.instance.pages import incident_url
from townlet_pipeline.runs.incidents import incidents
from townlet_pipeline.soak.night_states import night_states
from townlet_pipeline.soak.verdict_sensor import REPORTS, Memory

NAMES = ("accepted", "broken", "queued", "rejected", "silent", "stopped")
#: A night starts at 4 and is due at 8.
NIGHT = datetime(2027, 1, 14, 4, 0, tzinfo=UTC)
DAY = "2027-01-14"
DUE = NIGHT + timedelta(hours=4)
#: Memory of a sensor that has looked at nothing: verdicts are reported now, long before the night.
NOTHING_BEFORE = dict.fromkeys(REPORTS, 0.0)


@pytest.fixture
def instance(home: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    monkeypatch.setenv("TOWNLET_PROJECT", str(project_with_baselines(tmp_path, *NAMES)))
    with emptied(home) as instance:
        instance.add_dynamic_partitions(str(scenarios.name), list(NAMES))
        yield instance


def a_mixed_night(instance: DagsterInstance) -> dict[str, str]:
    """A night with one scenario in each state; returns the IDs of its runs by scenario."""
    report(instance, "accept", DAY, "accepted")
    report(instance, "reject", DAY, "rejected")
    statuses = {
        "broken": DagsterRunStatus.FAILURE,
        "queued": DagsterRunStatus.QUEUED,
        "stopped": DagsterRunStatus.CANCELED,
    }
    runs = {name: a_run(instance, DAY, status, name).run_id for name, status in statuses.items()}
    incidents.evaluate_tick(build_sensor_context(instance, repository_def=defs.get_repository_def()))
    return runs


def test_every_scenario_of_a_night_has_one_state(instance: DagsterInstance) -> None:
    runs = a_mixed_night(instance)
    found = night_states(instance, DAY)
    assert {name: state.state for name, state in found.items()} == {
        "accepted": "accepted",
        "broken": "crashed",
        "queued": "unfinished",
        "rejected": "rejected",
        "silent": "missed",
        "stopped": "crashed",
    }
    assert {name: found[name].run_id for name in runs} == runs
    assert found["broken"].incident is not None
    assert found["broken"].incident.name.endswith(f"-{runs['broken']}.md")
    assert found["silent"].run_id is found["silent"].incident is None
    assert all(state.why and state.next_step and state.handbook for state in found.values())


def test_a_night_that_was_made_again_has_the_state_of_its_last_run_or_of_its_verdict(instance: DagsterInstance) -> None:
    a_run(instance, DAY, DagsterRunStatus.FAILURE, "broken")
    again = a_run(instance, DAY, DagsterRunStatus.STARTED, "broken")
    assert night_states(instance, DAY, ["broken"])["broken"].run_id == again.run_id
    assert night_states(instance, DAY, ["broken"])["broken"].state == "unfinished"
    report(instance, "hold", DAY, "broken")
    assert night_states(instance, DAY, ["broken"])["broken"].state == "held"


def test_at_its_deadline_a_night_without_verdicts_is_told_once_with_each_scenario(
    instance: DagsterInstance, received: list[Any]
) -> None:
    switch(instance, InstigatorStatus.RUNNING, NIGHT - timedelta(hours=1))
    runs = a_mixed_night(instance)
    received.clear()
    memory = look(instance, Memory(since=NOTHING_BEFORE), DUE - timedelta(minutes=10), DUE - timedelta(minutes=1))
    assert [message["incident"]["kind"] for message in received] == ["verdict"], "the deadline is not over"
    look(instance, memory, *(DUE + timedelta(minutes=minutes) for minutes in (1, 4, 7, 120)))
    told = received[1]["incident"]
    assert len(received) == 2
    assert (told["kind"], told["night"]) == ("missed night", DAY)
    assert {row["scenario"]: row["state"] for row in told["scenarios"]} == {
        "broken": "crashed",
        "queued": "unfinished",
        "silent": "missed",
        "stopped": "crashed",
    }
    incident = night_states(instance, DAY)["broken"].incident
    assert incident is not None
    for text in (
        DAY,
        "4 of 6 scenarios",
        "silent missed, no run was started",
        runs["queued"],
        incident_url(incident.name),
        "#night-missed",
    ):
        assert text in received[1]["text"]


@pytest.mark.parametrize(
    ("status", "since"),
    [
        (None, None),
        (InstigatorStatus.STOPPED, None),
        (InstigatorStatus.RUNNING, NIGHT + timedelta(hours=1)),
        # By default schedules are off here, whatever an older daemon noted.
        (InstigatorStatus.DECLARED_IN_CODE, NIGHT - timedelta(hours=1)),
    ],
)
def test_a_night_in_which_the_schedule_was_off_is_not_missed(
    instance: DagsterInstance, received: list[Any], status: InstigatorStatus | None, since: datetime | None
) -> None:
    if status is not None:
        switch(instance, status, since)
    look(instance, Memory(), DUE + timedelta(hours=1), DUE + timedelta(hours=2))
    assert received == []


def test_a_daemon_that_starts_late_has_time_to_make_up_for_the_night(
    instance: DagsterInstance, received: list[Any]
) -> None:
    switch(instance, InstigatorStatus.RUNNING, NIGHT - timedelta(days=1))
    memory = look(instance, Memory(), DUE + timedelta(hours=1))
    # It has its own time for each night, however long it was down in between.
    look(instance, memory, DUE + timedelta(days=1, hours=1))
    for name in NAMES:
        report(instance, "accept", "2027-01-15", name)
    look(instance, memory, DUE + timedelta(days=1, hours=1, minutes=30))
    assert received == []


def test_a_night_of_working_days_only_is_due_on_these(
    instance: DagsterInstance, received: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWNLET_NIGHTLY_SOAK_CRON", "30 22 * * 1-5")
    switch(instance, InstigatorStatus.RUNNING, NIGHT - timedelta(days=30))
    sunday = datetime(2027, 1, 17, 12, 0, tzinfo=UTC)
    look(instance, Memory(), sunday, sunday + timedelta(minutes=5))
    (message,) = received
    assert message["incident"]["night"] == "2027-01-15", "the last one began on Friday evening"
