"""Files are written whole, flushed with their folders' entries, and through symbolic links."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from support.output_places import standing
from support.telemetry_records import fields, record, write_lines

from townlet.cli import main
from townlet.errors import InputError
from townlet.files.outputs import file_place, remove_unfinished
from townlet.files.storage import exclusive, exclusive_file, write_atomically
from townlet.soak.rows import RowFile
from townlet.telemetry import TelemetryWriter, read_log


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


def test_only_unfinished_files_of_the_given_names_are_removed_and_when_writing_only_old_ones(tmp_path: Path) -> None:
    names = [".a.json.0123456789abcdef.part", ".a.json.77.part", ".a.json.b.00.part", ".a.00.part", "a.json"]
    for name in names:
        (tmp_path / name).touch()
    os.utime(tmp_path / names[1], (0, 0))
    write_atomically(tmp_path / "a.json", "new")
    assert set(standing(tmp_path)) == set(names) - {names[1]}
    remove_unfinished(tmp_path, ["a.json"])
    assert set(standing(tmp_path)) == set(names[2:])


def test_a_failed_write_names_the_target_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(30, "Read-only file system", "a part")

    for name in ("open", "unlink"):
        monkeypatch.setattr(os, name, fail)
    with pytest.raises(OSError, match="Read-only file system") as failure:
        write_atomically(tmp_path / "page.html", "content")
    assert failure.value.filename == str(tmp_path / "page.html")


def test_files_have_the_permissions_that_the_umask_allows(tmp_path: Path) -> None:
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
