"""The writer of telemetry logs keeps them whole through kills, resumptions and rotation."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.places import TESTS
from support.telemetry_records import fields, record, write_lines

from townlet.errors import InputError
from townlet.telemetry import TelemetryWriter, read_log, read_records, validate_log
from townlet.telemetry.record import required_fields


def epochs_of(log: Path) -> list[int]:
    return [one["epoch"] for one in read_records(log)]


def test_a_written_log_is_valid_and_numbers_its_lines_from_one(tmp_path: Path) -> None:
    log = tmp_path / "new" / "log.jsonl"
    with TelemetryWriter(log) as writer:
        for epoch in (1, 2, 3):
            assert writer.write(fields(epoch, extra=0.5))
        assert writer.offset == 3
    assert validate_log(log).valid
    assert [one["log_stream_offset"] for one in read_records(log)] == [1, 2, 3]


def test_keys_stand_in_the_order_of_the_declaration_whatever_the_order_given(tmp_path: Path) -> None:
    for name, given_fields in (
        ("a", fields(1, z=1, b=2)),
        ("b", dict(reversed(fields(1, b=2, z=1).items()))),
    ):
        with TelemetryWriter(tmp_path / name) as writer:
            writer.write(given_fields)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    keys = list(json.loads((tmp_path / "a").read_text()))
    assert keys == [*(field.name for field in required_fields(1.1)), "b", "z"]


def test_numbers_of_numpy_are_written_as_plain_numbers_of_the_declared_type(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with TelemetryWriter(log) as writer:
        writer.write(fields(1, updates=np.float64(4), kl_divergence=np.float32(0.25), grad_norm=np.int64(2)))
    written = json.loads(log.read_text())
    assert [repr(written[name]) for name in ("updates", "kl_divergence", "grad_norm")] == ["4", "0.25", "2.0"]


def test_schema_1_0_leaves_out_what_1_1_added(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with TelemetryWriter(log, version=1.0) as writer:
        writer.write(fields(1))
    assert set(json.loads(log.read_text())) == {field.name for field in required_fields(1.0)}
    assert validate_log(log).valid


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"loss_total": math.nan}, "loss_total: found NaN, expected a finite number"),
        ({"grad_norm": math.inf}, "grad_norm: found Infinity"),
        ({"data_mode": "offline"}, "data_mode: found"),
        ({"updates": 1.5}, "updates: found 1.5, expected a whole number"),
        ({"extra": [1]}, "extra: found"),
        ({"extra": np.zeros(1)}, "extra: found"),
        ({"epoch": 1}, "epoch: found 1, expected more than 1"),
        ({"steps": 1}, "steps: found 1, expected at least 256"),
    ],
)
def test_an_invalid_record_is_refused_by_field_and_never_written(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    log = tmp_path / "log.jsonl"
    with TelemetryWriter(log) as writer:
        writer.write(fields(1))
        before = log.read_bytes()
        with pytest.raises(ValueError, match=message):
            writer.write(fields(2, **changed))
        assert log.read_bytes() == before
        writer.write(fields(2))
    assert epochs_of(log) == [1, 2]


def test_a_missing_field_is_refused(tmp_path: Path) -> None:
    incomplete = fields(1)
    del incomplete["lr"]
    with (
        TelemetryWriter(tmp_path / "log.jsonl") as writer,
        pytest.raises(ValueError, match="lr: found no such"),
    ):
        writer.write(incomplete)


def test_an_earlier_log_is_kept_until_the_first_valid_record_and_then_replaced_whole(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(7)])
    older = write_lines(tmp_path / "log.jsonl.1", [record(6)])
    with TelemetryWriter(log) as writer:
        with pytest.raises(ValueError, match="lr"):
            writer.write(fields(1, lr=-1))
        assert epochs_of(log) == [6, 7]
        writer.write(fields(1))
    assert epochs_of(log) == [1]
    assert not older.exists()


def test_thinning_writes_the_first_epoch_and_every_nth_after_it(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with TelemetryWriter(log, frequency=3) as writer:
        assert [epoch for epoch in range(1, 9) if writer.write(fields(epoch))] == [1, 4, 7]
    assert epochs_of(log) == [1, 4, 7]
    assert [one["log_stream_offset"] for one in read_records(log)] == [1, 2, 3]


def test_rotation_keeps_every_line_and_numbers_the_newest_part_one(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with TelemetryWriter(log, max_entries=2) as writer:
        for epoch in range(1, 6):
            writer.write(fields(epoch))
    parts = {path.name: path.read_text().count("\n") for path in tmp_path.iterdir()}
    assert parts == {"log.jsonl.2": 2, "log.jsonl.1": 2, "log.jsonl": 1}
    assert [one["log_stream_offset"] for one in read_records(log)] == [1, 2, 3, 4, 5]


def test_resume_refuses_a_log_that_ends_before_the_checkpoint(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(1)])
    with pytest.raises(InputError, match="a log that ends at line 1, expected line 4"):
        TelemetryWriter.resume(log, offset=4)
    with pytest.raises(InputError, match="no such file"):
        TelemetryWriter.resume(tmp_path / "none.jsonl", offset=1)
    assert epochs_of(log) == [1]


def test_resume_from_the_beginning_starts_a_new_log(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(1), record(2)])
    with TelemetryWriter.resume(log, offset=0) as writer:
        writer.write(fields(1, note="again"))
    assert [one.get("note") for one in read_records(log)] == ["again"]


@pytest.mark.parametrize("version", [1.0, 1.1])
@pytest.mark.parametrize("cut", ["torn", "whole without line feed"])
def test_resume_gives_the_bytes_of_a_run_that_was_never_killed(tmp_path: Path, version: float, cut: str) -> None:
    def train(log: Path, writer: TelemetryWriter, epochs: range) -> dict[str, bytes]:
        with writer:
            for epoch in epochs:
                writer.write(fields(epoch))
        return {path.name.removeprefix(log.name): path.read_bytes() for path in log.parent.glob(f"{log.name}*")}

    unbroken = tmp_path / "unbroken"
    expected = train(unbroken, TelemetryWriter(unbroken, version=version, max_entries=3), range(1, 9))
    for offset in range(1, 8):
        killed = tmp_path / f"killed{offset}"
        train(killed, TelemetryWriter(killed, version=version, max_entries=3), range(1, 8))
        whole = killed.read_bytes()
        killed.write_bytes(whole[:-1] if cut == "whole without line feed" else whole + whole[:50])
        resumed = TelemetryWriter.resume(killed, offset=offset, version=version, max_entries=3)
        assert resumed.offset == offset
        assert train(killed, resumed, range(offset + 1, 9)) == expected


@given(
    runs=st.lists(
        st.tuples(st.integers(0, 7), st.integers(0, 7), st.one_of(st.none(), st.integers(1, 900))),
        min_size=1,
        max_size=6,
    ),
    max_entries=st.one_of(st.none(), st.integers(1, 4)),
    frequency=st.integers(1, 3),
    version=st.sampled_from([1.0, 1.1]),
)
@settings(max_examples=150)
def test_no_line_appears_twice_or_is_lost_however_often_a_training_is_killed_and_resumed(
    runs: list[tuple[int, int, int | None]], max_entries: int | None, frequency: int, version: float
) -> None:
    """For each run: epochs up to its checkpoint, epochs after it, and the bytes of a torn last line."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        epoch = offset = 0
        for safe, lost, cut in runs:
            writer = TelemetryWriter.resume(
                log, offset=offset, version=version, max_entries=max_entries, frequency=frequency
            )
            with writer:
                for number in range(epoch + 1, epoch + safe + 1):
                    writer.write(fields(number))
                epoch, offset = epoch + safe, writer.offset
                for number in range(epoch + 1, epoch + lost + 1):
                    writer.write(fields(number))
            if cut is not None and writer.offset > 0:
                with log.open("ab") as file:
                    file.write(json.dumps(record(99)).encode()[:cut])
        with TelemetryWriter.resume(
            log, offset=offset, version=version, max_entries=max_entries, frequency=frequency
        ) as writer:
            writer.write(fields(epoch + 1))
            expected = [number for number in range(1, epoch + 2) if (number - 1) % frequency == 0]
            assert writer.offset == len(expected)
        if expected:
            records = read_records(log)
            assert [one["epoch"] for one in records] == expected
            if version == 1.1:
                assert [one["log_stream_offset"] for one in records] == list(range(1, len(expected) + 1))
            assert all(
                sum(line.file == str(part) for line in read_log(log).lines) <= (max_entries or 100)
                for part in read_log(log).parts
            )


def test_each_record_is_one_write_of_a_whole_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[bytes] = []
    real = os.write

    def spy(descriptor: int, data: bytes) -> int:
        writes.append(bytes(data))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", spy)
    with TelemetryWriter(tmp_path / "log.jsonl") as writer:
        writer.write(fields(1))
        assert [data.count(b"\n") for data in writes] == [1]
        assert (tmp_path / "log.jsonl").read_bytes() == writes[0]


def test_a_full_disk_leaves_only_whole_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    program = f"""
import resource, signal, sys
sys.path.insert(0, {str(TESTS)!r})
from support.telemetry_records import fields
from townlet.telemetry import TelemetryWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = TelemetryWriter({str(log)!r})
writer.write(fields(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
try:
    writer.write(fields(2))
except OSError as error:
    print("refused:", error.strerror)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("refused:")
    assert log.read_bytes().endswith(b"\n")
    assert epochs_of(log) == [1]


@pytest.mark.parametrize("options", [{"version": 2.0}, {"frequency": 0}, {"max_entries": 0}])
def test_impossible_options_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        TelemetryWriter(tmp_path / "log.jsonl", **options)
