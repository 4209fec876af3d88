"""Validation finds every fault of a telemetry log, and nothing else."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from support.telemetry_records import record, write_lines

from townlet.errors import InputError
from townlet.telemetry import FIELDS, read_records, validate_log
from townlet.telemetry.record import required_fields


def faults_of(tmp_path: Path, *records: dict[str, Any]) -> list[tuple[int, str, str]]:
    result = validate_log(write_lines(tmp_path / "log.jsonl", records))
    return [(fault.line, fault.field, fault.found) for fault in result.faults]


def test_a_log_that_keeps_the_contract_is_valid(tmp_path: Path) -> None:
    result = validate_log(write_lines(tmp_path / "log.jsonl", [record(1), record(2), record(3)]))
    assert result.valid
    assert result.torn is None
    assert [one["epoch"] for one in result.records] == [1, 2, 3]


def test_a_1_0_record_needs_only_the_fields_of_1_0(tmp_path: Path) -> None:
    names = {field.name for field in required_fields(1.0)}
    old = {name: value for name, value in record(1).items() if name in names} | {"telemetry_version": 1.0}
    assert len(old) == 23
    assert faults_of(tmp_path, old) == []
    assert (1, "cycle_id", "no such field") in faults_of(tmp_path, old | {"telemetry_version": 1.1})


@pytest.mark.parametrize("field", [field.name for field in required_fields(1.1)])
def test_every_field_of_the_schema_is_missed_when_absent(tmp_path: Path, field: str) -> None:
    incomplete = record(1)
    del incomplete[field]
    assert faults_of(tmp_path, incomplete) == [(1, field, "no such field")]


@pytest.mark.parametrize("field", [field.name for field in FIELDS if field.kind != "str"])
@pytest.mark.parametrize("value", [math.nan, math.inf, True, "1", None, [1.0]])
def test_every_number_must_be_a_finite_number(tmp_path: Path, field: str, value: Any) -> None:
    assert [fault[:2] for fault in faults_of(tmp_path, record(1, **{field: value}))] == [(1, field)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("telemetry_version", 2.0),
        ("telemetry_version", "1.1"),
        ("epoch", 0),
        ("updates", 3.5),
        ("transitions", -1),
        ("steps", 2**70),
        ("loss_value", -0.1),
        ("clip_fraction", 1.5),
        ("kl_divergence", -0.1),
        ("reward_advantage_corr", -1.2),
        ("queue_conflict_events", -3.0),
        ("cycle_id", -1),
        ("data_mode", "offline"),
        ("data_mode", 1),
        ("replay_method", "magic"),
        ("reward_clipped_share", 1.1),
    ],
)
def test_impossible_values_are_faults(tmp_path: Path, field: str, value: Any) -> None:
    assert [fault[:2] for fault in faults_of(tmp_path, record(1, **{field: value}))] == [(1, field)]


def test_rounding_in_single_precision_is_not_a_fault(tmp_path: Path) -> None:
    assert faults_of(tmp_path, record(1, kl_divergence=-1e-8, reward_advantage_corr=1.0000001)) == []


def test_a_whole_number_may_be_written_with_a_decimal_point(tmp_path: Path) -> None:
    assert faults_of(tmp_path, record(1, updates=4.0)) == []


def test_extra_fields_are_free_if_they_are_finite_numbers_or_strings(tmp_path: Path) -> None:
    assert faults_of(tmp_path, record(1, my_metric=0.5, note="warm start")) == []
    assert faults_of(tmp_path, record(1, my_metric=None)) == [(1, "my_metric", "null")]
    assert faults_of(tmp_path, record(1, note="\ud800")) == [(1, "note", '"\\ud800"')]


def test_an_extra_field_keeps_its_type(tmp_path: Path) -> None:
    assert faults_of(tmp_path, record(1, extra=1.0), record(2, extra="x")) == [(2, "extra", '"x"')]


def test_every_fault_is_named_not_only_the_first(tmp_path: Path) -> None:
    found = faults_of(tmp_path, record(1, kl_divergence=math.nan, lr=-1), record(2), record(3, updates="x"))
    assert [fault[:2] for fault in found] == [(1, "kl_divergence"), (1, "lr"), (3, "updates")]


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ({"epoch": 1}, "epoch"),
        ({"log_stream_offset": 1}, "log_stream_offset"),
        ({"steps": 255}, "steps"),
    ],
)
def test_counters_that_fall_behind_are_faults(tmp_path: Path, second: dict[str, int], field: str) -> None:
    assert [fault[:2] for fault in faults_of(tmp_path, record(1), record(2, **second))] == [(2, field)]


def test_epochs_may_jump_because_a_log_may_be_thinned(tmp_path: Path) -> None:
    assert faults_of(tmp_path, record(1), record(5, log_stream_offset=2)) == []


def test_a_torn_last_line_is_reported_and_is_no_fault(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(1)])
    whole = json.dumps(record(2, note="é"), ensure_ascii=False).encode()
    for size in (1, len(whole) // 2, whole.index("é".encode()) + 1, len(whole) - 1):
        log.write_bytes(json.dumps(record(1)).encode() + b"\n" + whole[:size])
        result = validate_log(log)
        assert result.valid
        assert result.torn is not None
        assert (result.torn.line, result.torn.size, len(result.records)) == (2, size, 1)


def test_a_whole_last_line_without_a_line_feed_counts(tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(1), record(2)])
    log.write_bytes(log.read_bytes().rstrip(b"\n"))
    result = validate_log(log)
    assert (result.valid, result.torn, len(result.records)) == (True, None, 2)


def test_a_broken_line_in_the_middle_is_a_fault_with_its_line(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(f'{json.dumps(record(1))}\n{{"epoch": 2, \n[1]\n{json.dumps(record(4))}\n')
    assert [fault.line for fault in validate_log(log).faults] == [2, 3]


def test_a_repeated_key_is_a_fault(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps(record(1))[:-1] + ', "lr": 0.1}\n')
    assert [(fault.field, fault.found) for fault in validate_log(log).faults] == [("lr", "the field more than once")]


def test_rotated_parts_are_read_as_one_log_and_faults_name_their_part(tmp_path: Path) -> None:
    write_lines(tmp_path / "log.jsonl.10", [record(1)])
    write_lines(tmp_path / "log.jsonl.2", [record(2, lr=-1)])
    write_lines(tmp_path / "log.jsonl.1", [record(3)])
    log = write_lines(tmp_path / "log.jsonl", [record(4), record(3)])
    result = validate_log(log)
    assert [one["epoch"] for one in result.records] == [1, 2, 3, 4, 3]
    places = [(Path(fault.file).name, fault.line, fault.field) for fault in result.faults]
    assert places == [
        ("log.jsonl.2", 1, "lr"),
        ("log.jsonl", 2, "log_stream_offset"),
        ("log.jsonl", 2, "epoch"),
        ("log.jsonl", 2, "steps"),
    ]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"\n\n", "an empty file"),
        (b"epoch: 1\nupdates: 2\n", "no JSON"),
        (b"PAR1\x00\x01\x02\n\x00", "binary data"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        (b'{"epoch": "\xff"}\n', "not UTF-8"),
        (b'{"epoch": 1', "only an unfinished record"),
        (b"[" * 100_000, "no readable JSON"),
    ],
)
def test_a_file_that_is_not_a_log_is_unusable(tmp_path: Path, content: bytes, found: str) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(content)
    with pytest.raises(InputError, match=found):
        validate_log(log)


def test_a_missing_log_and_a_folder_are_unusable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        validate_log(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="a folder"):
        validate_log(tmp_path)


def test_reading_records_refuses_a_log_that_is_not_valid(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1: lr: found -1, expected a finite number of at least 0"):
        read_records(write_lines(tmp_path / "log.jsonl", [record(1, lr=-1)]))


@pytest.mark.parametrize("name", ["loss_total", "own_field"])
def test_a_number_whose_square_overflows_a_double_is_refused(name: str, tmp_path: Path) -> None:
    log = write_lines(tmp_path / "log.jsonl", [record(1), record(2, **{name: 1e200})])
    (fault,) = validate_log(log).faults
    assert (fault.field, fault.expected) == (name, "a number of at most 1e+150 in magnitude")
