"""Asset ``rollout_playback``: it plays the capture in the store and links every listed conflict to its tick."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster import AssetCheckKey, AssetKey, AssetSelection, DagsterInstance, ExecuteInProcessResult, MetadataValue
from support.captures import capture
from support.pipeline_runs import failed_checks, materialized, run_column
from support.places import ROOT

from townlet.cli import main
from townlet.files.storage import sha256
from townlet.view.playback import conflict_links, document_in
from townlet_pipeline.instance.pages import served_folder
from townlet_pipeline.resources import SimulatorResource

FOLDER = Path("queue_conflict")
LINK = "https://example.org/town.html"
CHOSEN = AssetSelection.assets("scenario", "rollout_capture", "rollout_playback")


def run(instance: DagsterInstance, store: Path, chosen: AssetSelection) -> ExecuteInProcessResult:
    simulator = SimulatorResource(worlds=6)
    return run_column(instance, store, scenario="queue_conflict", selection=chosen, simulator=simulator)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of its own, because only pages of a project's store have addresses.

    The scenario's description holds a link and CSS, which the page shows and does not load.
    """
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "configs", folder / "configs")
    file = folder / "configs" / "scenarios" / "queue_conflict.yaml"
    content = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**content, "description": f"{LINK} url({LINK})"}, sort_keys=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOWNLET_PROJECT", str(folder))
        yield folder


@pytest.fixture(scope="module")
def store(project: Path) -> Path:
    return served_folder()


@pytest.fixture(scope="module")
def result(store: Path) -> ExecuteInProcessResult:
    with DagsterInstance.ephemeral() as instance:
        return run(instance, store, CHOSEN)


def test_the_page_is_made_and_checked(result: ExecuteInProcessResult, store: Path) -> None:
    assert result.success
    assert failed_checks(result) == {}
    names = {
        check.check_name for check in result.get_asset_check_evaluations() if "rollout_playback" in check.asset_key.path
    }
    assert "playback_is_of_the_capture" in names
    assert LINK in (store / FOLDER / "rollout_playback" / "playback.html").read_text()
    assert materialized(result)["rollout_playback"].tags["dagster/data_version"] == sha256(
        (store / FOLDER / "rollout_playback" / "playback.html").read_bytes()
    )


def test_every_listed_conflict_links_to_a_tick_of_a_world_on_the_page(
    result: ExecuteInProcessResult, store: Path
) -> None:
    page = store / FOLDER / "rollout_playback" / "playback.html"
    (side,) = document_in(page.read_text(), page)["sides"]
    worlds = [world["world"] for world in side]
    assert len(worlds) == 4
    recorded = conflict_links(store / FOLDER / "rollout_capture" / "rollout_sample_manifest.json")
    shown = [link for link in recorded if link.world in worlds][:20]
    assert len(shown) == 20
    address = "http://127.0.0.1:3001/queue_conflict/rollout_playback/playback.html"
    made = materialized(result)
    assert made["rollout_playback"].metadata["page"] == MetadataValue.url(address)
    for asset, links in {
        "rollout_playback": shown,
        "rollout_capture": [link for link in recorded if link.world == recorded[0].world][:5],
    }.items():
        header, _, *rows = str(made[asset].metadata["conflicts"].value).splitlines()
        assert header == "| tick | world | who | kind | against | where | intensity |"
        assert rows == [
            f"| [tick {link.tick}]({address}#t={link.tick}&w={link.world}) | {link.world} | {link.who} | {link.kind} "
            f"| {link.against} | {link.where} | {link.intensity:.3g} |"
            for link in links
        ]


def test_its_command_writes_the_same_page(
    result: ExecuteInProcessResult, store: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    page = store / FOLDER / "rollout_playback" / "playback.html"
    before = page.read_bytes()
    command = shlex.split(str(materialized(result)["rollout_playback"].metadata["command"].value))
    page.unlink()
    assert main(command[1:]) == 0
    assert page.read_bytes() == before


def test_a_page_of_another_capture_than_the_one_in_the_store_fails_its_check(
    result: ExecuteInProcessResult, store: Path, tmp_path: Path
) -> None:
    shutil.copytree(store, tmp_path, dirs_exist_ok=True)
    capture(tmp_path / FOLDER / "rollout_capture", seed=9)
    check = AssetSelection.checks(AssetCheckKey(AssetKey("rollout_playback"), "playback_is_of_the_capture"))
    with DagsterInstance.ephemeral() as instance:
        again = run(instance, tmp_path, check | AssetSelection.assets("scenario"))
    assert failed_checks(again) == {
        "playback_is_of_the_capture": "4 world(s), 4 of another capture; 0 references",
    }
