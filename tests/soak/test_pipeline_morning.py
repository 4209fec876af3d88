"""The morning page in Dagster: what it is made from, what it reports, and what makes it again."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import (
    AssetCheckSeverity,
    AssetMaterialization,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    Definitions,
    ExecuteInProcessResult,
    MultiPartitionKey,
    build_sensor_context,
    evaluate_automation_conditions,
    materialize,
)
from dagster._core.test_utils import freeze_time
from support.nights import crashed, judged, promoted
from support.pipeline_runs import materialized, new_instance, reasons
from support.tiny_soak import tiny_options

from townlet.cli import main
from townlet.soak.run import run_soak
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.definitions import defs
from townlet_pipeline.soak.assets.acceptance_report import acceptance_report
from townlet_pipeline.soak.assets.morning_overview import morning_overview
from townlet_pipeline.soak.assets.soak_drift import soak_drift
from townlet_pipeline.soak.morning import last_night_is_accepted, morning_page, morning_page_after_incident
from townlet_pipeline.soak.partitions import nights

DAY, BEFORE = "2026-11-30", "2026-11-29"
DUE = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the promoted baselines of two scenarios."""
    folder = tmp_path / "project"
    (folder / "configs" / "scenarios").mkdir(parents=True)
    promoted(folder / "baselines", "queue_conflict", "rivalry_decay")
    monkeypatch.setenv("TOWNLET_PROJECT", str(folder))
    return folder


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    (tmp_path / "home").mkdir()
    with new_instance(tmp_path / "home") as made:
        made.add_dynamic_partitions(scenario_keys(), ["queue_conflict", "rivalry_decay"])
        yield made


def scenario_keys() -> str:
    """The name of the dynamic partitions that nights have."""
    (name,) = {str(part.partitions_def.name) for part in nights.partitions_defs if part.name == "scenario"}  # type: ignore[attr-defined]
    return name


def make_page(instance: DagsterInstance, moment: datetime = DUE) -> ExecuteInProcessResult:
    with freeze_time(moment):
        done = materialize(
            [morning_overview, last_night_is_accepted],
            instance=instance,
            resources={"store": StoreResource()},
            run_config=QUIET,
            raise_on_error=False,
        )
    assert done.success, reasons(done)
    return done


def test_a_soak_that_was_judged_is_on_the_page_and_the_command_makes_the_same_bytes(
    project: Path, instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, store = MultiPartitionKey({"day": DAY, "scenario": "queue_conflict"}), StoreResource()
    run_soak(tiny_options(tmp_path, output=store.folder(key, "soak_run"), night=DAY, learning=False))
    night = materialize(
        [soak_drift, acceptance_report],
        instance=instance,
        partition_key=key,
        resources={"store": store},
        run_config=QUIET,
        raise_on_error=False,
    )
    assert night.success, reasons(night)
    verdict = json.loads((store.folder(key, "soak_drift") / "drift.json").read_text())
    done = make_page(instance)
    made = materialized(done)["morning_overview"].metadata
    page = project / "runs" / "store" / "all" / "morning_overview" / "morning.html"
    content = json.loads(page.with_suffix(".json").read_text())
    (row,) = [row for row in content["nights"] if row["scenario"] == "queue_conflict"]
    assert (row["why"], row["next_step"], row["handbook"]) == tuple(
        verdict[name] for name in ("why", "next_step", "handbook")
    )
    assert set(content["strips"]["queue_conflict"][-1]["levels"]) >= {
        "queue_conflict_intensity_per_1000",
        "reward_mean",
    }
    assert made["headline"].value == content["headline"]
    assert made["page"].value == "http://127.0.0.1:3001/all/morning_overview/morning.html"
    report = f"http://127.0.0.1:3001/queue_conflict/nights/{DAY}/acceptance_report/acceptance.html"
    assert f"]({report})" in str(made["last_night"].value)
    assert made["made_from"].value == {"soak_drift": {str(key): content["made_from"][0]["drift_sha256"]}}
    (read,) = [each for each in made["inputs"].value.records if each.data["asset"] == "soak_drift"]
    assert read.data["run"] == night.run_id
    before = [file.read_bytes() for file in (page, page.with_suffix(".json"))]
    shutil.rmtree(page.parent)
    monkeypatch.chdir(project)
    program, *words = shlex.split(str(made["command"].value))
    assert program == "townlet" and main(words) == (0 if content["accepted"] else 1)
    assert [file.read_bytes() for file in (page, page.with_suffix(".json"))] == before


@pytest.mark.parametrize(
    ("verdict", "passed", "severity", "count"),
    [
        ("accept", True, None, "accepted"),
        ("hold", False, AssetCheckSeverity.WARN, "held"),
        ("reject", False, AssetCheckSeverity.ERROR, "rejected"),
        (None, False, AssetCheckSeverity.WARN, "missed"),
        ("crash", False, AssetCheckSeverity.ERROR, "crashed"),
    ],
)
def test_the_check_warns_of_a_held_and_a_missed_night_and_is_an_error_for_a_rejected_and_a_failed_one(
    project: Path,
    instance: DagsterInstance,
    verdict: str | None,
    passed: bool,
    severity: AssetCheckSeverity | None,
    count: str,
) -> None:
    store = project / "runs" / "store"
    for scenario in ("queue_conflict", "rivalry_decay"):
        judged(store, scenario, BEFORE)
    judged(store, "queue_conflict", DAY)
    if verdict == "crash":
        crashed(project / "runs" / "incidents", "rivalry_decay", DAY, "no space left")
    elif verdict is not None:
        judged(store, "rivalry_decay", DAY, verdict)
    done = make_page(instance)
    (checked,) = done.get_asset_check_evaluations()
    assert checked.passed == passed
    assert severity is None or checked.severity == severity
    made = materialized(done)["morning_overview"].metadata
    assert made[count].value == (2 if count == "accepted" else 1)
    assert str(checked.description) == made["headline"].value


def report_night(instance: DagsterInstance, scenario: str) -> None:
    key = MultiPartitionKey({"day": DAY, "scenario": scenario})
    instance.report_runless_asset_event(AssetMaterialization("acceptance_report", partition=str(key)))


def test_each_report_requests_the_page_even_one_made_while_the_page_is(instance: DagsterInstance) -> None:
    assert morning_page.default_status is DefaultSensorStatus.RUNNING
    pair = Definitions(assets=[acceptance_report, morning_overview], resources={"store": StoreResource()})
    moment, cursor, requested = DUE, None, []
    for made in ("", "queue_conflict", "", "rivalry_decay", "the page", "queue_conflict", ""):
        if made == "the page":
            keys = {morning_overview.key}
            instance.add_run(DagsterRun("__ASSET_JOB", status=DagsterRunStatus.STARTED, asset_selection=keys))
        elif made:
            report_night(instance, made)
        result = evaluate_automation_conditions(pair, instance, cursor=cursor, evaluation_time=moment)
        cursor, moment = result.cursor, moment + timedelta(seconds=30)
        requested.append(result.total_requested)
    assert requested == [0, 1, 0, 1, 0, 1, 0]


def test_another_night_that_failed_requests_the_page_once(project: Path, instance: DagsterInstance) -> None:
    folder = project / "runs" / "incidents"
    crashed(folder, "queue_conflict", BEFORE, "an old failure", at="20261129T043000Z")

    def tick(cursor: str | None) -> tuple[str | None, int]:
        context = build_sensor_context(instance, cursor=cursor, repository_def=defs.get_repository_def())
        done = morning_page_after_incident.evaluate_tick(context)
        return done.cursor, len(done.run_requests or [])

    cursor, requests = tick(None)
    assert requests == 0, "what failed before is on the page that the schedule makes"
    crashed(folder, "rivalry_decay", DAY, "no space left")
    cursor, requests = tick(cursor)
    assert requests == 1
    training = json.loads(next(folder.glob("*rivalry*.json")).read_text()) | {"scenario": "queue_conflict"}
    (folder / "20261130T050000Z-other.json").write_text(json.dumps(training))
    assert tick(cursor) == (cursor, 0)
