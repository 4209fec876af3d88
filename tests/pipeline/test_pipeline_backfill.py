"""Backfills of many partitions, as the UI launches them: each partition is made exactly once.

``BACKFILL_PARTITIONS=50 python -m pytest tests/pipeline/test_pipeline_backfill.py`` backfills that many.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from dagster import AssetKey, AssetRecordsFilter, DagsterInstance, DagsterRunStatus, RunsFilter
from support.services import wait_until
from support.web_server import WebServer, web_server

from townlet.config.find import scenarios_folder
from townlet_pipeline.artefacts.partitions import register_scenarios

PARTITIONS = int(os.environ.get("BACKFILL_PARTITIONS", "3"))
ASSETS = ["scenario", "rollout_capture", "replay_manifest"]
TEMPLATE = "observation_baseline"

LAUNCH = """
mutation($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
STATUS = """
query($backfill: String!) {
  partitionBackfillOrError(backfillId: $backfill) { ... on PartitionBackfill { status } }
}
"""


def project(folder: Path) -> list[str]:
    """Create a project with many small scenarios, and return their names."""
    place = folder / "configs" / "scenarios"
    place.mkdir(parents=True)
    content = (scenarios_folder() / f"{TEMPLATE}.yaml").read_text()
    assert content.count(f"name: {TEMPLATE}\n") == 1
    names = [f"town_{number:03d}" for number in range(PARTITIONS)]
    for name in names:
        (place / f"{name}.yaml").write_text(content.replace(f"name: {TEMPLATE}\n", f"name: {name}\n"))
    return names


def backfill(server: WebServer, names: list[str]) -> None:
    """Launch a backfill as the assets' page does, and wait for its end."""
    parameters = {"assetSelection": [{"path": [asset]} for asset in ASSETS], "partitionNames": names}
    answer = server.ask(LAUNCH, parameters=parameters)["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer

    def is_over() -> bool:
        found = server.ask(STATUS, backfill=answer["backfillId"])["partitionBackfillOrError"]["status"]
        assert found in ("REQUESTED", "COMPLETED_SUCCESS", "COMPLETED"), found
        return bool(found != "REQUESTED")

    wait_until(is_over, "the backfill", 300.0 + 60.0 * len(names))


def test_every_partition_of_a_backfill_is_made_once_and_no_two_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, home = project(tmp_path / "project"), tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path / "project"))
    with (
        web_server(home) as server,
        DagsterInstance.from_config(str(home)) as instance,
    ):
        # The sensor may have registered them already.
        register_scenarios(instance)
        backfill(server, names)
        runs = instance.get_run_records()
        assert {record.dagster_run.status for record in runs} == {DagsterRunStatus.SUCCESS}
        for asset in ASSETS:
            made = instance.fetch_materializations(AssetRecordsFilter(AssetKey(asset)), limit=10 * PARTITIONS)
            assert Counter(record.partition_key for record in made.records) == dict.fromkeys(names, 1), asset
        assert instance.get_runs_count(RunsFilter(statuses=[DagsterRunStatus.QUEUED])) == 0
    # The pool admits one capture at a time: a run starts, and its time counts, when the previous one is over.
    spans = sorted((record.start_time or 0.0, record.end_time or 0.0) for record in runs)
    assert len(spans) == PARTITIONS
    assert all(begun >= over for (_, over), (begun, _) in pairwise(spans))
    store = tmp_path / "project" / "runs" / "store"
    assert sorted(path.name for path in store.iterdir() if path.is_dir()) == names
