"""Opening the project's Dagster instance: many processes at once, after a kill, and in unusable folders."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.pipeline_commands import make_run
from support.places import ROOT
from support.services import wait_until

from townlet.errors import InputError
from townlet_pipeline.instance.home import ensure_home
from townlet_pipeline.instance.opening import open_instance

RUN = [sys.executable, "-m", "townlet_pipeline.run"]


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore DAGSTER_HOME after each test, because opening an instance sets it."""
    monkeypatch.setenv("DAGSTER_HOME", "")


def refused(home: Path, *, match: str) -> str:
    with pytest.raises(InputError, match=match) as raised, open_instance(home):
        pass
    return str(raised.value)


def test_many_first_starts_at_once_all_succeed(tmp_path: Path) -> None:
    command = [*RUN, "nope", "--home", str(tmp_path / "home")]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)
    ]
    for process in started:
        _, errors = process.communicate()
        assert process.returncode == 2, errors
        assert errors.startswith("error: run: SCENARIO: found 'nope', expected one of "), errors
        assert errors.count("\n") == 1, errors
    with open_instance(tmp_path / "home") as instance:
        assert len(instance.get_dynamic_partitions("scenarios")) > 5


def test_a_first_start_that_is_killed_does_not_block_the_next(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with subprocess.Popen([*RUN, "nope", "--home", str(home)], cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: any(home.glob(".new-*/history/*")), "the first database", every=0.001)
        process.send_signal(signal.SIGKILL)
    assert not (home / "history").exists(), "the process was killed while it made the databases"
    with open_instance(home) as instance:
        assert instance.get_runs() == []


@pytest.mark.parametrize("content", [b"", b"no database"])
@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db", "schedules/schedules.db"])
def test_a_damaged_home_is_an_error_that_says_what_to_do(tmp_path: Path, name: str, content: bytes) -> None:
    with open_instance(tmp_path):
        pass
    for file in (tmp_path / name).parent.glob("*.db-*"):
        file.unlink()
    (tmp_path / name).write_bytes(content)
    if content == b"" and name != "history/runs/index.db":
        with open_instance(tmp_path):
            """Dagster fills these databases again if they are empty."""
        return
    message = refused(tmp_path, match="a Dagster instance that can be opened: to begin a new one, move the folder away")
    assert message.startswith(f"{tmp_path}: found ")
    assert "\n" not in message


def test_a_home_with_two_versions_of_one_database_is_named(tmp_path: Path) -> None:
    with open_instance(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "history" / "runs.db") as database:
        database.execute("INSERT INTO alembic_version VALUES ('5771160a95ad')")
    done = make_run("nope", "--home", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path}: found Version table 'alembic_version' has more than one head")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a%2Fb"])
def test_a_path_that_changes_in_a_url_is_refused(tmp_path: Path, name: str) -> None:
    message = refused(tmp_path / name, match="expected a path without [?] and %")
    assert "DAGSTER_HOME or --home names another" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == [name], "nothing beside it"


@pytest.mark.parametrize("name", ["a b", "a#b", "a:b", "a@b:c", "Grüße 日本", "a%b", "a&b=c", "-a"])
def test_any_other_path_is_a_home(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_instance(Path(name)) as instance:
        assert instance.root_directory == str(tmp_path / name)
        assert instance.get_runs() == []
    assert (tmp_path / name / "history" / "runs.db").is_file()


def test_a_home_that_is_no_folder_or_cannot_be_created_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    refused(file, match="file: found a file, expected a folder for Dagster's instance")
    refused(file / "below", match="found not a directory")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    refused(tmp_path / "circle", match="circle: found ")
    refused(Path("a\0b"), match="found .*embedded null")
    refused(Path("~nobody-of-that-name/home"), match="found could not determine home directory")
    (tmp_path / "dagster.yaml").mkdir()
    refused(tmp_path, match="dagster.yaml: found is a directory")
    assert file.read_text() == "mine"
    monkeypatch.setenv("DAGSTER_HOME", str(file))
    with pytest.raises(InputError, match="DAGSTER_HOME or --home names another"):
        ensure_home()


def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    code = "import os, sys; from pathlib import Path; from townlet_pipeline.instance.home import ensure_home\n"
    if os.geteuid() == 0:
        # Permissions do not apply to root.
        for folder in (tmp_path, *tmp_path.parents):
            folder.chmod(folder.stat().st_mode | 0o011)
        code += "os.setuid(65534)\n"
    code += (
        "from townlet.errors import InputError\ntry: ensure_home(Path(sys.argv[1]))\nexcept InputError as e: print(e)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == (
        f"{home}/dagster.yaml: found {home}, which may not be written to, "
        "expected a file that can be read and written; "
        "DAGSTER_HOME or --home names another\n"
    ), done.stderr


def test_a_pipe_that_is_closed_early_is_no_error(tmp_path: Path) -> None:
    for module in ("instance", "runs.dead_runs", "run --help", "instance.pages --help"):
        words = f"{sys.executable} -m townlet_pipeline.{module}"
        done = subprocess.run(
            ["bash", "-c", f"{words} > >(exec true)"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        )
        assert (done.returncode, done.stderr) == (0, ""), module
