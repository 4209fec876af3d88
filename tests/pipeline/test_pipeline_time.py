"""Schedules and deadlines: the partitions that a schedule requests, other hours, and assets that are overdue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dagster import (
    AssetKey,
    AssetsDefinition,
    AssetSelection,
    DagsterInstance,
    Definitions,
    MaterializeResult,
    PartitionsDefinition,
    RunRequest,
    ScheduleDefinition,
    asset,
    build_schedule_context,
    define_asset_job,
    materialize,
)
from dagster._core.definitions.freshness import CronFreshnessPolicy, FreshnessState
from dagster._core.definitions.freshness_evaluator import CronFreshnessPolicyEvaluator
from dagster._core.test_utils import freeze_time
from support.pipeline_runs import new_instance

from townlet.errors import InputError
from townlet_pipeline.artefacts.deadlines import with_deadlines
from townlet_pipeline.artefacts.partitions import scenarios
from townlet_pipeline.definitions import defs
from townlet_pipeline.instance.environment import timezone
from townlet_pipeline.instance.home import ensure_home
from townlet_pipeline.instance.timetable import plans
from townlet_pipeline.jobs import definitions as jobs
from townlet_pipeline.schedules import partition_at, schedules_of
from townlet_pipeline.soak.partitions import days, nights, weekends

#: Long after the first day that has a partition.
NIGHT = datetime(2027, 1, 14, 4, 0, tzinfo=UTC)
SATURDAY = datetime(2027, 1, 16, 5, 0, tzinfo=UTC)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with new_instance(tmp_path) as instance:
        yield instance


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with baselines of three scenarios, two of them promoted."""
    folder = tmp_path / "project"
    (folder / "configs" / "scenarios").mkdir(parents=True)
    for name in ("drill", "other"):
        (folder / "baselines" / name).mkdir(parents=True)
        (folder / "baselines" / name / "promoted.json").write_text("{}")
    (folder / "baselines" / "built_only").mkdir()
    monkeypatch.setenv("TOWNLET_PROJECT", str(folder))
    return folder


def nightly(partitions: PartitionsDefinition[Any] | None, name: str = "nightly_soak") -> ScheduleDefinition:
    """Return the schedule of a job over one asset."""

    @asset(partitions_def=partitions)
    def soak_run() -> None: ...

    job = define_asset_job(name, AssetSelection.assets(soak_run))
    (made,) = schedules_of([job])
    repository = Definitions(assets=[soak_run], jobs=[job], schedules=[made]).get_repository_def()
    schedule: ScheduleDefinition = repository.get_schedule_def(name)
    return schedule


def requests(
    schedule: ScheduleDefinition,
    partitions: PartitionsDefinition[Any] | None,
    moment: datetime,
    instance: DagsterInstance,
) -> Sequence[RunRequest]:
    @asset(partitions_def=partitions)
    def soak_run() -> None: ...

    job = define_asset_job(schedule.name, AssetSelection.assets(soak_run))
    repository = Definitions(assets=[soak_run], jobs=[job]).get_repository_def()
    with build_schedule_context(instance, scheduled_execution_time=moment, repository_def=repository) as context:
        return schedule.evaluate_tick(context).run_requests or []


def test_a_night_is_soaked_for_each_scenario_with_a_promoted_baseline_and_a_partition(
    project: Path, instance: DagsterInstance
) -> None:
    instance.add_dynamic_partitions(str(scenarios.name), ["drill", "built_only", "unmeasured"])
    made = requests(nightly(nights), nights, NIGHT, instance)
    assert [request.partition_key for request in made] == ["2027-01-14|drill"]
    again = requests(nightly(nights), nights, NIGHT, instance)
    assert [request.run_key for request in again] == [request.run_key for request in made], "one run per night"


def test_without_a_promoted_baseline_the_schedule_says_what_to_do(project: Path, instance: DagsterInstance) -> None:
    schedule = nightly(nights)
    with build_schedule_context(
        instance, scheduled_execution_time=NIGHT, repository_def=_repository(nights)
    ) as context:
        tick = schedule.evaluate_tick(context)
    assert not tick.run_requests
    assert "townlet baselines build" in (tick.skip_message or "")


def _repository(partitions: PartitionsDefinition[Any]) -> Any:
    @asset(partitions_def=partitions)
    def soak_run() -> None: ...

    job = define_asset_job("nightly_soak", AssetSelection.assets(soak_run))
    return Definitions(assets=[soak_run], jobs=[job]).get_repository_def()


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("nightly_soak", ["2027-01-16|drill", "2027-01-16|other"]),
        ("weekly_endurance", ["drill|2027-01-11", "other|2027-01-11"]),
        ("refresh_baselines", ["drill", "other"]),
        ("document_baselines", [None]),
        ("refresh_morning", [None]),
    ],
)
def test_each_schedule_requests_every_scenario_and_the_page_of_baselines_once(
    project: Path, instance: DagsterInstance, name: str, keys: list[str | None]
) -> None:
    instance.add_dynamic_partitions(str(scenarios.name), ["drill", "other"])
    repository = defs.get_repository_def()
    with build_schedule_context(instance, scheduled_execution_time=SATURDAY, repository_def=repository) as context:
        made = repository.get_schedule_def(name).evaluate_tick(context).run_requests or []
    assert [request.partition_key for request in made] == keys


@pytest.mark.parametrize(
    ("partitions", "moment", "key"),
    [
        (scenarios, NIGHT, "drill"),
        (nights, NIGHT, "2027-01-14|drill"),
        (nights, datetime(2027, 1, 14, 23, 30, tzinfo=UTC), "2027-01-14|drill"),
        (weekends, SATURDAY, "drill|2027-01-11"),
        (weekends, datetime(2027, 1, 18, 0, 30, tzinfo=UTC), "drill|2027-01-18"),
    ],
)
def test_a_run_belongs_to_the_day_or_the_week_in_which_it_begins(
    partitions: PartitionsDefinition[Any], moment: datetime, key: str
) -> None:
    assert str(partition_at(partitions, moment, "drill")) == key


def test_the_time_zone_is_configured_and_checked() -> None:
    assert timezone({}) == timezone({"TOWNLET_TIMEZONE": ""}) == "UTC" == days.timezone
    assert timezone({"TOWNLET_TIMEZONE": "Europe/Berlin"}) == "Europe/Berlin"
    with pytest.raises(InputError, match=r"TOWNLET_TIMEZONE: found 'Europe/Berlim', .*did you mean 'Europe/Berlin'"):
        timezone({"TOWNLET_TIMEZONE": "Europe/Berlim"})


def test_a_schedule_has_the_hours_of_the_timetable_in_the_configured_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWNLET_TIMEZONE", "Asia/Tokyo")
    schedule = nightly(nights)
    assert (schedule.cron_schedule, schedule.execution_timezone) == (plans()["nightly_soak"].starts, "Asia/Tokyo")


@pytest.mark.parametrize(
    ("job", "starts", "deadline"),
    [
        ("nightly_soak", "", "0 8 * * *"),
        ("nightly_soak", "15 1 * * *", "15 5 * * *"),
        ("nightly_soak", "30 22 * * 1-5", "30 2 * * 2,3,4,5,6"),
        ("weekly_endurance", "", "0 8 * * 1"),
        ("weekly_endurance", "0 18 * * 5", "0 21 * * 0"),
        ("refresh_baselines", "", "0 8 * * 1"),
        ("document_baselines", "", "0 8 * * 1"),
        ("refresh_morning", "", "0 9 * * *"),
        ("refresh_morning", "15 7 * * *", "15 8 * * *"),
    ],
)
def test_another_time_is_chosen_and_the_deadline_moves_with_it(
    monkeypatch: pytest.MonkeyPatch, job: str, starts: str, deadline: str
) -> None:
    monkeypatch.setenv(f"TOWNLET_{job.upper()}_CRON", starts)
    plan = plans()[job]

    @asset(name=plan.assets[0])
    def made() -> None: ...

    (schedule,) = schedules_of([define_asset_job(job, AssetSelection.assets(made))])
    assert schedule.cron_schedule == starts or not starts
    (dated,) = with_deadlines([made])
    policy = dated.specs_by_key[AssetKey(plan.assets[0])].freshness_policy
    assert isinstance(policy, CronFreshnessPolicy)
    assert policy.deadline_cron == deadline


@pytest.mark.parametrize(("nightly", "refreshed"), [("", "0 8 * * *"), ("30 22 * * 1-5", "30 2 * * 2,3,4,5,6")])
def test_the_morning_page_is_made_when_the_nights_are_due(
    monkeypatch: pytest.MonkeyPatch, nightly: str, refreshed: str
) -> None:
    monkeypatch.setenv("TOWNLET_NIGHTLY_SOAK_CRON", nightly)
    assert plans()["refresh_morning"].starts == refreshed == plans()["nightly_soak"].deadline


@pytest.mark.parametrize(
    ("job", "starts"),
    [
        ("nightly_soak", "every night"),
        ("nightly_soak", "0 24 * * *"),
        ("nightly_soak", "60 4 * * *"),
        ("nightly_soak", "* * * * *"),
        ("nightly_soak", "0 4 1 * *"),
        ("nightly_soak", "0 4 * * 5-1"),
        ("weekly_endurance", "0 5 * * *"),
        ("weekly_endurance", "0 5 * * 6,0"),
    ],
)
def test_a_time_that_is_not_one_start_a_day_or_a_week_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, job: str, starts: str
) -> None:
    monkeypatch.setenv(f"TOWNLET_{job.upper()}_CRON", starts)
    with pytest.raises(InputError) as refused:
        ensure_home(tmp_path / "home")
    assert str(refused.value).startswith(f"environment: TOWNLET_{job.upper()}_CRON: found {starts!r}, expected minute")
    assert not (tmp_path / "home").exists()


def test_every_job_with_a_plan_has_its_schedule_and_every_asset_of_a_plan_its_deadline() -> None:
    assert {schedule.name for schedule in defs.schedules or []} == plans().keys() <= {job.name for job in jobs.ALL}
    dated = {spec.key.to_user_string(): spec.freshness_policy for spec in defs.resolve_all_asset_specs()}
    for plan in plans().values():
        for name in plan.assets:
            policy = dated.pop(name)
            assert isinstance(policy, CronFreshnessPolicy)
            assert policy.deadline_cron == plan.deadline
    assert not any(dated.values())


@pytest.mark.parametrize(
    ("made", "looked", "state"),
    [
        ("2027-01-14 05:10", "2027-01-14 09:00", FreshnessState.PASS),
        ("2027-01-14 05:10", "2027-01-15 07:00", FreshnessState.PASS),
        ("2027-01-14 05:10", "2027-01-15 08:01", FreshnessState.FAIL),
        ("2027-01-14 05:10", "2027-01-17 12:00", FreshnessState.FAIL),
        ("2027-01-15 10:00", "2027-01-15 10:01", FreshnessState.PASS),
    ],
)
def test_a_missed_night_is_overdue_from_eight_until_the_soak_is_made(
    instance: DagsterInstance, made: str, looked: str, state: FreshnessState
) -> None:
    @asset
    def soak_run() -> MaterializeResult[None]:
        return MaterializeResult()

    (dated,) = with_deadlines([soak_run])
    with freeze_time(_utc(made)):
        assert materialize([dated], instance=instance).success
    with freeze_time(_utc(looked)):
        assert _state(instance, dated) is state


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _state(instance: DagsterInstance, definition: AssetsDefinition) -> FreshnessState:
    """Return the state that the freshness daemon would record."""
    from dagster._core.loader import LoadingContextForTest

    policy = definition.specs_by_key[AssetKey("soak_run")].freshness_policy
    node = SimpleNamespace(key=AssetKey("soak_run"), freshness_policy_or_from_metadata=policy)
    evaluator = CronFreshnessPolicyEvaluator()
    return asyncio.run(evaluator.evaluate_freshness(LoadingContextForTest(instance), node))  # type: ignore[arg-type]
