"""Declarations of policies made elsewhere: what they may say, and the check that loads the policy and lets it act."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.captures import QUEUE
from support.places import ROOT

from townlet.cli import main
from townlet.errors import InputError
from townlet.lineage import trace
from townlet.policies import policies_folder
from townlet.policies.declared import DeclaredPolicy, load_declared
from townlet.stages.outside_policy import check_policy, version_of

CODE = """
import random
from townlet.behavior import HeuristicBehavior, from_actions, from_logits

def steady():
    return from_logits(lambda observation, mask: mask * 1.0, name="steady")

def unseeded():
    return from_actions(lambda o, mask: [random.randrange(mask.shape[1]) for _ in mask], name="unseeded",
                        deterministic=False)

def failing():
    raise ValueError("no licence")
"""
DECLARED = "behavior: ../../policy.py:steady\nscenario: queue_conflict\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a scenario, a user's code, and a place for declarations."""
    for folder in ("scenarios", "policies"):
        (tmp_path / "configs" / folder).mkdir(parents=True)
    shutil.copy(QUEUE, tmp_path / "configs" / "scenarios")
    (tmp_path / "policy.py").write_text(CODE)
    return tmp_path


def declared(project: Path, content: str, name: str = "mine") -> DeclaredPolicy:
    file = project / "configs" / "policies" / f"{name}.yaml"
    file.write_text(content)
    return load_declared(file, project / "configs" / "scenarios")


def test_paths_start_at_the_declaration_and_a_module_has_none(project: Path) -> None:
    shutil.copytree(policies_folder() / "generalist", project / "generalist")
    (project / "net.onnx").write_bytes(b"not read")
    forms = {
        "../../policy.py:steady": {"behavior": f"{project / 'policy.py'}:steady"},
        "../../net.onnx": {"behavior": str(project / "net.onnx")},
        "package.module:factory": {"behavior": "package.module:factory"},
        "../../generalist": {"policy": str(project / "generalist")},
        "../../generalist/policy.json": {"policy": str(project / "generalist")},
    }
    for words, acting in forms.items():
        assert declared(project, DECLARED.replace("../../policy.py:steady", words)).acting == acting


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"mine\.yaml: found an empty file, expected a mapping with behavior and scenario"),
        ("scenario: queue_conflict", r"behavior: found nothing, expected a value"),
        (DECLARED + "note: x", r"note \(line 3\): found unknown key 'note', expected one of behavior, "),
        (
            DECLARED + "provenance: {version: 2.7}",
            r"provenance.version \(line 3\): found 2.7, expected text, which nee",
        ),
        (DECLARED + "files: {gone.zip: }", r"files.gone.zip \(line 3\): found no such file, expected a file beside"),
        (DECLARED.replace("flict", "flct"), r"scenario \(line 2\): found 'queue_conflct', expected .*'queue_conflict'"),
        (DECLARED.replace(".py:steady", ".py"), r"behavior \(line 1\): found '../../policy.py', expected FILE.onnx, "),
        (DECLARED.replace("../../policy.py:steady", "heuristic"), r"behavior \(line 1\): found no file 'heuristic'"),
        (DECLARED.replace("../../policy.py:steady", "a=b:c,d=e:f"), r"behavior \(line 1\): found no file"),
        (DECLARED.replace("../../policy.py:steady", "x" * 300), r"behavior \(line 1\): found no file"),
    ],
)
def test_a_faulty_declaration_is_refused_with_file_line_and_field(project: Path, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        declared(project, content)


def test_the_version_follows_the_files_and_a_declared_hash_must_be_that_of_the_file(project: Path) -> None:
    policy = declared(project, DECLARED)
    (project / "weights").write_text("1")
    listed = declared(project, DECLARED + "files: {../../weights: }")
    before = listed.version
    assert before != policy.version and listed.hashes().keys() == {"../../weights"}
    (project / "weights").write_text("2")
    assert listed.version != before
    (project / "others").write_text("3")
    both = declared(project, DECLARED + "files: {../../weights: , ../../others: }")
    version, checked = both.version, version_of(check_policy(both, both.scenario_file))
    (project / "weights").write_text("3")
    (project / "others").write_text("2")
    assert both.version != version and version_of(check_policy(both, both.scenario_file)) != checked
    pinned = declared(project, f"{DECLARED}files: {{../../weights: {'0' * 64}}}")
    with pytest.raises(InputError, match=r"files.../../weights: found SHA-256 .*, expected 0{64}, as declared"):
        check_policy(pinned, pinned.scenario_file)


def test_each_edit_of_the_declaration_or_the_policy_is_another_version(project: Path) -> None:
    versions = [declared(project, DECLARED).version, declared(project, DECLARED + "description: new").version]
    (project / "policy.py").write_text(CODE + "# edited")
    versions.append(declared(project, DECLARED).version)
    shutil.copytree(policies_folder() / "generalist", project / "generalist")
    policy = declared(project, DECLARED.replace("../../policy.py:steady", "../../generalist"))
    versions.append(policy.version)
    for name in ("policy.json", "policy.safetensors"):
        (project / "generalist" / name).write_bytes(b"other")
        versions.append(policy.version)
    assert len(set(versions)) == len(versions)
    content: dict[str, Any] = {"identity": "one", "files": {"a": "1", "b": "2"}, "scenario": {"name": "town"}}
    changes: list[dict[str, Any]] = [
        {},
        {"identity": "two"},
        {"files": {"a": "2", "b": "1"}},
        {"scenario": {"name": "other"}},
    ]
    checked = [version_of({**content, **change}) for change in changes]
    assert len(set(checked)) == len(checked) and version_of({**content, "name": "words"}) == checked[0]


def test_a_policy_that_draws_without_a_seed_is_found_out(project: Path) -> None:
    """It can neither be made again nor be told from chance, and a user should hear so before a night of soaking."""
    for factory, repeats in (("steady", True), ("unseeded", False)):
        policy = declared(project, DECLARED.replace("steady", factory))
        checked = check_policy(policy, policy.scenario_file)
        assert checked["episode"]["repeats"] == repeats and checked["behavior"]["name"] == factory
    assert checked["behavior"]["log_probs"] is False


def test_a_townlet_policy_from_elsewhere_is_declared_like_any_other(project: Path) -> None:
    shutil.copytree(policies_folder() / "generalist", project / "generalist")
    policy = declared(project, DECLARED.replace("../../policy.py:steady", "../../generalist"))
    card = json.loads((project / "generalist" / "policy.json").read_text())
    assert check_policy(policy, policy.scenario_file)["identity"] == card["sha256"]


def test_the_command_writes_nothing_for_a_policy_that_cannot_act(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = declared(project, DECLARED.replace("steady", "failing")).file
    output = project / "out" / "outside_policy.json"
    assert main(["check", str(file), "--output", str(output)]) == 2
    assert "ValueError: no licence in policy.py, line 13" in capsys.readouterr().err
    assert not output.exists()
    other = project / "configs" / "scenarios" / "other.yaml"
    other.write_text(QUEUE.read_text().replace("name: queue_conflict", "name: other"))
    assert main(["check", str(file), "--output", str(output), "--scenario", str(other)]) == 2
    assert "--scenario: found other.yaml, expected queue_conflict.yaml, as declared" in capsys.readouterr().err


def test_the_example_is_checked_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("configs", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "PIPELINE.md").read_text().split("## A policy made elsewhere")[1]
    copying, checking = page.split("```console\n")[1].split("```")[0].splitlines()
    subprocess.run(["bash", "-euc", copying], check=True)
    assert main(shlex.split(checking)[1:]) == 0
    content = json.loads((tmp_path / "tmp" / "outside_policy.json").read_text())
    declared, file = content["declared"], tmp_path / "configs" / "policies" / "preferences.yaml"
    assert declared["files"] == content["files"] and content["episode"]["repeats"]
    shown = yaml.safe_load(page.split("    # configs/policies/preferences.yaml\n")[1].split("\n\n")[0])
    assert {key: shown[key] for key in ("behavior", "scenario", "description", "provenance", "nightly")} == {
        key: value for key, value in declared.items() if key != "files"
    }
    assert trace(tmp_path / "tmp" / "outside_policy.json").kind == "outside_policy"
    file.write_text(file.read_text().replace("queue_conflict", "queue_conflct"))
    assert main(shlex.split(checking)[1:]) == 2
