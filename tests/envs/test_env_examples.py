"""Examples of other libraries: they train, do with the town what their checks state, and their policies come back."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from support.places import ROOT

from townlet.capture import read_capture

EXAMPLES = ROOT / "examples"
#: Properties that a check's numbers can show.
PROPERTIES = ("trains", "masks", "truncation", "leaving")


@pytest.fixture(autouse=True)
def examples_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Examples import their neighbours; they run in an empty folder, and torch gets its threads back afterwards."""
    threads = torch.get_num_threads()
    monkeypatch.syspath_prepend(str(EXAMPLES / "checks"))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    yield
    torch.set_num_threads(threads)


def example(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize(
    ("name", "steps"),
    [("train_sb3", 1000), ("train_maskable", 1000), ("train_skrl", 130), ("train_torchrl", 256)],
)
def test_an_example_trains_and_reports_its_rewards(
    name: str, steps: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--scenario", "queue_conflict", "--steps", str(steps)])
    example(name).main()
    printed = capsys.readouterr().out
    report = re.search(r"(\d+) (?:agent-steps|ticks); reward per agent-step (-?[\d.]+) at first, (-?[\d.]+)", printed)
    assert report and int(report[1]) >= steps
    assert not list(tmp_path.iterdir())


def test_ppo_in_one_file_learns_in_seconds_and_saves_its_weights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ["--scenario", "queue_conflict", "--steps", "100000", "--minibatch", "1024", "--output", "policy.pt"]
    monkeypatch.setattr(sys, "argv", ["ppo_one_file", *options])
    example("ppo_one_file").main()
    report = re.search(r"reward per agent-step (-?[\d.]+) at first, (-?[\d.]+) at last", capsys.readouterr().out)
    # Chance earns about -0.71, the heuristic about -0.005.
    assert report and float(report[2]) > float(report[1]) + 0.2
    assert torch.load(tmp_path / "policy.pt")["head.weight"].ndim == 2


def test_speeds_are_measured_in_turn() -> None:
    compared = example("compare_speed")
    environment = example("sb3_town").TownVecEnv("queue_conflict", worlds=2)
    settings = example("ppo_one_file").Settings("queue_conflict", worlds=2, ticks=16, minibatch=32, epochs=1)
    turns: list[str] = []
    contestants = [compared.sb3("sb3", environment, 16, 32, 1, compared.SAME_NETWORK), compared.one_file(settings)]
    watched = [each._replace(phase=lambda each=each: (turns.append(each.name), each.phase())) for each in contestants]
    rates = compared.measure(watched, repeats=2)
    assert turns == ["sb3", "one file"] * 3
    assert [each.agent_steps for each in contestants] == [96, 96]
    assert all(rate > 0 for both in rates for rate in both)


@pytest.mark.parametrize("name", ["sb3", "maskable", "skrl_ippo", "torchrl_ppo", "one_file"])
def test_a_check_finds_what_it_states(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    example(name).main()
    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    bootstrapped, leaving = result["bootstrapped"], result["leaving"]
    holds = {
        "trains": result["trains"],
        "masks": result["illegal"] == 0,
        "truncation": bootstrapped["found"] == pytest.approx(bootstrapped["expected"], abs=1e-4),
        "leaving": leaving["right"],
    }
    assert [part for part in PROPERTIES if holds[part]] == list(result.get("stated", PROPERTIES))
    assert result["choices"] > 1000 and bootstrapped["ends"] > 10
    assert leaving["ends"] > 10 and leaving["newcomers"] > 10 and leaving["rows_of_empty_places"] > 100
    assert result["versions"][result["package"]]


@pytest.mark.parametrize("name", ["sb3", "maskable", "skrl", "torchrl"])
def test_a_policy_is_captured_played_back_and_evaluated(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    example(f"bring_{name}").main(steps=256)
    captured = read_capture(tmp_path / "capture" / "rollout_sample_manifest.json").manifest
    assert captured.behavior.name == name
    assert "<html" in (tmp_path / "playback.html").read_text()
    assert re.findall(r"^(\w+) \{'mean'", capsys.readouterr().out, re.M) == [
        "policy",
        "scripted",
        "heuristic",
        "random",
    ]


@pytest.mark.parametrize("name", ["sb3", "maskable", "skrl", "torchrl"])
def test_bringing_a_policy_takes_less_than_40_lines(name: str) -> None:
    lines = (EXAMPLES / f"bring_{name}.py").read_text().splitlines()
    assert sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines) < 40
