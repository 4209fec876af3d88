"""Switches of schedules: where they are on by default, what counts before that, and what the start of the UI says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import DagsterInstance, DefaultScheduleStatus
from dagster._core.scheduler.instigation import InstigatorStatus
from support.reported_verdicts import emptied, project_with_baselines, switch

from townlet.errors import InputError
from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.instance.home import ensure_home
from townlet_pipeline.instance.switches import Switch, switch_of
from townlet_pipeline.instance.timetable import plans
from townlet_pipeline.jobs import definitions as jobs
from townlet_pipeline.schedules import schedules_of, upcoming

NIGHT = datetime(2027, 1, 14, 4, 0, tzinfo=UTC)
SHARED = {"TOWNLET_ENV": "shared", "TOWNLET_POSTGRES_URL": "postgresql+psycopg2://a", "TOWNLET_OBJECT_STORE": "s3://b"}


@pytest.fixture
def instance(home: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    monkeypatch.setenv("TOWNLET_PROJECT", str(project_with_baselines(tmp_path / "project", "drill", "other")))
    with emptied(home) as instance:
        yield instance


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({}, False),
        (SHARED, True),
        ({"TOWNLET_SCHEDULES": "on"}, True),
        ({**SHARED, "TOWNLET_SCHEDULES": "off"}, False),
    ],
)
def test_schedules_are_off_on_a_laptop_and_on_where_a_team_shares_unless_a_variable_says_so(
    variables: dict[str, str], on: bool, monkeypatch: pytest.MonkeyPatch, instance: DagsterInstance
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    expected = DefaultScheduleStatus.RUNNING if on else DefaultScheduleStatus.STOPPED
    assert {schedule.default_status for schedule in schedules_of(jobs.ALL)} == {expected}
    assert len(upcoming(instance, NIGHT)) == (len(plans()) if on else 1)


def test_a_switch_of_schedules_that_is_neither_on_nor_off_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOWNLET_SCHEDULES", "maybe")
    with pytest.raises(InputError, match="environment: TOWNLET_SCHEDULES: found 'maybe', expected on or off"):
        ensure_home(tmp_path / "home")


def test_the_lines_at_the_start_of_the_ui_say_what_starts_when_and_how_to_switch_on_the_rest(
    monkeypatch: pytest.MonkeyPatch, instance: DagsterInstance, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOWNLET_TIMEZONE", "Europe/Berlin")
    monkeypatch.setenv("TOWNLET_PROJECT", str(project_with_baselines(tmp_path / "more", "drill", "other", "retired")))
    instance.add_dynamic_partitions(str(scenarios.name), ["drill", "other", "unpromoted"])
    assert upcoming(instance, NIGHT) == [
        "off: nightly_soak, weekly_endurance, refresh_baselines, document_baselines, nightly_policies, "
        "refresh_morning; switch them on "
        "in the UI, under Automation, or start with TOWNLET_SCHEDULES=on"
    ]
    switch(instance, InstigatorStatus.RUNNING, NIGHT)
    first, second = upcoming(instance, NIGHT)
    assert first == "nightly_soak: next at 2027-01-15 04:00 Europe/Berlin, 2 scenarios, at most 20 minutes"
    assert second.startswith("off: weekly_endurance, ")


def test_what_somebody_switched_in_the_ui_counts_before_the_default(
    monkeypatch: pytest.MonkeyPatch, instance: DagsterInstance
) -> None:
    monkeypatch.setenv("TOWNLET_SCHEDULES", "on")
    assert switch_of(instance, "nightly_soak") == Switch(on=True, since=None)
    switch(instance, InstigatorStatus.STOPPED, None)
    assert switch_of(instance, "nightly_soak") == Switch(on=False, since=None)
    assert upcoming(instance, NIGHT)[-1].startswith("off: nightly_soak; ")
