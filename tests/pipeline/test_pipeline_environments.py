"""The two environments with real services: SQLite and a folder; Postgres and an object store."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dagster import AssetKey, AssetSelection, DagsterInstance
from support.pipeline_runs import SCENARIO, Column, failed_checks, materialized, reasons, run_column, versions
from support.places import ROOT
from support.services import free_port, object_store, postgres
from upath import UPath

from townlet.errors import InputError
from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.instance.environment import Environment, environment, require_reachable
from townlet_pipeline.instance.home import ensure_home

URL = "postgresql+psycopg2://townlet:secret@127.0.0.1:5432/townlet"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    # They are set here so that whatever a test changes is restored afterwards.
    for name in ("DAGSTER_HOME", "TOWNLET_ENV", "TOWNLET_POSTGRES_URL", "TOWNLET_OBJECT_STORE"):
        monkeypatch.setenv(name, "")


def test_one_variable_chooses_the_environment_and_local_needs_no_other() -> None:
    assert environment({}) == environment({"TOWNLET_ENV": "local"}) == Environment("local")
    shared = {"TOWNLET_ENV": "shared", "TOWNLET_POSTGRES_URL": URL, "TOWNLET_OBJECT_STORE": "s3://bucket/store/"}
    assert environment(shared) == Environment("shared", URL, "s3://bucket/store")


@pytest.mark.parametrize(
    ("variables", "messages"),
    [
        (
            {"TOWNLET_ENV": "share"},
            ["TOWNLET_ENV: found 'share', expected one of local, shared; did you mean 'shared'"],
        ),
        (
            {"TOWNLET_ENV": "shared"},
            ["TOWNLET_POSTGRES_URL: found nothing", "TOWNLET_OBJECT_STORE: found nothing, expected s3://bucket/prefix"],
        ),
        (
            {
                "TOWNLET_ENV": "shared",
                "TOWNLET_POSTGRES_URL": "postgresql://u:secret@h/d",
                "TOWNLET_OBJECT_STORE": "s3://",
            },
            ["TOWNLET_POSTGRES_URL: found another kind", "TOWNLET_OBJECT_STORE: found another kind"],
        ),
    ],
)
def test_missing_variables_are_named_and_no_password_is_shown(variables: dict[str, str], messages: list[str]) -> None:
    with pytest.raises(InputError) as raised:
        environment(variables)
    assert len(raised.value.faults) == len(messages)
    assert all(message in str(raised.value) for message in messages)
    assert "secret" not in str(raised.value)


def test_settings_follow_the_environment_until_the_user_takes_them_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = ensure_home(tmp_path) / "dagster.yaml"
    assert "storage" not in yaml.safe_load(file.read_text())
    file.write_text(file.read_text().replace("telemetry:", "# of an older version\ntelemetry:"))
    for name, value in {"ENV": "shared", "POSTGRES_URL": URL, "OBJECT_STORE": "s3://bucket"}.items():
        monkeypatch.setenv(f"TOWNLET_{name}", value)
    ensure_home(tmp_path)
    content = yaml.safe_load(file.read_text())
    assert content["storage"] == {"postgres": {"postgres_url": {"env": "TOWNLET_POSTGRES_URL"}}}
    assert content["freshness"] == {"enabled": True}
    assert "older version" not in file.read_text()
    own = file.read_text().split("\n", 1)[1]
    file.write_text(own)
    ensure_home(tmp_path)
    assert file.read_text() == own


def test_each_environment_has_an_instance_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    monkeypatch.setenv("TOWNLET_PROJECT", str(tmp_path))
    assert ensure_home() == tmp_path / ".dagster"
    monkeypatch.setenv("DAGSTER_HOME", "")
    for name, value in {"ENV": "shared", "POSTGRES_URL": URL, "OBJECT_STORE": "s3://bucket"}.items():
        monkeypatch.setenv(f"TOWNLET_{name}", value)
    assert ensure_home() == tmp_path / ".dagster-shared"


def test_a_server_that_does_not_answer_is_named_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with pytest.raises(InputError, match=r"TOWNLET_POSTGRES_URL: found .*refused"):
        require_reachable(Environment("shared", f"postgresql+psycopg2://u:secret@{nobody}/d", "s3://bucket"))
    require_reachable(Environment("local"))


@pytest.mark.parametrize(
    "password", ["WORD:more", "WO/RD", "a@WORD", "WORD@b:c", "WORD%3Amore", "[WORD", "WORD?x=1", "#WORD"]
)
def test_no_part_of_a_password_is_shown_whatever_is_in_it(password: str) -> None:
    address = f"postgresql+psycopg2://user:{password}@127.0.0.1:{free_port()}/database"
    with pytest.raises(InputError, match="TOWNLET_POSTGRES_URL: found ") as raised:
        require_reachable(Environment("shared", address, "s3://bucket"))
    assert not [part for part in ("WORD", "WO/", "RD@", "more") if part in str(raised.value)], str(raised.value)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    with postgres() as url, object_store() as variables:
        yield {"TOWNLET_ENV": "shared", "TOWNLET_POSTGRES_URL": url, **variables}


@pytest.fixture
def shared(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch, unset: None) -> str:
    """Set the shared environment's variables, and return the object store's URL."""
    for name, value in servers.items():
        monkeypatch.setenv(name, value)
    return servers["TOWNLET_OBJECT_STORE"]


def test_a_missing_bucket_is_named_before_anything_starts(shared: str) -> None:
    chosen = environment()
    require_reachable(chosen)
    with pytest.raises(InputError, match=r"s3://nowhere/store: TOWNLET_OBJECT_STORE: found .*, expected a bucket"):
        require_reachable(Environment("shared", chosen.postgres, "s3://nowhere/store"))


def test_two_machines_make_one_column_over_postgres_and_an_object_store(
    column: Column, shared: str, tmp_path: Path
) -> None:
    stores = [StoreResource(root=str(tmp_path / name)) for name in ("one", "two")]
    first = AssetSelection.assets("scenario", "rollout_capture", "replay_manifest")
    before, after = first | AssetSelection.checks_for_assets("rollout_capture"), AssetSelection.all() - first
    with DagsterInstance.from_config(str(ensure_home(tmp_path / "home"))) as instance:
        assert "Postgres" in type(instance.run_storage).__name__
        made = run_column(instance, stores[0], selection=before)
        rest = run_column(instance, stores[1], selection=after)
        assert (reasons(made), reasons(rest), failed_checks(rest)) == ({}, {}, {})
        assert instance.get_materialized_partitions(AssetKey("summary_report")) == {SCENARIO}
    assert (tmp_path / "two" / SCENARIO / "rollout_capture" / "rollout_sample_manifest.json").is_file()
    for name, result in {**materialized(made), **materialized(rest)}.items():
        published = UPath(str(result.metadata["published"].value))
        assert sorted(path.name for path in published.iterdir()), name
    alone = column.result
    assert {**versions(made), **versions(rest)} == versions(alone), (
        "the place of artefacts does not change their versions"
    )
    assert not any("published" in result.metadata for result in materialized(alone).values())


def _local(folder: Path) -> DagsterInstance:
    return DagsterInstance.local_temp(str(folder), overrides={"telemetry": {"enabled": False}})


def test_what_another_machine_damaged_stops_a_run_before_it_computes(shared: str, tmp_path: Path) -> None:
    place = f"{shared}/damage"
    with _local(tmp_path) as instance:
        first = AssetSelection.assets("scenario", "rollout_capture")
        made = run_column(instance, StoreResource(root=str(tmp_path / "one"), object_store=place), selection=first)
        other = StoreResource(root=str(tmp_path / "two"), object_store=place)
        published = UPath(str(materialized(made)["rollout_capture"].metadata["published"].value))
        (published / "rollout_sample_metrics.json").write_text("{}")
        refused = run_column(instance, other, selection=AssetSelection.assets("replay_manifest"))
    assert "rollout_sample_metrics.json: found 2 bytes" in reasons(refused)["replay_manifest"]
    assert materialized(refused) == {}


def test_the_command_works_in_the_shared_environment(shared: str, tmp_path: Path) -> None:
    arguments = [SCENARIO, "--cycles", "1", "--epochs", "1", "--store", str(tmp_path / "store")]
    done = subprocess.run(
        [sys.executable, "-m", "townlet_pipeline.run", *arguments, "--home", str(tmp_path / "home")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TOWNLET_OBJECT_STORE": f"{shared}/command"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (UPath(f"{shared}/command") / SCENARIO / "summary_report" / "current.json").exists()
    assert not list((tmp_path / "home").rglob("*.db")), "nothing is kept in SQLite"
