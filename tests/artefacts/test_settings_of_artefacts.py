"""Artefacts made with ``--set``: they record the settings, and whatever reads their scenario again applies them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.captures import QUEUE
from support.tiny_soak import tiny_baseline, tiny_scenario

from townlet.baselines import read_baseline
from townlet.capture import parse_manifest
from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.settings import with_settings
from townlet.errors import InputError
from townlet.lineage import LineageError, trace
from townlet.soak.manifest import read_manifest
from townlet.soak.options import SoakOptions
from townlet.soak.run import run_soak
from townlet.stages.reproduction import differences_when_repeated

TOWN = ["--set", "rules.queue.cooldown_ticks=9", "--set", "rules.needs.start_jitter=0.3"]
LEARNING = ["--set", "ppo.learning_rate=3e-4", "--set", "network.hidden=[16, 8]", "--set", "epochs=1"]
MANIFEST = "rollout_sample_manifest.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture, a policy trained on it and an evaluation, all in the same town, which settings made."""
    place = tmp_path_factory.mktemp("set")
    scenario = tiny_scenario(place / "town")
    train = ["train", str(scenario), "--mode", "mixed", "--replay-manifest", str(place / "capture" / MANIFEST)]
    evaluate = ["evaluate", str(place / "policy"), "--scenario", str(scenario), "--worlds", "2"]
    for command in (
        ["capture", str(scenario), "--output", str(place / "capture"), "--behavior", "random", "--ticks", "30", *TOWN],
        [*train, "--output", str(place / "policy"), *TOWN, *LEARNING],
        [*evaluate, "--output", str(place / "evaluation" / "evaluation.json"), *TOWN],
    ):
        assert main(command) == 0
    return place


def town_of(made: Path) -> Path:
    return made / "town" / QUEUE.name


def test_a_capture_records_its_settings_and_plays_in_its_own_town_again(made: Path) -> None:
    manifest = parse_manifest(made / "capture" / MANIFEST)
    assert manifest.scenario.settings == {"rules.needs.start_jitter": 0.3, "rules.queue.cooldown_ticks": 9}
    town = with_settings(load_scenario(town_of(made)), manifest.scenario.settings)
    assert manifest.scenario.town_sha256 == town.town_digest != load_scenario(town_of(made)).town_digest
    assert differences_when_repeated(made / "capture" / MANIFEST, town_of(made), ticks=30, worlds=1)[1] == []
    page = made / "page.html"
    shown = ["--scenario", str(town_of(made)), "--output", str(page)]
    assert main(["playback", str(made / "capture" / MANIFEST), *shown]) == 0
    assert page.exists()


def test_the_card_of_a_policy_names_the_settings_and_lineage_applies_and_tells_them(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provenance = json.loads((made / "policy" / "policy.json").read_text())["provenance"]
    assert list(provenance["settings"]) == sorted(provenance["settings"]) and len(provenance["settings"]) == 5
    assert provenance["training"]["network"]["hidden"] == [16, 8]
    town = with_settings(load_scenario(town_of(made)), provenance["settings"])
    assert town.digest == provenance["config_sha256"]
    assert main(["lineage", str(made / "evaluation" / "evaluation.json"), "--search", str(made)]) == 0
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "with rules.needs.start_jitter=0.3, rules.queue.cooldown_ticks=9 set beside the scenario's file" in told
    assert "training.network.hidden=[16, 8]" in told
    policy = trace(made / "policy" / "policy.json", [made])
    assert policy.made_by.endswith("--set 'training.network.hidden=[16, 8]' --set training.ppo.learning_rate=0.0003")


def test_a_file_that_changed_since_ends_the_lineage_under_settings_too(made: Path, tmp_path: Path) -> None:
    content = town_of(made).read_bytes()
    try:
        town_of(made).write_bytes(content.replace(b"fair_use_ticks: 3", b"fair_use_ticks: 4"))
        with pytest.raises(LineageError, match="found a configuration with SHA-256"):
            trace(made / "evaluation" / "evaluation.json", [made])
    finally:
        town_of(made).write_bytes(content)


def test_a_training_in_another_town_than_the_captures_says_which_settings_differ(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = made / "capture" / MANIFEST
    train = ["train", str(town_of(made)), "--mode", "replay", "--replay-manifest", str(manifest), *LEARNING]
    assert main([*train, "--output", str(tmp_path / "policy"), "--set", "rules.queue.cooldown_ticks=8"]) == 2
    assert capsys.readouterr().err.endswith(
        "; by settings, rules.needs.start_jitter is 0.3 there and not set here; "
        "rules.queue.cooldown_ticks is 9 there and 8 here\n"
    )
    assert not (tmp_path / "policy" / "policy.json").exists()


def test_a_resumed_training_says_which_settings_differ_and_goes_on_under_the_same(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["train", str(town_of(made)), "--mode", "mixed", "--replay-manifest", str(made / "capture" / MANIFEST)]
    train += ["--output", str(made / "policy"), "--resume", *TOWN, *LEARNING]
    capsys.readouterr()
    assert main([*train, "--set", "ppo.gamma=0.9"]) == 2
    assert "training.ppo.gamma: found 0.6, expected 0.9, as the options say now" in capsys.readouterr().err
    assert main(train) == 0
    assert "nothing left to do" in capsys.readouterr().out


def test_settings_that_a_policy_decides_or_nothing_depends_on_are_refused(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario, output = str(town_of(made)), ["--output", str(tmp_path / "out")]
    for command, message in (
        (["train", scenario, "--from", "generalist", "--set", "network.hidden=[8]"], "network.hidden: found [8], expe"),
        (["train", scenario, "--from", "generalist", "--set", "observations.offers=true"], "observations.offers: foun"),
        (["capture", scenario, "--policy", "generalist", "--set", "observations.neighbors=2"], "observations.neighb"),
        (["capture", scenario, "--set", "ppo.gamma=0.9"], "ppo.gamma: found a key on which no capture depends, expec"),
        (["train", scenario, "--set", "capture.worlds=2"], "capture.worlds: found a key on which no training depends"),
        (["soak", scenario, "--set", "training.cycles=2"], "training.cycles: found a key on which no soak depends, e"),
        (["baselines", "build", scenario, "--set", "scenario.seed=2"], "scenario.seed: found a key on which no base"),
        (["capture", scenario, "--ticks", "9", "--set", "ticks=8"], "--ticks: found 9 beside --set ticks=8, expected"),
        (["train", scenario, "--cycles", "9", "--set", "cycles=8"], "cycles: found 9 beside --set training.cycles=8,"),
    ):
        assert main([*command, *output]) == 2, command
        assert message in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_a_soak_needs_a_baseline_of_the_same_town_and_records_its_settings(tmp_path: Path) -> None:
    scenario, settings = tiny_scenario(tmp_path / "town"), tuple(TOWN[1::2])
    plain = tiny_baseline(scenario, tmp_path / "plain")
    same = tiny_baseline(scenario, tmp_path / "same", settings=settings)
    record = {"rules.needs.start_jitter": 0.3, "rules.queue.cooldown_ticks": 9}
    assert read_baseline(same).settings == record
    assert read_baseline(same).made_with.endswith(
        "--set rules.needs.start_jitter=0.3 --set rules.queue.cooldown_ticks=9"
    )
    asked = SoakOptions(scenario, tmp_path / "soak", baseline=plain, cycles=1, settings=(*settings, "ppo.gamma=0.9"))
    with pytest.raises(InputError, match=r"rules\.queue\.cooldown_ticks is not set there and 9 here; make a new"):
        run_soak(asked)
    run_soak(SoakOptions(scenario, tmp_path / "soak", baseline=same, cycles=1, settings=asked.settings))
    soak = read_manifest(tmp_path / "soak")
    assert soak["settings"] == {**record, "training.ppo.gamma": 0.9} and soak["training"]["ppo"]["gamma"] == 0.9
    assert parse_manifest(tmp_path / "soak" / "reference" / MANIFEST).scenario.settings == record
    node = trace(tmp_path / "soak" / "soak.json", [tmp_path])
    assert node.made_by.endswith("--set training.ppo.gamma=0.9")
