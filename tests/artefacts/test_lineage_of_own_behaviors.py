"""Lineage of what a behaviour made outside Townlet did: its weights are checked, and its code is compared."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.captures import QUEUE

from townlet.baselines.build import build_baseline
from townlet.capture import capture_rollout
from townlet.cli import main
from townlet.config import load_scenario
from townlet.evaluation import evaluate, write_evaluation
from townlet.lineage import LineageError, trace

CODE = """
import numpy as np
from pathlib import Path
from townlet.behavior import from_actions

FILE = Path(__file__).with_name("weights.npy")

def mine():
    first = int(np.load(FILE)[0])
    return from_actions(lambda observation, mask: np.full(len(mask), first), name="mine", deterministic=True,
                        files=[FILE])
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with code and weights, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(CODE)
    np.save(tmp_path / "weights.npy", np.zeros(1))
    return tmp_path


def made(kind: str, behavior: str) -> Path:
    """An artefact in which a behaviour acts."""
    if kind == "capture":
        return Path(str(capture_rollout(QUEUE, "capture", worlds=2, behavior=behavior).manifest_path))
    if kind == "baseline":
        return Path(str(build_baseline(QUEUE, "baseline", seeds=2, worlds=2, behavior=behavior, captures=False).path))
    write_evaluation(evaluate(None, load_scenario(QUEUE), behavior=behavior, worlds=2), "evaluation.json")
    return Path("evaluation.json")


@pytest.mark.parametrize("kind", ["capture", "baseline", "evaluation"])
def test_weights_are_checked_where_they_are_and_a_note_says_what_is_not(place: Path, kind: str) -> None:
    file = made(kind, "mine.py:mine")
    weights, code = place / "weights.npy", place / "mine.py"
    node = trace(file)
    assert {weights, code} <= node.files.keys() and not any("mine.py" in note for note in node.notes)
    code.write_text(CODE + "# edited\n")
    assert any(note.startswith("mine.py has changed since") for note in trace(file).notes)
    shutil.move(weights, place / "kept.npy")
    assert any(note.startswith(f"{weights} is not on disk here") for note in trace(file).notes)
    (place / "elsewhere").mkdir()
    shutil.copy(place / "kept.npy", place / "elsewhere" / "weights.npy")
    assert place / "elsewhere" / "weights.npy" in trace(file, search=[place / "elsewhere"]).files
    np.save(weights, np.ones(1))
    with pytest.raises(LineageError, match=r"weights\.npy: found SHA-256"):
        trace(file)


def test_the_command_of_a_capture_names_the_factory(place: Path) -> None:
    assert trace(made("capture", "mine.py:mine")).made_by.startswith("townlet capture --behavior mine.py:mine --worlds")


def test_such_a_baseline_is_not_promoted_and_the_message_says_how_to_use_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, words = made("baseline", "mine.py:mine"), ["--reason", "a test", "--by", "me", "--folder", "promoted"]
    assert main(["baselines", "promote", str(file), str(QUEUE), *words]) == 2
    assert "townlet soak --baseline and --behavior" in capsys.readouterr().err
    assert not Path("promoted").exists()


@pytest.mark.parametrize("origin", ["text", {"files": {"weights.npy": "no hash"}}])
def test_a_damaged_origin_is_named(place: Path, origin: Any) -> None:
    import json

    file = made("evaluation", "mine.py:mine")
    content = json.loads(file.read_text())
    content["behavior"]["origin"] = origin
    file.write_text(json.dumps(content))
    assert main(["lineage", str(file)]) == 2
