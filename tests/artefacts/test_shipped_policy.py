"""The policy that comes with Townlet: found by its name, within its size, and at work in every scenario."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from support.places import ROOT
from support.plain_drill import plain_drill

from townlet.behavior.policy_file import card_file, load_policy
from townlet.capture import parse_manifest
from townlet.cli import main
from townlet.config.drawn import drawn_scenario, drawn_yaml
from townlet.config.find import builtin_scenarios, scenario_of
from townlet.errors import InputError
from townlet.evaluation import evaluate, read_evaluation
from townlet.files.artefact_names import CARD_NAME, MANIFEST_NAME, WEIGHTS_NAME
from townlet.policies import find_policy, policies_folder, shipped_policies, shipped_policy, shipped_with
from townlet.stages.reproduction import differences_when_repeated
from townlet.study.unseen.ship import LARGEST, SHIPPED

SCENARIOS = ROOT / "configs" / "scenarios"
#: What the policy was trained to see, and the scenarios in the files do not show.
BROUGHT = "generalist in {}: people observe what it was trained with (offers true), and the rules stay as they are"


def captured(scenario: Path, folder: Path, *options: str) -> Path:
    arguments = ["--policy", "generalist", "--worlds", "1", "--ticks", "12", "--output", str(folder), *options]
    assert main(["capture", str(scenario), *arguments]) == 0
    return folder / MANIFEST_NAME


def test_the_study_ships_it_where_it_is_found() -> None:
    assert shipped_policies() == ["generalist"]
    assert find_policy("generalist") == SHIPPED == policies_folder() / "generalist"
    assert card_file("generalist") == SHIPPED / CARD_NAME


def test_it_is_whole_and_small_enough_to_ship() -> None:
    network, card = load_policy("generalist")
    assert (network.features, network.actions) == (len(card.observation), len(card.actions))
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < LARGEST
    assert shipped_with(card.sha256) == "generalist"
    assert shipped_with(None) is None and shipped_with("0" * 64) is None


def test_its_lineage_leads_to_the_town_that_it_was_trained_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lineage", "generalist"]) == 0
    name = load_policy("generalist")[1].provenance["scenario"]
    printed = capsys.readouterr().out
    assert f"down to townlet/policies/generalist/{name}.yaml" in printed.replace(f"{ROOT}/", "")
    assert "written by hand" not in printed


def test_a_path_that_exists_comes_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_policy("generalist") == find_policy(Path("generalist")) == SHIPPED
    shutil.copytree(SHIPPED, tmp_path / "generalist")
    assert find_policy("generalist") == Path("generalist")
    assert shipped_policy("generalist") is None
    assert card_file("generalist") == Path("generalist") / CARD_NAME


def test_a_path_is_never_taken_for_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("runs/generalist", "generalist/policy.json", "policy.json", str(tmp_path / "generalist")):
        assert find_policy(path) == Path(path)


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "generalst", "--scenario", "SCENARIO"],
        ["capture", "SCENARIO", "--policy", "generalst", "--output", "out"],
        ["train", "SCENARIO", "--from", "generalst", "--output", "out"],
        ["soak", "SCENARIO", "--policy", "generalst", "--cycles", "1", "--output", "out"],
        ["baselines", "build", "SCENARIO", "--policy", "generalst", "--seeds", "1", "--output", "out"],
    ],
    ids=lambda command: command[0],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Soaks find promoted baselines in the project's folder.
    monkeypatch.chdir(ROOT)
    places = {"SCENARIO": str(SCENARIOS / "queue_conflict.yaml"), "out": str(tmp_path / "out")}
    assert main([places.get(word, word) for word in command]) == 2
    assert capsys.readouterr().err == (
        "error: policy: found 'generalst', expected the folder or policy.json of a policy, or one of generalist; did "
        "you mean 'generalist'?\n"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", builtin_scenarios())
def test_it_is_captured_played_back_and_inspected_in_every_scenario(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = captured(SCENARIOS / f"{name}.yaml", tmp_path)
    recorded, scenario = parse_manifest(manifest), scenario_of(name)
    assert (BROUGHT.format(name) in capsys.readouterr().out) == (not scenario.observations.offers)
    assert recorded.behavior.policy_sha256 == load_policy("generalist")[1].sha256
    assert (recorded.scenario.town_sha256 == scenario.town_digest) == scenario.observations.offers
    assert "expected" in [feature["name"] for feature in recorded.observation]
    page = tmp_path / "page.html"
    assert main(["playback", str(manifest), "--policy", "generalist", "--output", str(page)]) == 0
    assert page.stat().st_size > 10_000
    words = ["--manifest", str(manifest), "--tick", "7", "--agent", recorded.people[0], "--json"]
    capsys.readouterr()
    assert main(["inspect", "generalist", *words]) == 0
    inspection = json.loads(capsys.readouterr().out)
    assert inspection["acted"] and inspection["probabilities"].keys() <= set(recorded.actions)
    assert differences_when_repeated(manifest, SCENARIOS / f"{name}.yaml", ticks=12, worlds=1)[1] == []


def test_it_acts_in_a_drawn_town_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / f"{drawn_scenario(12345).name}.yaml"
    file.write_text(drawn_yaml(12345))
    manifest = captured(file, tmp_path / "capture")
    assert "generalist in" not in capsys.readouterr().out
    assert parse_manifest(manifest).scenario.town_sha256 == drawn_scenario(12345).town_digest


def test_it_is_evaluated_in_a_town_with_one_type_of_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drill, output = plain_drill(tmp_path / "scenarios"), tmp_path / "evaluation.json"
    assert main(["evaluate", "generalist", "--scenario", str(drill), "--worlds", "2", "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert BROUGHT.format("queue_conflict") in said
    assert "the town has no bed, stove, fridge, counter, desk, shelf, whose features are 0 to it" in said
    result = read_evaluation(output)
    assert result["scenario"]["config_sha256"] == scenario_of(drill).digest
    assert result["observations"]["offers"] is True
    assert result["policy_sha256"] == load_policy("generalist")[1].sha256
    assert main(["lineage", str(output), "--search", str(drill.parent)]) == 0


def test_other_behaviors_are_evaluated_as_if_no_policy_brought_anything(tmp_path: Path) -> None:
    scenario = scenario_of(plain_drill(tmp_path))
    shown = scenario.model_copy(update={"observations": scenario.observations.model_copy(update={"offers": True})})
    one, other = (evaluate("generalist", town, worlds=2) for town in (scenario, shown))
    # As text, because NaN is not equal to itself.
    assert json.dumps(one["values"]) == json.dumps(other["values"])
    assert "observations" in one and "observations" not in other


def test_a_town_with_a_type_that_it_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    text = re.sub(r"\bshower\b", "bathtub", (SCENARIOS / "queue_conflict.yaml").read_text(encoding="utf-8"))
    file = tmp_path / "queue_conflict.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="actions: found no request for bathtub, expected every type of object"):
        evaluate("generalist", scenario_of(file), worlds=2)


def test_a_soak_begins_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    folder, drill, baseline = tmp_path / "soak", plain_drill(tmp_path), tmp_path / "baseline.json"
    measured = ["--seeds", "2", "--worlds", "2", "--no-captures", "--output", str(tmp_path), "--copy", str(baseline)]
    assert main(["baselines", "build", str(drill), *measured]) == 0
    words = ["--policy", "generalist", "--cycles", "1", "--frozen", "--baseline", str(baseline)]
    assert main(["soak", str(drill), *words, "--output", str(folder)]) == 0
    assert BROUGHT.format("queue_conflict") in capsys.readouterr().out
    manifest = json.loads((folder / "soak.json").read_text())
    assert manifest["policy"] == load_policy("generalist")[1].sha256
    # People in the pinned capture did not observe what the policy does.
    assert manifest["capture"]["file"] == f"reference/{MANIFEST_NAME}"
    replayed = parse_manifest(folder / "reference" / MANIFEST_NAME)
    assert replayed.scenario.town_sha256 != scenario_of(drill).town_digest


def test_a_baseline_of_it_states_the_scenario_as_it_is(tmp_path: Path) -> None:
    from townlet.baselines import read_baseline
    from townlet.baselines.baseline import scenario_sha256

    words = ["--policy", "generalist", "--seeds", "1", "--worlds", "2", "--output", str(tmp_path / "out")]
    copy, drill = tmp_path / "baseline.json", plain_drill(tmp_path)
    assert main(["baselines", "build", str(drill), *words, "--copy", str(copy)]) == 0
    baseline = read_baseline(copy)
    assert baseline.scenario_sha256 == scenario_sha256(scenario_of(drill))
    assert baseline.policy_sha256 == load_policy("generalist")[1].sha256
    assert "--policy generalist" in baseline.made_with
    assert main(["lineage", str(copy), "--search", str(tmp_path / "out")]) == 0


def test_weights_without_their_card_are_no_shipped_policy(tmp_path: Path) -> None:
    (tmp_path / WEIGHTS_NAME).write_bytes((SHIPPED / WEIGHTS_NAME).read_bytes())
    with pytest.raises(InputError, match=r"policy\.json: found no such file"):
        load_policy(tmp_path)
