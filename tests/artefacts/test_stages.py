"""Stages by commands: the log that a report accepts, the commands that reproduce it, and files that lack a field."""

from __future__ import annotations

import html
import json
import shlex
import shutil
from pathlib import Path

import pytest
from support.places import QUEUE_CONFLICT

from townlet.cli import main
from townlet.errors import InputError
from townlet.files.storage import sha256
from townlet.stages.verified_capture import require_verified

QUEUE = QUEUE_CONFLICT
TRAIN = ["--epochs", "4", "--cycles", "1", "--worlds", "2", "--rollout-ticks", "20", "--seed", "3"]


@pytest.fixture(scope="module")
def thinned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a capture and a training of four epochs, whose log holds the first and the third."""
    place = tmp_path_factory.mktemp("thinned")
    assert main(["capture", str(QUEUE), "--output", str(place / "capture"), "--worlds", "2"]) == 0
    output = ["--output", str(place / "policy"), "--ppo-log-frequency", "2"]
    assert main(["train", str(QUEUE), *TRAIN, *output]) == 0
    return place


def report(place: Path) -> int:
    options = {"scenario": QUEUE, "policy": place / "policy", "output": place / "report"}
    manifest = place / "capture" / "rollout_sample_manifest.json"
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return main(["report", str(place / "policy" / "ppo_telemetry.jsonl"), "--manifest", str(manifest), *words])


def test_a_log_without_the_last_epoch_belongs_to_its_policy_and_the_reports_commands_reproduce_both(
    thinned: Path, tmp_path: Path
) -> None:
    place = shutil.copytree(thinned, tmp_path / "place")
    assert report(place) == 0
    page = (place / "report" / "report.html").read_text()
    commands = html.unescape(page.split('<pre tabindex="0">')[1].split("</pre>")[0]).splitlines()
    kept = ("policy/policy.safetensors", "policy/policy.json", "capture/rollout_sample_manifest.json")
    before = {name: sha256((place / name).read_bytes()) for name in kept}
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0
    assert {name: sha256((place / name).read_bytes()) for name in kept} == before


def test_a_log_that_ends_before_its_training_did_is_refused(
    thinned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = shutil.copytree(thinned, tmp_path / "place")
    log = place / "policy" / "ppo_telemetry.jsonl"
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    assert report(place) == 2
    assert "found a log that ends at epoch 1" in (error := capsys.readouterr().err)
    assert "expected epoch 3, the last one logged of the 4 with which the policy was trained" in error
    assert not (place / "report").exists()


@pytest.mark.parametrize("missing", ["sha256", "provenance", "provenance.epochs", "provenance.mode"])
def test_a_card_that_lacks_a_field_is_refused_by_its_name(
    thinned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], missing: str
) -> None:
    place = shutil.copytree(thinned, tmp_path / "place")
    path = place / "policy" / "policy.json"
    card = json.loads(path.read_text())
    *outer, name = missing.split(".")
    del (card[outer[0]] if outer else card)[name]
    path.write_text(json.dumps(card))
    assert report(place) == 2
    assert capsys.readouterr().err.startswith(f"error: {path}: {missing}: found nothing, expected ")
    assert not (place / "report").exists()


def test_a_verified_capture_that_does_not_say_which_one_is_refused(thinned: Path, tmp_path: Path) -> None:
    manifest, replay = thinned / "capture" / "rollout_sample_manifest.json", tmp_path / "replay.json"
    assert main(["verify", str(manifest), "--output", str(replay)]) == 0
    require_verified(manifest, replay)
    content = json.loads(replay.read_text())
    for damaged in ({**content, "manifest_sha256": 7}, {"ticks": 80}):
        replay.write_text(json.dumps(damaged))
        with pytest.raises(InputError, match=r"replay\.json: manifest_sha256: found (7|nothing), expected a verified"):
            require_verified(manifest, replay)
