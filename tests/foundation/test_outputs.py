"""What stands at an output's place, and what every command makes of it."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.small_trainings import QUEUE, SMALL, options_of
from support.telemetry_records import fields, record, write_lines

from townlet.cli import main
from townlet.errors import InputError, RunError
from townlet.files.outputs import file_place, remove_unfinished
from townlet.files.storage import exclusive, exclusive_file, write_atomically
from townlet.soak.rows import RowFile
from townlet.telemetry import TelemetryWriter, read_log

#: Every option that names a file, in a command whose other inputs are not there: it is refused for its output only.
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


def a_folder(path: Path) -> None:
    path.mkdir()


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def a_loop(path: Path) -> None:
    path.symlink_to(path.name)


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_file(path: Path) -> None:
    path.write_text("kept")


def a_device(path: Path) -> None:
    """Another null device."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        path.write_bytes(b"")
    except PermissionError:
        pytest.skip("devices cannot be made or used here")


def standing(folder: Path) -> dict[str, tuple[int, int]]:
    return {one.name: (one.lstat().st_ino, one.lstat().st_mode) for one in folder.iterdir()}


@pytest.mark.parametrize("make", [a_folder, a_socket, a_loop])
@pytest.mark.parametrize("command", FILES)
def test_what_no_file_can_replace_is_refused_and_stays(
    command: str,
    make: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "out")
    before = standing(tmp_path)
    assert main([*FILES[command], "out"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: out: found ") and error.count("\n") == 1
    assert standing(tmp_path) == before


@pytest.mark.parametrize("given", [".", "..", "folder/", "", "file/below", "n" * 300])
@pytest.mark.parametrize("command", FILES)
def test_a_path_that_names_no_file_is_refused(
    command: str, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    assert main([*FILES[command], given]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and "nothing.json" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("make", [a_file, a_socket, a_loop, a_pipe, a_device])
@pytest.mark.parametrize("command", FOLDERS)
def test_what_is_no_folder_is_refused_before_any_work(
    command: str,
    make: Callable[[Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "out")
    before = standing(tmp_path)
    assert main([*FOLDERS[command], "out"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: out: found ") and error.count("\n") == 1
    assert standing(tmp_path) == before


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    a_device(tmp_path / "null")
    before = standing(tmp_path)
    write_atomically(tmp_path / "null", b"gone")
    with exclusive_file(tmp_path / "null"), TelemetryWriter(tmp_path / "null") as writer:
        writer.write(fields(1))
        writer.sync()
    assert standing(tmp_path) == before


def test_a_training_logs_to_a_device_and_trains(tmp_path: Path) -> None:
    a_device(tmp_path / "null")
    before = standing(tmp_path)["null"]
    command = ["train", str(QUEUE), "--output", str(tmp_path / "t"), *options_of(**SMALL)]
    assert main([*command, "--ppo-log", str(tmp_path / "null")]) == 0
    assert standing(tmp_path)["null"] == before and set(standing(tmp_path)) == {"null", "t"}
    for refused in (["--resume"], ["--ppo-log-max-entries", "1"]):
        assert main([*command, "--ppo-log", str(tmp_path / "null"), *refused]) == 2


def test_a_pipe_gets_every_line_of_the_log(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with TelemetryWriter(tmp_path / "pipe") as writer:
        for epoch in (1, 2, 3):
            writer.write(fields(epoch))
    reader.join()
    assert read[0].count(b"\n") == 3 and set(standing(tmp_path)) == {"pipe"}


def test_a_log_whose_reader_leaves_does_not_end_well(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with TelemetryWriter(tmp_path / "pipe") as writer:
        writer.write(fields(1))
        os.close(reader)
        with pytest.raises(RunError, match="nobody reads the log any more"):
            writer.write(fields(2))


def test_standard_output_is_shared_with_what_is_printed(tmp_path: Path) -> None:
    code = (
        "from townlet.files.storage import write_atomically\n"
        "print('before', flush=True); write_atomically('/dev/stdout', 'between\\n'); print('after')"
    )
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "before\nbetween\nafter\n" and set(standing(tmp_path)) == {"out"}


def test_a_link_is_followed_and_stays_and_a_missing_file_behind_it_is_made(tmp_path: Path) -> None:
    for name in ("there", "missing"):
        (tmp_path / f"to-{name}").symlink_to(Path("deep") / name)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "there").write_text("old")
    for name in ("there", "missing"):
        write_atomically(tmp_path / f"to-{name}", "new")
        assert (tmp_path / f"to-{name}").is_symlink() and (tmp_path / "deep" / name).read_text() == "new"
    assert set(standing(tmp_path)) == {"to-there", "to-missing", "deep"}
    (tmp_path / "folder").symlink_to("made")
    with exclusive(tmp_path / "folder"):
        assert (tmp_path / "made").is_dir()


def test_two_names_of_a_log_are_one_log_with_one_lock(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    log, name = tmp_path / "deep" / "log.jsonl", tmp_path / "name.jsonl"
    name.symlink_to(log)
    with TelemetryWriter(name, max_entries=1) as writer:
        for epoch in (1, 2):
            writer.write(fields(epoch))
    assert name.is_symlink() and set(standing(log.parent)) == {"log.jsonl", "log.jsonl.1"}
    assert [line.record["epoch"] for line in read_log(name).lines if line.record] == [1, 2]
    with exclusive_file(log), pytest.raises(InputError, match="another process"), exclusive_file(name):
        pass


def test_entries_of_folders_are_flushed_after_what_they_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(descriptor: int) -> None:
        happened.append(f"flush {'folder' if stat.S_ISDIR(os.fstat(descriptor).st_mode) else 'file'}")
        fsync(descriptor)

    def recorded_replace(source: Path, target: Path) -> None:
        happened.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    monkeypatch.setattr(os, "rename", recorded_replace)

    def steps() -> list[str]:
        taken = happened.copy()
        happened.clear()
        return taken

    write_atomically(tmp_path / "new" / "file", "content")
    assert steps() == ["flush folder", "flush file", "rename", "flush folder"]
    with TelemetryWriter(tmp_path / "log", max_entries=1) as writer:
        writer.write(fields(1))
        assert steps() == ["flush folder"]
        writer.write(fields(2))
        assert steps() == ["rename", "flush folder"]
    TelemetryWriter.resume(tmp_path / "log", offset=1).close()
    assert steps() == ["flush folder", "flush file", "rename", "flush folder"]
    RowFile(tmp_path / "rows").append({"cycle": 1})
    assert steps() == ["flush folder"]


def test_only_unfinished_files_of_the_names_go_and_on_writing_only_old_ones(tmp_path: Path) -> None:
    names = [".a.json.0123456789abcdef.part", ".a.json.77.part", ".a.json.b.00.part", ".a.00.part", "a.json"]
    for name in names:
        (tmp_path / name).touch()
    os.utime(tmp_path / names[1], (0, 0))
    write_atomically(tmp_path / "a.json", "new")
    assert set(standing(tmp_path)) == set(names) - {names[1]}
    remove_unfinished(tmp_path, ["a.json"])
    assert set(standing(tmp_path)) == set(names[2:])


def test_a_failed_write_names_the_file_that_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(30, "Read-only file system", "a part")

    for name in ("open", "unlink"):
        monkeypatch.setattr(os, name, fail)
    with pytest.raises(OSError, match="Read-only file system") as failure:
        write_atomically(tmp_path / "page.html", "content")
    assert failure.value.filename == str(tmp_path / "page.html")


def test_those_whom_umask_lets_may_write_every_file(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        write_atomically(tmp_path / "file", "content")
        RowFile(tmp_path / "rows").append({"cycle": 1})
        with TelemetryWriter(tmp_path / "log") as writer:
            writer.write(fields(1))
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o664}


def test_the_longest_name_a_file_can_have_is_written_and_locked(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with exclusive_file(path):
        write_atomically(path, "content")
    assert path.read_text() == "content"


def test_a_table_is_written_through_a_link(tmp_path: Path) -> None:
    log, link = tmp_path / "log.jsonl", tmp_path / "link"
    write_lines(log, [record(1)])
    link.symlink_to("table.parquet")
    assert main(["validate", str(log), "--table", str(link)]) == 0
    assert link.is_symlink() and file_place(link).path.read_bytes().startswith(b"PAR1")


@pytest.mark.parametrize("command", ["validate", "plot", "verify", "alerts", "playback", "gif"])
def test_what_is_read_is_not_written_over(
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
def test_what_stands_in_the_way_inside_a_folder_is_refused_before_any_work(
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
