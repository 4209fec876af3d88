"""Outputs that cannot be written: every command refuses them before any work, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.output_places import a_device, a_file, a_folder, a_loop, a_pipe, a_socket, standing
from support.small_trainings import QUEUE
from support.telemetry_records import record, write_lines

from townlet.cli import main

#: Every option that names a file to write. Most inputs are missing, so the output is refused first.
FILES = {
    "train": ["train", str(QUEUE), "--ppo-log"],
    "playback": ["playback", "nothing.json", "--output"],
    "gif": ["playback", "nothing.json", "--gif"],
    "validate": ["validate", "nothing.jsonl", "--table"],
    "evaluate": ["evaluate", "nothing", "--scenario", str(QUEUE), "--output"],
    "plot": ["plot", "nothing.json", "--output"],
    "freeze": ["freeze", str(QUEUE), "--output"],
    "verify": ["verify", "nothing.json", "--output"],
    "alerts": ["alerts", "nothing.jsonl", "--thresholds", str(QUEUE), "--output"],
    "build": ["baselines", "build", str(QUEUE), "--copy"],
}
FOLDERS = {
    "train": ["train", str(QUEUE), "--output"],
    "capture": ["capture", str(QUEUE), "--output"],
    "soak": ["soak", str(QUEUE), "--output"],
    "drift": ["drift", "nothing", "--output"],
    "build": ["baselines", "build", str(QUEUE), "--output"],
    "tensorboard": ["export", "tensorboard", "nothing.jsonl", "--output"],
    "learning": ["study", "learning", str(QUEUE), "--output"],
}


def refused(words: list[str], output: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The single line with which a command refuses an output; the current folder must not change."""
    before = standing(Path.cwd())
    assert main([*words, output]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert standing(Path.cwd()) == before
    return error


@pytest.mark.parametrize("make", [a_folder, a_socket, a_loop])
@pytest.mark.parametrize("command", FILES)
def test_anything_that_a_file_cannot_replace_is_refused_and_stays(
    command: str,
    make: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "out")
    assert refused(FILES[command], "out", capsys).startswith("error: out: found ")


@pytest.mark.parametrize("given", [".", "..", "folder/", "", "file/below", "n" * 300])
@pytest.mark.parametrize("command", FILES)
def test_a_path_that_names_no_file_is_refused(
    command: str, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    assert "nothing.json" not in refused(FILES[command], given, capsys)


@pytest.mark.parametrize("make", [a_file, a_socket, a_loop, a_pipe, a_device])
@pytest.mark.parametrize("command", FOLDERS)
def test_anything_but_a_folder_is_refused_before_any_work(
    command: str,
    make: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "out")
    assert refused(FOLDERS[command], "out", capsys).startswith("error: out: found ")


@pytest.mark.parametrize("command", ["validate", "plot", "verify", "alerts", "playback", "gif"])
def test_inputs_are_not_overwritten(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    given = next(word for word in FILES[command] if word.startswith("nothing"))
    write_lines(tmp_path / given, [record(1)])
    (tmp_path / "link").symlink_to(given)
    before = (tmp_path / given).read_bytes()
    assert main([*FILES[command], "link"]) == 2
    assert capsys.readouterr().err.startswith("error: link: found a file that is read")
    assert (tmp_path / given).read_bytes() == before


@pytest.mark.parametrize("make", [a_folder, a_socket, a_pipe])
@pytest.mark.parametrize(
    ("command", "name"),
    [("train", "policy.json"), ("capture", "rollout_sample_manifest.json"), ("soak", "cycles.jsonl")],
)
def test_an_obstacle_inside_a_folder_is_refused_before_any_work(
    command: str,
    name: str,
    make: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / name)
    before = standing(tmp_path)
    assert main([*FOLDERS[command], str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / name}: found ")
    assert standing(tmp_path) == before
