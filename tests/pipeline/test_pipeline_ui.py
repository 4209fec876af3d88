"""The UI as people use it: the real web server and daemon, queried over GraphQL and viewed in a browser.

``BACKFILL_PARTITIONS=50 python -m pytest tests/pipeline/test_pipeline_ui.py -k backfill`` backfills that many.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetRecordsFilter,
    AssetSelection,
    DagsterInstance,
    DagsterRunStatus,
    RunsFilter,
)
from dagster._core.test_utils import freeze_time
from support.backfills import ASSETS, add_towns, backfill
from support.browser import Tab, browser_tab, find_browser
from support.launched_column import LaunchedColumn, has_partition, make_project
from support.pipeline_runs import SCENARIO, run_column
from support.services import free_port, wait_until
from support.web_server import WebServer, web_server

from townlet.files.storage import sha256
from townlet.view.playback import ConflictLink, conflict_links
from townlet_pipeline.artefacts.partitions import register_scenarios
from townlet_pipeline.instance.home import settings

PARTITIONS = int(os.environ.get("BACKFILL_PARTITIONS", "3"))
COLUMN = ["rollout_capture", "replay_manifest", "trained_policy", "ppo_telemetry", "validated_telemetry"]
REPOSITORY = {"repositoryLocationName": "townlet", "repositoryName": "__repository__"}
CHECK = """
query($asset: AssetKeyInput!, $check: String!, $partition: String!) {
  assetCheckExecutions(assetKey: $asset, checkName: $check, partition: $partition, limit: 1) {
    status runId evaluation { success severity description }
  }
}
"""
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
AUTOMATION = """
query($repository: RepositorySelector!) {
  schedulesOrError(repositorySelector: $repository) { ... on Schedules { results {
    name executionTimezone scheduleState { status } futureTicks(limit: 1) { results { timestamp } }
  } } }
  sensorsOrError(repositorySelector: $repository) { ... on Sensors { results {
    name sensorState { status ticks(limit: 1) { status error { message } } }
  } } }
}
"""
FRESHNESS = "{ assetNodes { assetKey { path } freshnessStatusInfo { freshnessStatus } } }"
RUNS = """
query($filter: RunsFilter!) {
  runsOrError(filter: $filter) { ... on Runs { results { id creationTime tags { key value } } } }
}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    make_project(root)
    return root


@pytest.fixture(scope="module")
def towns(project: Path) -> list[str]:
    return add_towns(project / "configs" / "scenarios", PARTITIONS)


@pytest.fixture(scope="module")
def dusk() -> datetime:
    """The start of the nightly soak: late enough for the daemon to be up by then."""
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=3)


@pytest.fixture(scope="module")
def server(project: Path, dusk: datetime, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    address = {
        "TOWNLET_PROJECT": str(project),
        "TOWNLET_PAGES_PORT": str(free_port()),
        "TOWNLET_SCHEDULES": "on",
        "TOWNLET_NIGHTLY_SOAK_CRON": f"{dusk.minute} {dusk.hour} * * *",
    }
    home = tmp_path_factory.mktemp("home")
    (home / "dagster.yaml").write_text(settings("local"))
    with DagsterInstance.from_config(str(home)) as instance, freeze_time(dusk - timedelta(days=14)):
        # The last endurance run was a fortnight ago, so it is overdue.
        instance.report_runless_asset_event(AssetMaterialization("endurance_run", partition=f"{SCENARIO}|2026-11-02"))
    with pytest.MonkeyPatch.context() as patch, web_server(home, **address) as server:
        # This process materializes assets of the same project.
        for name, value in address.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def worst(project: Path, server: WebServer) -> ConflictLink:
    """The worst conflict of a capture that was materialized beside the web server, with its playback page."""
    chosen = AssetSelection.assets("scenario", "rollout_capture", "rollout_playback")
    with DagsterInstance.from_config(str(server.home)) as instance:
        assert run_column(instance, project / "runs" / "store", scenario="queue_conflict", selection=chosen).success
    return conflict_links(project / "runs/store/queue_conflict/rollout_capture/rollout_sample_manifest.json")[0]


@pytest.fixture(scope="module")
def run(server: WebServer, tmp_path_factory: pytest.TempPathFactory) -> LaunchedColumn:
    wait_until(lambda: has_partition(server), "the sensor to make a partition of the scenario's file", 400)
    return LaunchedColumn(server, tmp_path_factory.mktemp("store"))


def test_a_column_launched_as_from_the_launchpad_succeeds(run: LaunchedColumn) -> None:
    assert run.status == "SUCCESS", run.server.log.read_text()


def test_metadata_and_data_versions_are_those_of_the_files(run: LaunchedColumn) -> None:
    policy, node = run.asset("trained_policy")
    tags = {tag["key"]: tag["value"] for tag in policy["tags"]}
    weights = sha256((run.store / SCENARIO / "trained_policy" / "policy.safetensors").read_bytes())
    assert policy["runId"] == run.id
    assert node["dataVersionByPartition"] == [tags["dagster/data_version"]] == [weights]
    assert run.metadata("trained_policy")["headline"]["text"].startswith("mixed: 4 epochs")
    assert "data:image/png;base64," in run.metadata("rollout_capture")["plots"]["mdStr"]


def test_lineage_leads_from_the_report_to_the_scenario_and_nothing_is_stale(run: LaunchedColumn) -> None:
    reached, waiting = {}, ["summary_report"]
    while waiting:
        name = waiting.pop()
        _, node = run.asset(name)
        reached[name] = node
        waiting += [key["path"][-1] for key in node["dependencyKeys"] if key["path"][-1] not in reached]
    assert {"scenario", *COLUMN} <= reached.keys()
    assert {tuple(node["staleStatusByPartition"]) for node in reached.values()} == {("FRESH",)}
    for name in ("trained_policy", "summary_report"):
        made_from = json.loads(run.metadata(name)["made_from"]["jsonString"])
        assert made_from
        for parent, version in made_from.items():
            assert reached[parent]["dataVersionByPartition"] == [version], (name, parent)


def test_every_check_of_the_column_was_evaluated_in_the_run(run: LaunchedColumn) -> None:
    blocking = 0
    for name in ("scenario", *COLUMN, "telemetry_alerts", "summary_report"):
        for check in run.asset(name)[1]["assetChecksOrError"]["checks"]:
            answer = run.server.ask(CHECK, asset={"path": [name]}, check=check["name"], partition=SCENARIO)
            (execution,) = answer["assetCheckExecutions"]
            assert execution["runId"] == run.id
            if check["blocking"]:
                blocking += 1
                assert (execution["status"], execution["evaluation"]["success"]) == ("SUCCEEDED", True), execution
    assert blocking >= 5


def test_the_daemon_is_well_and_sensors_and_schedules_are_on(run: LaunchedColumn) -> None:
    daemons = run.server.ask(DAEMONS)["instance"]["daemonHealth"]["allDaemonStatuses"]
    required = {daemon["daemonType"]: daemon["healthy"] for daemon in daemons if daemon["required"]}
    assert {"SCHEDULER", "SENSOR", "FRESHNESS_DAEMON", "MONITORING"} <= required.keys()
    assert all(required.values()), required
    answer = run.server.ask(AUTOMATION, repository=REPOSITORY)
    sensors = {sensor["name"]: sensor["sensorState"] for sensor in answer["sensorsOrError"]["results"]}
    # These start trainings, soaks and code made elsewhere: a person switches them on.
    off = dict.fromkeys(("stale_columns", "stale_soaks", "stale_policies"), "STOPPED")
    assert off.keys() < sensors.keys()
    for name, state in sensors.items():
        assert state["status"] == off.get(name, "RUNNING"), name
        if name in off:
            continue
        assert [tick["error"] for tick in state["ticks"]] == [None], name
    schedules = answer["schedulesOrError"]["results"]
    assert schedules
    for schedule in schedules:
        assert schedule["scheduleState"]["status"] == "RUNNING", schedule
        assert schedule["executionTimezone"] == "UTC"
        assert schedule["futureTicks"]["results"], schedule


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    if find_browser() is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with browser_tab() as tab:
        tab.size(1600, 1100)
        yield tab


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of screenshots, which ``.ci/run`` names so that they are kept."""
    named = os.environ.get("TOWNLET_SCREENSHOTS")
    return Path(named) if named else tmp_path_factory.mktemp("screenshots")


def visit(tab: Tab, url: str, *texts: str) -> None:
    """Open a page and wait until it shows each of the texts."""
    tab.call("Page.navigate", url=url)
    for text in texts:
        # The graph shortens long names in the middle, and breaks them at invisible spaces.
        tab.until(f"document.body?.innerText.replaceAll('\\u200b', '').includes({text!r})", 240)


def test_the_catalogue_shows_every_asset_with_its_description(run: LaunchedColumn, tab: Tab, pictures: Path) -> None:
    # The catalogue draws the rows that are in view.
    tab.size(1400, 2000)
    visit(tab, f"{run.server.url}/assets", "scenario", *COLUMN, "summary_report", "The training log: one JSON line")
    tab.picture(pictures / "catalogue.png")


def test_the_lineage_graph_shows_the_column(run: LaunchedColumn, tab: Tab, pictures: Path) -> None:
    page = f"{run.server.url}/assets/summary_report?view=lineage&lineageScope=upstream&lineageDepth=10"
    visit(tab, page, "rollout_capture", "replay_manifest", "trained_policy", "ppo_telemetry", "summary_report")
    assert tab.ask("document.querySelectorAll('svg path').length") > 5
    tab.picture(pictures / "lineage.png")


def test_the_page_of_a_run_shows_that_it_succeeded(run: LaunchedColumn, tab: Tab, pictures: Path) -> None:
    visit(tab, f"{run.server.url}/runs/{run.id}", "Success", f"partition: {SCENARIO}", "train_policy")
    tab.picture(pictures / "run.png")


def test_the_page_of_an_asset_opens_its_plots(run: LaunchedColumn, tab: Tab, pictures: Path) -> None:
    visit(tab, f"{run.server.url}/assets/rollout_capture?view=partitions&partition={SCENARIO}", "Show Markdown")
    tab.ask("[...document.querySelectorAll('button, a')].find(b => b.innerText.includes('Show Markdown')).click()")
    width = tab.until("[...document.images].find(i => i.src.startsWith('data:image/png'))?.naturalWidth", 240)
    assert width > 500
    tab.picture(pictures / "plots.png")


def test_a_conflict_on_the_page_of_an_asset_leads_to_its_tick_in_the_playback(
    run: LaunchedColumn, worst: ConflictLink, tab: Tab, pictures: Path
) -> None:
    visit(tab, f"{run.server.url}/assets/rollout_playback?view=partitions&partition=queue_conflict", "Show Markdown")
    tab.ask("[...document.querySelectorAll('button, a')].find(b => b.innerText.includes('Show Markdown')).click()")
    first = f"[...document.links].find(a => a.innerText === 'tick {worst.tick}')"
    tab.until(f"Boolean({first})", 240)
    tab.picture(pictures / "conflicts.png")
    tab.call("Page.navigate", url=tab.ask(f"{first}.href"))
    tab.until("typeof playback === 'object'", 240)
    assert tab.ask("[playback.tick, playback.panes[0].recording.world]") == [worst.tick, worst.world]
    tab.picture(pictures / "playback.png")


# It fills the time until dusk.
def test_every_partition_of_a_backfill_is_made_once_and_no_two_at_a_time(
    server: WebServer, project: Path, towns: list[str]
) -> None:
    with DagsterInstance.from_config(str(server.home)) as instance:
        # The sensor may have registered them already.
        register_scenarios(instance)
        of_it = {"dagster/backfill": backfill(server, towns)}
        runs = instance.get_run_records(RunsFilter(tags=of_it))
        assert {record.dagster_run.status for record in runs} == {DagsterRunStatus.SUCCESS}
        for asset in ASSETS:
            made = instance.fetch_materializations(AssetRecordsFilter(AssetKey(asset)), limit=10 * PARTITIONS)
            of_towns = [record.partition_key for record in made.records if record.partition_key in towns]
            assert Counter(of_towns) == dict.fromkeys(towns, 1), asset
    # The pool admits one capture at a time: a run starts, and its time counts, when the previous one is over.
    spans = sorted((record.start_time or 0.0, record.end_time or 0.0) for record in runs)
    assert len(spans) == PARTITIONS
    assert all(begun >= over for (_, over), (begun, _) in pairwise(spans))
    made_folders = {path.name for path in (project / "runs" / "store").iterdir() if path.is_dir()}
    assert made_folders.issuperset(towns)


def test_at_dusk_the_daemon_soaks_the_night_and_what_was_missed_before_is_overdue(
    server: WebServer, project: Path, dusk: datetime
) -> None:
    def fresh() -> dict[str, str]:
        nodes = server.ask(FRESHNESS)["assetNodes"]
        found = {node["assetKey"]["path"][-1]: node["freshnessStatusInfo"] for node in nodes}
        return {name: info["freshnessStatus"] for name, info in found.items() if info}

    nights = {"pipelineName": "nightly_soak"}
    wait_until(lambda: bool(server.ask(RUNS, filter=nights)["runsOrError"]["results"]), f"the run of {dusk}", 300)
    (launched,) = server.ask(RUNS, filter=nights)["runsOrError"]["results"]
    night, tags = f"{dusk:%Y-%m-%d}|{SCENARIO}", {tag["key"]: tag["value"] for tag in launched["tags"]}
    assert (tags["dagster/schedule_name"], tags["dagster/partition"]) == ("nightly_soak", night)
    assert dusk.timestamp() <= launched["creationTime"]
    assert server.finish(launched["id"]) == "SUCCESS", server.log.read_text()
    report = project / "runs/store" / SCENARIO / "nights" / f"{dusk:%Y-%m-%d}" / "acceptance_report/acceptance.json"
    assert json.loads(report.read_text())["night"] == f"{dusk:%Y-%m-%d}"
    soaked = ("soak_run", "soak_drift", "acceptance_report")
    wait_until(lambda: {fresh()[name] for name in soaked} == {"HEALTHY"}, "the night to be in time", 120)
    assert (fresh()["endurance_run"], fresh()["endurance_report"]) == ("DEGRADED", "UNKNOWN")


def test_interrupting_the_ui_ends_every_process_that_it_started(server: WebServer) -> None:
    assert len(server.processes()) > 3
    server.interrupt()
    wait_until(lambda: server.processes() == [], "its processes to end", 300)
