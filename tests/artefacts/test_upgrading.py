"""Artefacts of Townlet 0.1.0: this version reads them, or refuses them with the words that docs/UPGRADING.md quotes.

``of_0_1_0/first`` was made by the first state of 0.1.0 that had all kinds of artefacts, ``last`` by its last one: a
capture, a policy with its log and checkpoint, a baseline, a soak of two cycles and a snapshot, all of ``queue_small``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.places import ROOT, TESTS

from townlet.cli import main
from townlet.errors import InputError
from townlet.soak.evidence import assess_soak
from townlet.world.snapshot import load_snapshot

MADE = TESTS / "artefacts" / "of_0_1_0"
PAGE = (ROOT / "docs" / "UPGRADING.md").read_text()
MANIFEST = "capture/rollout_sample_manifest.json"
TRAIN = f"train queue_small.yaml --mode mixed --replay-manifest {MANIFEST} --epochs 1"
#: Commands that read, by the kind of artefact as the page calls it.
READ = {
    "scenario": ["show queue_small.yaml"],
    "capture": [
        f"verify {MANIFEST} --output replay.json",
        f"playback {MANIFEST} --scenario queue_small.yaml --output playback.html",
        f"train queue_small.yaml --mode replay --replay-manifest {MANIFEST} --cycles 1 --output learned",
    ],
    "policy": [
        "evaluate policy --scenario queue_small.yaml --worlds 2",
        f"inspect policy --manifest {MANIFEST} --tick 3 --agent anna",
        "capture queue_small.yaml --policy policy --ticks 4 --output acted",
    ],
    "telemetry log": ["validate policy/ppo_telemetry.jsonl", "summary policy/ppo_telemetry.jsonl"],
    "baseline": ["baselines show baseline.json", "baselines diff baseline.json baseline.json"],
    "lineage": ["lineage policy/policy.json --search ."],
}
#: Commands that go on with unfinished work, which other code may not.
RESUMED = {
    "training": f"{TRAIN} --cycles 3 --output policy --resume",
    "soak": f"soak queue_small.yaml --cycles 3 --baseline baseline.json --capture {MANIFEST} --output soak --resume",
}
AGAIN = "other code may give other bytes, so start again without --resume"
SNAPSHOT_AGAIN = "they have changed since; make the snapshot again"


@pytest.fixture(params=["first", "last"])
def made(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the artefacts, as the current folder."""
    folder = tmp_path / "made"
    shutil.copytree(MADE / request.param, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("kind", READ)
def test_what_the_page_says_is_read_is_read(kind: str, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"| {kind} |" in PAGE
    for command in READ[kind]:
        assert main(command.split()) == 0, f"{command}\n{capsys.readouterr().err}"


def test_a_finished_soak_is_read_and_judged(made: Path) -> None:
    assert "| soak |" in PAGE
    evidence = assess_soak(made / "soak")
    assert evidence.verdict.details
    assert "queue_small" in evidence.as_json().values()


@pytest.mark.parametrize("kind", RESUMED)
def test_unfinished_work_is_refused_as_the_page_says(kind: str, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.read_bytes() for file in made.rglob("*") if file.is_file()}
    assert main(RESUMED[kind].split()) == 2
    assert AGAIN in capsys.readouterr().err
    assert AGAIN in PAGE
    assert {file: file.read_bytes() for file in before} == before


def test_a_snapshot_is_read_only_by_the_rules_that_made_it() -> None:
    with pytest.raises(InputError, match=SNAPSHOT_AGAIN):
        load_snapshot(MADE / "first" / "town.snapshot")
    assert SNAPSHOT_AGAIN in PAGE
