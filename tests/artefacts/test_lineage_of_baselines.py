"""Lineage of baselines: from a promotion, a soak or its report to rollouts, code and promoter, hash by hash."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.tiny_soak import tiny_baseline, tiny_options, tiny_scenario

from townlet.baselines import promote, read_baseline
from townlet.cli import main
from townlet.config import load_scenario
from townlet.soak.report import write_acceptance
from townlet.soak.run import run_soak

HOME = Path("baselines") / "queue_conflict"
SCENARIO = Path("configs") / "scenarios" / "queue_conflict.yaml"
REPORTS = [f"report/acceptance.{suffix}" for suffix in ("json", "html", "md")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two baselines, of which one replaced the other, and a soak with its report."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as here:
        here.chdir(place)
        tiny_scenario(SCENARIO.parent)
        town = load_scenario(SCENARIO)
        for name, first_seed in (("old", 100), ("new", 0)):
            file = tiny_baseline(SCENARIO, Path("runs") / name, captures=True, first_seed=first_seed)
            promote(file, town, reason=f"the {name} one", by="Ada", least_seeds=3)
        soak = run_soak(tiny_options(place, scenario=SCENARIO, baseline=HOME / file.name, cycles=2)).folder
        write_acceptance(soak, output="report")
    return place


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, which is the current folder."""
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def promoted() -> Path:
    """The file of the baseline in force."""
    return HOME / json.loads((HOME / "promoted.json").read_text())["promotions"][-1]["file"]


def traced(file: str | Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["lineage", str(file), "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("file", [*REPORTS, "soak/soak.json", "soak/cycles.jsonl"])
def test_a_report_leads_to_its_soak_its_copy_of_the_baseline_and_the_promotion(
    project: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, baseline = traced(file, capsys), read_baseline(promoted())
    kinds = [artefact["kind"] for artefact in found["artefacts"]]
    assert kinds == [*(["acceptance"] if "report" in file else []), "soak", *kinds[-3:]]
    assert set(kinds[-3:]) == {"scenario", "baseline", "capture"}
    copy = next(artefact for artefact in found["artefacts"] if artefact["kind"] == "baseline")
    assert copy["file"] == str(project / "soak" / baseline.file_name) and copy["sha256"] == baseline.sha256
    assert {str(project / promoted()), str(project / SCENARIO)} <= {*copy["files"], *copy["made_from"]}
    (answers,) = found["baselines"]
    assert (answers["baseline"], answers["reason"]) == (baseline.sha256, "the new one")
    assert (answers["promoted"]["by"], answers["promoted"]["in_force"]) == ("Ada", True)
    assert answers["replaced"] == json.loads((HOME / "promoted.json").read_text())["promotions"][0]["baseline"]
    assert answers["rollouts"]["manifests"] == baseline.manifests and answers["code"]["commit"] == baseline.code.commit
    notes = [note for artefact in found["artefacts"] for note in artefact["notes"]]
    assert any("has no hash on record" in note for note in notes) == ("report" in file)
    assert any("acceptance.json, which has none either, was read" in note for note in notes) == (
        file.endswith(("html", "md"))
    )
    assert any("its history in git vouches for them" in note for note in notes), "who and why are in no hash"


def test_the_list_of_promotions_and_the_baselines_name_their_files_by_one_hash_and_answer_in_words(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old = (file.stem.removeprefix("baseline-") for file in (promoted(), *former()))
    for file in (HOME / "promoted.json", promoted()):
        assert main(["lineage", str(file)]) == 0
        told = capsys.readouterr().out
        assert f"baseline {new}  {promoted()}" in told
        assert "Who promoted it? Ada, on " in told and "It is in force" in told and "Why? the new one" in told
        assert f"What did it replace? {old}; 5 of 5 metrics have another mean" in told
        assert "all 3 rollouts are on disk" in told, "in the folder that its command names"
    assert main(["lineage", str(former()[0])]) == 0
    assert "no longer in force: Ada replaced it by " + new in capsys.readouterr().out


def former() -> list[Path]:
    """The files of the baselines that were replaced."""
    return [file for file in HOME.glob("baseline-*.json") if file != promoted()]


def flipped(file: Path) -> Path:
    """The file, with a digit changed that it keeps readable with."""
    content = bytearray(file.read_bytes())
    place = max(content.rfind(digit) for digit in b"0123456789")
    content[place] = ord("1") if content[place] != ord("1") else ord("2")
    file.write_bytes(content)
    return file


def another_rule() -> Path:
    SCENARIO.write_text(SCENARIO.read_text().replace("    cooldown_ticks: 4\n", "    cooldown_ticks: 5\n"))
    return SCENARIO


def another_parent() -> Path:
    ledger = json.loads((HOME / "promoted.json").read_text())
    ledger["promotions"][1]["parent"] = "0" * 64
    (HOME / "promoted.json").write_text(json.dumps(ledger))
    return HOME / "promoted.json"


def other_differences() -> Path:
    ledger = json.loads((HOME / "promoted.json").read_text())
    ledger["promotions"][1]["differences"]["reward_mean"]["new"] += 0.01
    (HOME / "promoted.json").write_text(json.dumps(ledger))
    return HOME / "promoted.json"


def lost_parent() -> Path:
    (file,) = former()
    file.unlink()
    return file


FAULTS: dict[str, Callable[[], Path]] = {
    "the copy in the soak": lambda: flipped(Path("soak") / promoted().name),
    "the promoted one": lambda: flipped(promoted()),
    "its parent": lambda: flipped(former()[0]),
    "a lost parent": lost_parent,
    "the chain of promotions": another_parent,
    "what it changed": other_differences,
    "the scenario": another_rule,
    "the cycles": lambda: flipped(Path("soak") / "cycles.jsonl"),
    "the soak": lambda: flipped(Path("soak") / "soak.json"),
    "what was replayed": lambda: flipped(next(Path("soak").glob("reference/steps-*"))),
    "a rollout's table": lambda: flipped(next(Path("runs/new").glob("captures/*/steps-*"))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_byte_anywhere_behind_a_report_is_found_and_the_file_is_named(
    project: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = FAULTS[fault]()
    assert main(["lineage", "report/acceptance.html"]) == 1
    assert f"error: {project / wrong}: found " in capsys.readouterr().err


def test_a_comment_in_the_scenario_changes_no_rollout_and_no_lineage(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    SCENARIO.write_text(f"# A comment.\n{SCENARIO.read_text()}")
    assert main(["lineage", str(promoted())]) == 0
    assert "down to configs/scenarios/queue_conflict.yaml" in capsys.readouterr().out


def test_rollouts_that_are_not_on_disk_are_said_to_be_missing_and_an_altered_one_beside_its_baseline_is_a_fault(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built = Path("runs") / "new"
    shutil.rmtree(built / "captures" / "seed-00001")
    assert main(["lineage", str(promoted())]) == 0
    assert "2 of its 3 rollouts are on disk; the hashes of the other manifests were not checked" in (
        capsys.readouterr().out
    )
    manifest = flipped(built / "captures" / "seed-00002" / "rollout_sample_manifest.json")
    assert main(["lineage", str(next(built.glob("baseline-*.json")))]) == 1
    assert f"error: {project / manifest}: found SHA-256 " in capsys.readouterr().err
    shutil.rmtree(built)
    assert main(["lineage", str(promoted())]) == 0
    assert "none of its 3 rollouts is on disk here" in capsys.readouterr().out


def test_a_baseline_elsewhere_finds_its_promotion_in_the_folder_to_search(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "away").mkdir()
    copy = Path(shutil.copy(promoted(), tmp_path / "away"))
    monkeypatch.chdir(tmp_path / "away")
    assert main(["lineage", str(copy), "--search", str(project / "configs")]) == 0
    assert "Nobody: no promoted.json was found that names it." in capsys.readouterr().out
    assert main(["lineage", str(copy), "--search", str(project)]) == 0
    told = capsys.readouterr().out
    assert "Who promoted it? Ada" in told and "all 3 rollouts are on disk" in told
