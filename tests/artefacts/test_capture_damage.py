"""A damaged capture is refused, and the error names the file and the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.captures import QUEUE, capture

from townlet.capture import (
    Manifest,
    parse_manifest,
    read_capture,
    verify_capture,
)
from townlet.capture.manifest import FileEntry
from townlet.cli import main
from townlet.errors import InputError
from townlet.files.storage import sha256


@pytest.fixture
def manifest_path(tmp_path: Path) -> Path:
    return capture(tmp_path / "capture", worlds=2)


@pytest.fixture
def complaint(manifest_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """The error that every reader of the capture reports: both functions, and the command line, which exits with 2."""

    def ask() -> str:
        errors = []
        for reader in (verify_capture, read_capture):
            with pytest.raises(InputError) as caught:
                reader(manifest_path)
            errors.append(str(caught.value))
        output = manifest_path.parents[1] / "training"
        options = ["--mode", "replay", "--replay-manifest", str(manifest_path), "--output", str(output)]
        assert main(["train", str(QUEUE), *options]) == 2
        error = capsys.readouterr().err
        assert "Traceback" not in error
        assert not (output / "policy.json").exists()
        errors.append("\n".join(line.removeprefix("error: ") for line in error.splitlines()))
        assert len(set(errors)) == 1, errors
        return errors[0]

    return ask


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def shard_of(manifest_path: Path) -> Path:
    return manifest_path.parent / parse_manifest(manifest_path).shards[0].file


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_manifest(manifest_path: Path, complaint: Callable[[], str], share: float) -> None:
    content = manifest_path.read_bytes()
    manifest_path.write_bytes(content[: int(share * len(content))])
    error = complaint()
    assert error.startswith(f"{manifest_path}: line ")
    assert error.endswith("expected a capture manifest as strict JSON")


@pytest.mark.parametrize("content", [b"[]", b"null", b"\xff\xfe", b"PK\x03\x04", b'{"format": "something else"}'])
def test_a_file_that_is_not_a_manifest(manifest_path: Path, complaint: Callable[[], str], content: bytes) -> None:
    manifest_path.write_bytes(content)
    assert complaint().startswith(f"{manifest_path}: ")


EDITS: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("unknown key", lambda m: m.update(sead=3), "sead: found unknown key 'sead', expected one of "),
    ("inner key", lambda m: m["shards"][0].update(row=3), "shards.0.row: found unknown key 'row', expected one of "),
    ("missing key", lambda m: m.pop("seed"), "seed: found nothing, expected a value"),
    ("another format", lambda m: m.update(format="zip"), "format: found 'zip', expected 'townlet-capture'"),
    ("another version", lambda m: m.update(version=2), "version: found 2, expected 1"),
    ("negative rows", lambda m: m.update(rows=-1), "rows: found -1, expected greater than or equal to 0"),
    ("rows as text", lambda m: m.update(rows="480"), "rows: found '480', expected a whole number"),
    ("rows as bool", lambda m: m.update(rows=True), "rows: found true, expected a whole number"),
    ("wrong rows", lambda m: m.update(rows=7), "rows: found 7, expected the sum of the shards' rows"),
    ("NaN", lambda m: m["totals"].update(queue_conflict_events=float("nan")), "found nan, expected a finite number"),
    ("infinity", lambda m: m["totals"].update(queue_conflict_events=float("inf")), "found inf, expected a finite"),
    (
        "short hash",
        lambda m: m["events"].update(sha256="abc"),
        "events.sha256: found 'abc', expected text that matches",
    ),
    ("other folder", lambda m: m["events"].update(file="../x.parquet"), "events.file: found '../x.parquet', expected"),
    ("no shards", lambda m: m.update(shards=[]), "shards: found [], expected at least 1 entry"),
    (
        "a shard twice",
        lambda m: m.update(rows=960, shards=m["shards"] * 2),
        "shards.1.first_world: found 0, expected 2",
    ),
    ("more worlds", lambda m: m.update(worlds=10**15), "worlds: found 1000000000000000, expected 2, as many as"),
    (
        "the folder",
        lambda m: m["shards"][0].update(file=".."),
        "shards.0.file: found '..', expected the name of a file",
    ),
    ("a NUL", lambda m: m["events"].update(file="a\0b"), r"events.file: found 'a\x00b', expected the name of a file"),
    ("a line feed", lambda m: m["events"].update(file="a\nb"), r"events.file: found 'a\nb', expected the name of a"),
    ("fewer ticks", lambda m: m.update(ticks=40), "shards.0.rows: found 480, expected at most 240, one per agent-step"),
    (
        "a person twice",
        lambda m: m.update(people=["anna", "anna", "ben"]),
        "people: found a name twice, expected unique names",
    ),
]


@pytest.mark.parametrize(("change", "message"), [case[1:] for case in EDITS], ids=[case[0] for case in EDITS])
def test_an_edited_manifest_names_the_field(
    manifest_path: Path, complaint: Callable[[], str], change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit(manifest_path, change)
    error = complaint()
    assert error.startswith(f"{manifest_path}: ")
    assert message in error


CONTRADICTIONS: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    (
        "shard rows",
        lambda m: (m.update(rows=7), m["shards"][0].update(rows=7)),
        "found 480 rows, expected 7, as shards",
    ),
    ("event rows", lambda m: m["events"].update(rows=1), "1, as events.rows of the manifest says"),
    (
        "shard worlds",
        lambda m: (m.update(worlds=9), m["shards"][0].update(worlds=9)),
        "world: found 2 worlds, expected 9, as shards.0 says",
    ),
    ("more ticks", lambda m: m.update(ticks=10**12), "world, tick: found world 0, tick 79 in row 237, expected the"),
    ("other people", lambda m: m.update(people=["anna", "ben", "carla"]), "agent: found cara, expected the people of"),
    ("fewer actions", lambda m: m["actions"].pop(), "parquet: mask: found another schema, expected the columns"),
    ("fewer features", lambda m: m["observation"].pop(), "parquet: observation: found another schema"),
    ("bytes", lambda m: m["shards"][0].update(bytes=5), "expected 5, as shards.0.bytes of the manifest says"),
    ("hash", lambda m: m["shards"][0].update(sha256="0" * 64), "expected " + "0" * 64 + ", as shards.0.sha256 of"),
    ("metrics hash", lambda m: m["metrics"].update(sha256="0" * 64), "expected " + "0" * 64 + ", as metrics.sha256 of"),
    ("another file", lambda m: m["shards"][0].update(file="steps.parquet"), "steps.parquet: found no such file"),
]


@pytest.mark.parametrize(("change", "message"), [c[1:] for c in CONTRADICTIONS], ids=[c[0] for c in CONTRADICTIONS])
def test_a_manifest_that_contradicts_its_files_names_the_file(
    manifest_path: Path, complaint: Callable[[], str], change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit(manifest_path, change)
    error = complaint()
    assert error.startswith(f"{manifest_path.parent}/")
    assert message in error


@pytest.mark.parametrize("which", ["shard", "events", "metrics"])
@pytest.mark.parametrize("damage", ["missing", "a byte", "truncated", "empty"])
def test_a_damaged_file_is_named(manifest_path: Path, complaint: Callable[[], str], which: str, damage: str) -> None:
    manifest: Manifest = parse_manifest(manifest_path)
    entries: dict[str, FileEntry] = {
        "shard": manifest.shards[0],
        "events": manifest.events,
        "metrics": manifest.metrics,
    }
    file = manifest_path.parent / entries[which].file
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes({"a byte": bytes(content), "truncated": bytes(content[:-9]), "empty": b""}[damage])
    error = complaint()
    found = {
        "missing": "no such file",
        "a byte": "SHA-256 ",
        "truncated": f"{len(content) - 9} bytes",
        "empty": "0 bytes",
    }
    assert error.startswith(f"{file}: found {found[damage]}")


def metrics_of(manifest_path: Path) -> Path:
    return manifest_path.parent / parse_manifest(manifest_path).metrics.file


def vouch_for_metrics(manifest_path: Path, content: str) -> None:
    """Replace the metrics, and put their hash into the manifest."""
    metrics_of(manifest_path).write_text(content)
    data = content.encode()
    edit(manifest_path, lambda m: m["metrics"].update(bytes=len(data), sha256=sha256(data)))


def test_metrics_with_nan_are_refused_even_if_the_hash_fits(manifest_path: Path, complaint: Callable[[], str]) -> None:
    file = metrics_of(manifest_path)
    metrics = json.loads(file.read_text())
    metrics["baseline"]["reward_mean"] = float("nan")
    vouch_for_metrics(manifest_path, json.dumps(metrics))
    assert complaint() == f"{file}: baseline.reward_mean: found nan, expected a finite number"


def test_metrics_without_a_baseline_are_refused(manifest_path: Path, complaint: Callable[[], str]) -> None:
    vouch_for_metrics(manifest_path, "{}")
    assert "baseline: found none, expected the numbers of telemetry's baseline_* fields" in complaint()


def test_a_shard_that_is_no_parquet_is_refused_even_if_the_hash_fits(
    manifest_path: Path, complaint: Callable[[], str]
) -> None:
    file = shard_of(manifest_path)
    file.write_bytes(b"PAR1 but not really PAR1")
    content = file.read_bytes()
    edit(manifest_path, lambda m: m["shards"][0].update(bytes=len(content), sha256=sha256(content)))
    assert complaint().startswith(f"{file}: found ")
