"""Fine-tuning: a training that begins with a policy's weights, network and observations, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from support.places import QUEUE_CONFLICT
from support.plain_drill import plain_drill
from support.small_trainings import on_file, options_of, run

from townlet.behavior.choose import policy_in_town
from townlet.behavior.policy_file import load_policy
from townlet.cli import main
from townlet.config import Scenario, load_scenario
from townlet.config.training import ImitationConfig
from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME
from townlet.lineage import trace

SMALL = options_of(worlds=4, rollout_ticks=20, epochs=1)


@pytest.fixture
def drill(tmp_path: Path) -> Path:
    return plain_drill(tmp_path / "scenarios")


@pytest.fixture
def scenario(drill: Path) -> Scenario:
    return load_scenario(drill)


def standing_still(scenario: Scenario) -> Scenario:
    """A scenario in whose training no step changes anything that counts."""
    ppo = scenario.training.ppo.model_copy(update={"learning_rate": 1e-12})
    return scenario.model_copy(update={"training": scenario.training.model_copy(update={"ppo": ppo})})


def test_a_training_begins_with_the_policys_weights_network_and_observations(
    tmp_path: Path, scenario: Scenario
) -> None:
    result = run(standing_still(scenario), tmp_path, from_policy="generalist", cycles=1, epochs=1)
    network, card = load_policy(tmp_path)
    begun = policy_in_town("generalist", scenario)
    assert card.network == begun.card.network
    for name, weights in begun.network.state_dict().items():
        torch.testing.assert_close(network.state_dict()[name], weights, rtol=0.0, atol=1e-6)
    assert [feature["name"] for feature in card.observation][-1] == "shower_tie"
    assert card.provenance["observations"] == {"offers": True}
    assert card.provenance["config_sha256"] == standing_still(scenario).digest
    assert card.provenance["parents"] == {"initial_policy_sha256": begun.card.sha256}
    assert result.sha256 == card.sha256


def test_it_learns_from_there_and_acts_in_its_town_without_any_options(tmp_path: Path, scenario: Scenario) -> None:
    result = run(scenario, tmp_path, from_policy="generalist")
    assert result.sha256 != load_policy("generalist")[1].sha256
    assert policy_in_town(tmp_path, scenario).scenario.observations.offers


def test_nothing_is_imitated_first(tmp_path: Path, scenario: Scenario) -> None:
    imitating = scenario.training.model_copy(update={"imitation": ImitationConfig(rollouts=2)})
    seen: list[dict[str, object]] = []
    run(scenario.model_copy(update={"training": imitating}), tmp_path, from_policy="generalist", progress=seen.append)
    assert seen
    assert not any(fields.get("scripted_agent_steps") for fields in seen)


def test_a_resumed_fine_tuning_has_the_bytes_of_an_uninterrupted_one(tmp_path: Path, drill: Path) -> None:
    # A schedule spans the planned cycles, so none may be added to it.
    drill.write_text(drill.read_text().replace("linear", "constant"))
    command = ["train", str(drill), "--from", "generalist", *SMALL]
    assert main([*command, "--cycles", "2", "--output", str(tmp_path / "whole")]) == 0
    for cycles in ("1", "2"):
        assert main([*command, "--cycles", cycles, "--output", str(tmp_path / "parts"), "--resume"]) == 0
    whole, parts = on_file(tmp_path / "whole"), on_file(tmp_path / "parts")
    for name in ("policy.json", "policy.safetensors"):
        assert whole[name][0] == parts[name][0]


def test_a_resumption_from_other_weights_is_refused(
    tmp_path: Path, drill: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(drill), *SMALL, "--cycles", "2", "--output", str(tmp_path), "--resume"]
    assert main([*command, "--from", "generalist"]) == 0
    before = on_file(tmp_path)
    capsys.readouterr()
    assert main(command) == 2
    assert "initial_policy_sha256" in capsys.readouterr().err
    assert on_file(tmp_path) == before


def test_its_lineage_leads_to_the_policy_and_to_both_scenarios(tmp_path: Path, scenario: Scenario, drill: Path) -> None:
    run(scenario, tmp_path, from_policy="generalist", cycles=1)
    # Options replace amounts of the scenario, which the card does not hash.
    nodes = list(trace(tmp_path / CARD_NAME, [drill.parent]).everything())
    assert [node.kind for node in nodes].count("policy") == 2
    card = load_policy("generalist")[1]
    assert any(node.file.parent.name == "generalist" and card.sha256 in node.files.values() for node in nodes)
    assert {node.file.name for node in nodes if not node.made_from} == {
        "queue_conflict.yaml",
        f"{card.provenance['scenario']}.yaml",
    }


def test_a_policy_of_another_town_is_refused_before_anything_is_written(
    tmp_path: Path, scenario: Scenario, capsys: pytest.CaptureFixture[str]
) -> None:
    run(scenario, tmp_path / "tuned", cycles=1, epochs=1)
    kitchen = QUEUE_CONFLICT.with_name("kitchen_breakfast.yaml")
    words = ["--from", str(tmp_path / "tuned"), *SMALL, "--cycles", "1", "--output", str(tmp_path / "out")]
    capsys.readouterr()
    assert main(["train", str(kitchen), *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / 'tuned' / CARD_NAME}: actions: found no request for fridge, stove")
    assert not list((tmp_path / "out").glob("*"))


def test_fine_tuning_on_a_capture_needs_what_the_policy_observes(
    tmp_path: Path, scenario: Scenario, drill: Path
) -> None:
    taken = ["--worlds", "2", "--output", str(tmp_path / "capture")]
    assert main(["capture", str(drill), *taken]) == 0
    manifest = tmp_path / "capture" / "rollout_sample_manifest.json"
    with pytest.raises(InputError, match="observation"):
        run(scenario, tmp_path / "out", from_policy="generalist", mode="mixed", replay_manifest=manifest)
    assert main(["capture", str(drill), *taken, "--policy", "generalist"]) == 0
    run(scenario, tmp_path / "out", from_policy="generalist", mode="mixed", replay_manifest=manifest, cycles=1)
    parents = load_policy(tmp_path / "out")[1].provenance["parents"]
    assert isinstance(parents, dict)
    assert parents["initial_policy_sha256"] == parents["replay_policy_sha256"]


def test_a_training_without_a_policy_writes_what_it_always_did(tmp_path: Path, scenario: Scenario) -> None:
    run(scenario, tmp_path, cycles=1, epochs=1)
    provenance = json.loads((tmp_path / CARD_NAME).read_text())["provenance"]
    assert "observations" not in provenance
    assert provenance["parents"] == {}
    assert load_policy(tmp_path)[1].network == scenario.training.network
