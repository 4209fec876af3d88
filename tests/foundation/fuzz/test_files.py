"""Commands that read damaged files exit with 0, 1 or 2 and a message, never with a traceback."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import altered, damaged
from support.captures import QUEUE, capture
from support.places import ROOT
from support.telemetry_records import record, write_lines

from townlet.baselines.baseline import own_sha256
from townlet.cli import main
from townlet.files.storage import sha256

BASELINES = ROOT / "baselines"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of each kind, written by Townlet."""
    from support.saved_policies import save_into

    folder = tmp_path_factory.mktemp("original")
    capture(folder / "capture", worlds=1)
    save_into(folder / "policy")
    shutil.copytree(BASELINES / "queue_conflict", folder / "baselines" / "queue_conflict")
    shutil.copy(next((folder / "baselines" / "queue_conflict").glob("baseline-*.json")), folder / "baseline-one.json")
    write_lines(folder / "log.jsonl", [record(epoch) for epoch in range(1, 4)])
    return folder


def commands(folder: Path) -> dict[str, tuple[Path, list[list[str]]]]:
    """For each kind of file, its path and the commands that read it."""
    manifest, log = folder / "capture" / "rollout_sample_manifest.json", folder / "log.jsonl"
    baseline, ledger = folder / "baseline-one.json", folder / "baselines" / "queue_conflict" / "promoted.json"
    card, out = folder / "policy" / "policy.json", folder / "out"
    verify = ["verify", str(manifest), "--output", str(out / "replay.json")]
    return {
        "manifest": (manifest, [verify, ["lineage", str(manifest)]]),
        "card": (card, [["lineage", str(card)], ["evaluate", str(QUEUE), "--policy", str(card), "--worlds", "1"]]),
        "baseline": (
            baseline,
            [
                ["baselines", "show", str(baseline)],
                ["baselines", "diff", str(baseline), str(BASELINES / "queue_conflict" / "promoted.json")],
                ["validate", str(log), "--baseline", str(baseline)],
                ["lineage", str(baseline)],
            ],
        ),
        "promotions": (
            ledger,
            [
                ["baselines", "document", "--folder", str(folder / "baselines"), "--output", str(out / "a.md")],
                ["lineage", str(ledger)],
            ],
        ),
        "log": (
            log,
            [["validate", str(log)], ["summary", str(log)], ["watch", str(log)], ["watch", str(log), "--json"]],
        ),
    }


KINDS = ("manifest", "card", "baseline", "promotions", "log")


def require_words(asked: Sequence[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in asked:
        code = main(arguments)
        told = capsys.readouterr()
        assert code in (0, 1, 2), arguments
        if code == 2:
            assert "error" in told.err.lower()
        assert all(line.isprintable() for line in told.err.split("\n"))


@pytest.fixture
def anew(original: Path, tmp_path: Path) -> Callable[[], Path]:
    def make() -> Path:
        shutil.rmtree(tmp_path / "tried", ignore_errors=True)
        return Path(shutil.copytree(original, tmp_path / "tried"))

    return make


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_altered_values(kind: str, data: st.DataObject, anew: Callable[[], Path], capsys: Any) -> None:
    file, asked = commands(anew())[kind]
    lines = file.read_text().splitlines(keepends=True) if kind == "log" else [file.read_text()]
    number = data.draw(st.integers(0, len(lines) - 1))
    content = data.draw(altered(json.loads(lines[number])))
    if kind == "baseline" and data.draw(st.booleans()):
        # The hash is made right, so that the checks after it run; NaN has no hash.
        with contextlib.suppress(ValueError):
            content["sha256"] = own_sha256(content)
    lines[number] = json.dumps(content) + "\n"
    file.write_text("".join(lines))
    require_words(asked, capsys)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_damaged_bytes(kind: str, data: st.DataObject, anew: Callable[[], Path], capsys: Any) -> None:
    file, asked = commands(anew())[kind]
    file.write_bytes(data.draw(damaged(file.read_bytes())))
    require_words(asked, capsys)


@pytest.mark.parametrize("table", ["shards", "events", "metrics"])
@given(data=st.data())
def test_damaged_tables_with_the_right_hash(table: str, data: st.DataObject, anew: Any, capsys: Any) -> None:
    manifest, asked = commands(anew())["manifest"]
    content = json.loads(manifest.read_text())
    entry = content["shards"][0] if table == "shards" else content[table]
    file = manifest.parent / entry["file"]
    damage = data.draw(damaged(file.read_bytes()))
    file.write_bytes(damage)
    entry |= {"bytes": len(damage), "sha256": sha256(damage)}
    manifest.write_text(json.dumps(content))
    require_words(asked, capsys)


@given(data=st.data())
def test_damaged_weights_with_the_right_hash(data: st.DataObject, anew: Any, capsys: Any) -> None:
    card, asked = commands(anew())["card"]
    file = card.with_name("policy.safetensors")
    damage = data.draw(damaged(file.read_bytes()))
    file.write_bytes(damage)
    card.write_text(json.dumps(json.loads(card.read_text()) | {"size": len(damage), "sha256": sha256(damage)}))
    require_words(asked, capsys)
