"""The object store, on a real S3-compatible server: readers see a whole version or the one before."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetExecutionContext,
    AssetSelection,
    MaterializeResult,
    asset,
    asset_check,
    materialize,
)
from support.pipeline_runs import new_instance
from support.places import ROOT
from support.services import object_store
from upath import UPath

from townlet.errors import InputError
from townlet.soak.manifest import MANIFEST_NAME
from townlet.training.checkpoint import CHECKPOINT_NAME
from townlet_pipeline.artefacts.locks import locked
from townlet_pipeline.artefacts.object_store import fetch, fetch_checked, publish, with_object_store
from townlet_pipeline.artefacts.partitions import scenarios, soaked_scenarios
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.soak.external_assets import pinned_capture, promoted_baseline
from townlet_pipeline.soak.partitions import nights
from townlet_pipeline.soak.scenario_copy import current_copy

ASSET = "trained_policy"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with object_store() as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield variables["TOWNLET_OBJECT_STORE"]


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    """A prefix of the test's own."""
    return f"{server}/{re.sub(r'[^a-z]+', '-', request.node.name)}"


def machine(folder: Path, url: str) -> StoreResource:
    return StoreResource(root=str(folder), object_store=url)


def write(store: StoreResource, **files: str) -> None:
    for name, content in files.items():
        file = store.folder("drill", ASSET) / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def contents(store: StoreResource) -> dict[str, str]:
    folder = store.folder("drill", ASSET)
    return {path.stem: path.read_text() for path in folder.iterdir() if not path.name.startswith(".")}


def test_what_one_machine_publishes_another_gets_and_older_files_go(url: str, tmp_path: Path) -> None:
    here, there = machine(tmp_path / "a", url), machine(tmp_path / "b", url)
    write(here, policy="one", card="1")
    publish(here, "drill", ASSET)
    write(there, policy="stale", checkpoint="stale")
    fetch(there, "drill", [ASSET])
    assert contents(there) == {"policy": "one", "card": "1"}
    write(here, policy="two")
    publish(here, "drill", ASSET)
    fetch(there, "drill", [ASSET])
    assert contents(there) == {"policy": "two", "card": "1"}


def test_a_log_that_a_training_writes_is_not_replaced_by_the_published_one(url: str, tmp_path: Path) -> None:
    """This happens when somebody materializes `telemetry_alerts` while the training runs."""
    here, there = machine(tmp_path / "a", url), machine(tmp_path / "b", url)
    write(here, policy="published")
    publish(here, "drill", ASSET)
    write(there, policy="being written")
    with (
        locked(there.folder("drill", ASSET), "theirs"),
        pytest.raises(InputError, match=rf"{ASSET}: found run theirs .*writing here"),
    ):
        fetch(there, "drill", [ASSET])
    assert contents(there) == {"policy": "being written"}
    fetch(there, "drill", [ASSET])
    assert contents(there) == {"policy": "published"}


@pytest.mark.parametrize("asked", ["trained_policy", "ppo_telemetry"])
def test_a_training_that_was_killed_keeps_its_checkpoint_and_its_log(url: str, tmp_path: Path, asked: str) -> None:
    here, there = machine(tmp_path / "a", url), machine(tmp_path / "b", url)
    for store, names in ((here, ("policy.json", "log.jsonl")), (there, (CHECKPOINT_NAME, "log.jsonl"))):
        for asset_, name in zip(("trained_policy", "ppo_telemetry"), names, strict=True):
            store.folder("drill", asset_).mkdir(parents=True)
            (store.folder("drill", asset_) / name).write_text(store.root)
    for name in ("trained_policy", "ppo_telemetry"):
        publish(here, "drill", name)
    with pytest.raises(InputError, match="found an unfinished training, expected it finished"):
        fetch(there, "drill", [asked])
    assert (there.folder("drill", "trained_policy") / CHECKPOINT_NAME).read_text() == there.root
    assert (there.folder("drill", "ppo_telemetry") / "log.jsonl").read_text() == there.root
    (there.folder("drill", "trained_policy") / CHECKPOINT_NAME).unlink()
    fetch(there, "drill", ["trained_policy", "ppo_telemetry"])
    assert (there.folder("drill", "ppo_telemetry") / "log.jsonl").read_text() == here.root


@pytest.mark.parametrize("asked", ["soak_run", "endurance_run"])
def test_a_soak_that_was_killed_keeps_its_checkpoint(url: str, tmp_path: Path, asked: str) -> None:
    here, there = machine(tmp_path / "a", url), machine(tmp_path / "b", url)
    for store in (here, there):
        folder = store.folder("drill", asked)
        folder.mkdir(parents=True)
        (folder / CHECKPOINT_NAME).write_text(store.root)
        (folder / MANIFEST_NAME).write_text(json.dumps({"finished": store is here}))
    publish(here, "drill", asked)
    with pytest.raises(InputError, match="found an unfinished soak, expected it finished"):
        fetch(there, "drill", [asked])
    assert (there.folder("drill", asked) / CHECKPOINT_NAME).read_text() == there.root


def test_a_version_once_published_stays_as_it_was_and_the_same_content_is_the_same_version(
    url: str, tmp_path: Path
) -> None:
    store = machine(tmp_path, url)
    write(store, policy="one")
    first = publish(store, "drill", ASSET)
    write(store, policy="two")
    second = publish(store, "drill", ASSET)
    assert (UPath(first) / "policy.json").read_text() == "one"
    assert (UPath(second) / "policy.json").read_text() == "two"
    write(store, policy="one")
    assert publish(store, "drill", ASSET) == first


def test_files_without_a_manifest_are_not_read(url: str, tmp_path: Path) -> None:
    """They remain when the publisher is killed before its last write."""
    here, there = machine(tmp_path / "a", url), machine(tmp_path / "b", url)
    write(here, policy="one")
    old = json.loads((UPath(publish(here, "drill", ASSET)).parent / "current.json").read_text())
    write(here, policy="two")
    publish(here, "drill", ASSET)
    (UPath(url) / "drill" / ASSET / "current.json").write_text(json.dumps(old, indent=2) + "\n")
    fetch(there, "drill", [ASSET])
    assert contents(there) == {"policy": "one"}


def test_a_half_published_version_is_completed_by_publishing_again(url: str, tmp_path: Path) -> None:
    here, there = machine(tmp_path / "a", url), machine(tmp_path / "b", url)
    write(here, policy="one", card="1")
    version = UPath(publish(here, "drill", ASSET))
    (version / "card.json").unlink()
    (version.parent / "current.json").unlink()
    publish(here, "drill", ASSET)
    fetch(there, "drill", [ASSET])
    assert contents(there) == {"policy": "one", "card": "1"}


def test_a_changed_byte_is_refused_and_the_folder_left_as_it_was(url: str, tmp_path: Path) -> None:
    here, there = machine(tmp_path / "a", url), machine(tmp_path / "b", url)
    write(here, policy="one", card="1")
    version = UPath(publish(here, "drill", ASSET))
    write(there, policy="before")
    (version / "policy.json").write_text("onf")
    with pytest.raises(InputError, match=r"policy.json: found SHA-256 .*, as it was published"):
        fetch(there, "drill", [ASSET])
    assert contents(there) == {"policy": "before"}
    assert [path.name for path in tmp_path.joinpath("b", "drill").iterdir() if path.is_dir()] == [ASSET]


@pytest.mark.parametrize("name", ["../../escaped.json", "/etc/passwd", ".hidden", "a/../b"])
def test_a_manifest_that_names_a_file_elsewhere_is_refused(url: str, tmp_path: Path, name: str) -> None:
    store = machine(tmp_path, url)
    write(store, policy="one")
    current = UPath(publish(store, "drill", ASSET)).parent / "current.json"
    content = json.loads(current.read_text())
    content["files"][0]["file"] = name
    current.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"files\.0\.file"):
        fetch(store, "drill", [ASSET])


def test_what_was_never_published_is_left_as_it_is(url: str, tmp_path: Path) -> None:
    store = machine(tmp_path, url)
    write(store, policy="mine")
    fetch(store, "drill", [ASSET])
    assert contents(store) == {"policy": "mine"}


def test_locks_and_unfinished_writes_are_not_published_and_nothing_is_nothing(url: str, tmp_path: Path) -> None:
    store = machine(tmp_path, url)
    write(store, policy="one")
    (store.folder("drill", ASSET) / ".lock").touch()
    (store.folder("drill", ASSET) / ".policy.json.7.part").touch()
    version = UPath(publish(store, "drill", ASSET))
    assert [path.name for path in version.iterdir()] == ["policy.json"]
    shutil.rmtree(store.folder("drill", ASSET))
    with pytest.raises(InputError, match="found no files"):
        publish(store, "drill", ASSET)


def test_a_night_takes_its_scenario_from_the_scenarios_own_place(url: str, tmp_path: Path) -> None:
    here, there = machine(tmp_path / "a", url), machine(tmp_path / "b", url)
    file = here.folder("drill", "scenario") / "drill.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("name: drill")
    publish(here, "drill", "scenario")
    key = "2026-11-20|drill"

    @asset(partitions_def=scenarios)
    def scenario() -> None: ...

    @asset(partitions_def=nights, deps=["promoted_baseline", "pinned_capture"])
    @with_object_store
    def soak_run(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
        rows = store.folder(context.partition_key, "soak_run") / "rows"
        rows.parent.mkdir(parents=True)
        rows.write_text((store.folder("drill", "scenario") / "drill.yaml").read_text())
        return MaterializeResult()

    @asset_check(asset=soak_run, partitions_def=nights)
    def has_rows(context: AssetCheckExecutionContext, store: StoreResource) -> AssetCheckResult:
        fetch_checked(context, store)
        return AssetCheckResult(passed=(store.folder(context.partition_key, "soak_run") / "rows").exists())

    (tmp_path / "home").mkdir()
    with new_instance(tmp_path / "home") as instance:
        for keys in (scenarios, soaked_scenarios):
            instance.add_dynamic_partitions(str(keys.name), ["drill"])
        result = materialize(
            [scenario, promoted_baseline, pinned_capture, soak_run, has_rows],
            instance=instance,
            partition_key=key,
            selection=AssetSelection.assets(soak_run),
            resources={"store": there},
        )
    assert result.success
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]
    third = machine(tmp_path / "c", url)
    fetch(third, key, ["soak_run"])
    assert (third.folder(key, "soak_run") / "rows").read_text() == "name: drill"


def test_an_edited_scenario_that_a_night_froze_is_there_on_every_machine(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "configs" / "scenarios" / "observation_baseline.yaml"
    file.parent.mkdir(parents=True)
    shutil.copy(ROOT / "configs" / "scenarios" / file.name, file)
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    here, there = machine(tmp_path / "a", url), machine(tmp_path / "b", url)
    assert current_copy(here, file.stem, "night") == here.folder(file.stem, "scenario") / file.name
    file.write_text(file.read_text().replace("ticks: 20\n", "ticks: 30\n", 1))
    copy = current_copy(here, file.stem, "next")

    @asset(partitions_def=scenarios)
    def scenario() -> None: ...

    @asset(partitions_def=nights, deps=["promoted_baseline", "pinned_capture"])
    @with_object_store
    def soak_drift(context: AssetExecutionContext, store: StoreResource) -> MaterializeResult[None]:
        read = store.folder(file.stem, str(copy.parent.relative_to(here.place() / file.stem))) / file.name
        made = store.folder(context.partition_key, "soak_drift") / "drift.json"
        made.parent.mkdir(parents=True)
        made.write_bytes(read.read_bytes())
        return MaterializeResult()

    (tmp_path / "home").mkdir()
    with new_instance(tmp_path / "home") as instance:
        for keys in (scenarios, soaked_scenarios):
            instance.add_dynamic_partitions(str(keys.name), [file.stem])
        assert materialize(
            [scenario, promoted_baseline, pinned_capture, soak_drift],
            instance=instance,
            partition_key=f"2026-11-20|{file.stem}",
            selection=AssetSelection.assets(soak_drift),
            resources={"store": there},
        ).success
    # A comment does not change the configuration, so the published copy is still read.
    file.write_text(f"# another machine's\n{file.read_text()}")
    again = current_copy(there, file.stem, "theirs")
    assert again.relative_to(there.root) == copy.relative_to(here.root)
    assert again.read_bytes() == copy.read_bytes() != file.read_bytes()
