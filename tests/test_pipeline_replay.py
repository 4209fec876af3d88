"""The replay page among the assets: of the present capture, with a link to the tick of every bad conflict."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
from captures import capture
from dagster import AssetCheckKey, AssetKey, AssetSelection, DagsterInstance, ExecuteInProcessResult, TableMetadataValue
from pipeline_runs import failed_checks, materialized, run_column

from townlet.cli import main
from townlet.storage import sha256
from townlet.view.replay import conflict_links, document_in
from townlet_pipeline.resources import SimulatorResource

FOLDER = Path("queue_conflict")
CHOSEN = AssetSelection.assets("scenario", "rollout_capture", "rollout_replay")


def run(instance: DagsterInstance, store: Path, chosen: AssetSelection) -> ExecuteInProcessResult:
    simulator = SimulatorResource(worlds=6)
    return run_column(instance, store, scenario="queue_conflict", selection=chosen, simulator=simulator)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def result(store: Path) -> ExecuteInProcessResult:
    with DagsterInstance.ephemeral() as instance:
        return run(instance, store, CHOSEN)


def test_the_page_is_made_and_checked(result: ExecuteInProcessResult, store: Path) -> None:
    assert result.success
    assert failed_checks(result) == {}
    names = {
        check.check_name for check in result.get_asset_check_evaluations() if "rollout_replay" in check.asset_key.path
    }
    assert "replay_is_of_the_capture" in names
    assert materialized(result)["rollout_replay"].tags["dagster/data_version"] == sha256(
        (store / FOLDER / "rollout_replay" / "replay.html").read_bytes()
    )


def test_every_listed_conflict_links_to_a_tick_of_a_world_on_the_page(
    result: ExecuteInProcessResult, store: Path
) -> None:
    table = materialized(result)["rollout_replay"].metadata["conflicts"]
    assert isinstance(table, TableMetadataValue)
    page = store / FOLDER / "rollout_replay" / "replay.html"
    (films,) = document_in(page.read_text(), page)["sides"]
    worlds = {film["world"] for film in films}
    assert len(worlds) == 4
    recorded = conflict_links(store / FOLDER / "rollout_capture" / "rollout_sample_manifest.json")
    known = {(link.tick, link.world, link.who, link.intensity) for link in recorded}
    assert len(table.records) == 20
    for row in (record.data for record in table.records):
        assert (row["tick"], row["world"], row["who"], row["intensity"]) in known
        assert row["world"] in worlds
        assert row["link"] == f"{page.as_uri()}#t={row['tick']}&w={row['world']}"
    intensities = [record.data["intensity"] for record in table.records]
    assert intensities == sorted(intensities, reverse=True)


def test_its_command_writes_the_same_page(result: ExecuteInProcessResult, store: Path) -> None:
    page = store / FOLDER / "rollout_replay" / "replay.html"
    before = page.read_bytes()
    command = shlex.split(str(materialized(result)["rollout_replay"].metadata["command"].value))
    page.unlink()
    assert main(command[1:]) == 0
    assert page.read_bytes() == before


def test_a_page_of_another_capture_than_the_one_in_the_store_fails_its_check(
    result: ExecuteInProcessResult, store: Path, tmp_path: Path
) -> None:
    shutil.copytree(store, tmp_path, dirs_exist_ok=True)
    capture(tmp_path / FOLDER / "rollout_capture", seed=9)
    check = AssetSelection.checks(AssetCheckKey(AssetKey("rollout_replay"), "replay_is_of_the_capture"))
    with DagsterInstance.ephemeral() as instance:
        again = run(instance, tmp_path, check | AssetSelection.assets("scenario"))
    assert failed_checks(again) == {
        "replay_is_of_the_capture": "4 world(s), 4 of another capture; 0 references",
    }
