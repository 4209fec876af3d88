"""Comparison of runs: the same town and worlds, scores on record or computed again, and an honest sentence."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.small_trainings import QUEUE, SMALL, run

from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.settings import with_settings
from townlet.errors import InputError
from townlet.study.comparison import compare
from townlet.study.comparison.verdict import verdict
from townlet.study.several_seeds import SeedsPlan, read_results, train_seeds
from townlet.training import TrainingOptions


def study(folder: Path, *settings: str, worlds: int = 2) -> None:
    options = TrainingOptions(output=folder, **(SMALL | {"cycles": 1, "epochs": 1}))
    scenario = with_settings(load_scenario(QUEUE), settings)
    train_seeds(SeedsPlan.of(scenario, options, seeds=2, worlds=worlds), jobs=1)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two studies in the same town and worlds, one in other worlds, one in another town, and a single training."""
    folder = tmp_path_factory.mktemp("runs")
    study(folder / "usual")
    study(folder / "fast", "ppo.learning_rate=0.02")
    study(folder / "elsewhere", worlds=3)
    study(folder / "other_town", "rules.queue.cooldown_ticks=6")
    run(load_scenario(QUEUE), folder / "single", cycles=1, epochs=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def test_scores_on_record_are_used_and_the_plot_and_files_are_written(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "usual", "fast", "--output", str(tmp_path / "made")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    assert "P(fast earns more than usual)" in "\n".join(lines)
    result = json.loads((tmp_path / "made" / "comparison.json").read_text())
    assert result["scored_again"] is False
    for found in result["runs"]:
        recorded = read_results(runs / found["name"])
        assert found["scores"]["reward_mean"] == [each["scores"]["reward_mean"] for each in recorded["seeds"]]
    assert result["training_differs_in"] == {"ppo.learning_rate": ["0.003", "0.02"]}
    assert (tmp_path / "made" / "comparison.png").read_bytes().startswith(b"\x89PNG")
    before = {file.name: file.read_bytes() for file in (tmp_path / "made").iterdir()}
    assert main(["compare", "usual", "fast", "--output", str(tmp_path / "made")]) == 0
    assert {file.name: file.read_bytes() for file in (tmp_path / "made").iterdir()} == before


def test_a_single_policy_is_scored_in_the_worlds_on_record(runs: Path) -> None:
    result = compare(["usual", "single"])
    assert (result["worlds"], result["scored_again"]) == ({"count": 2, "seed": 1_000_000, "ticks": 80}, False)
    assert result["runs"][1]["kind"] == "policy"
    # The scenario's own seed of training is 0, so the single training is the first of the seeds.
    first = read_results(runs / "usual")["seeds"][0]["scores"]
    assert {name: values[0] for name, values in result["runs"][1]["scores"].items()} == first


def test_policies_that_were_scored_in_other_worlds_are_scored_again(runs: Path) -> None:
    result = compare(["usual", "elsewhere"])
    assert (result["worlds"]["count"], result["scored_again"]) == (3, True)
    # The same trainings, so the same policies, now in the same worlds.
    assert result["runs"][0]["scores"] == result["runs"][1]["scores"]
    assert result["runs"][1]["scores"]["reward_mean"] == [
        each["scores"]["reward_mean"] for each in read_results(runs / "elsewhere")["seeds"]
    ]
    assert result["verdict"].startswith("usual and elsewhere earn the same")


def test_other_towns_are_refused_unless_a_town_is_named(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "usual", "other_town"]) == 2
    said = capsys.readouterr().err
    assert "rules.queue.cooldown_ticks: found 6, expected 4, as in usual" in said
    assert "--scenario FILE.yaml" in said
    result = compare(["usual", "other_town"], scenario=load_scenario(QUEUE))
    assert result["scored_again"] and result["scenario"]["name"] == "queue_conflict"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["usual"], "at least two runs"),
        (["usual", "usual"], "usual a second time"),
        (["usual", "./usual/"], "./usual/ a second time"),
        (["usual", "generalst"], "did you mean 'generalist'"),
        (["usual", "nowhere/at_all"], "no such folder"),
        (["usual", "."], "found neither, expected a folder of townlet train"),
        (["single", "generalist"], "--scenario: none of these runs holds the town"),
        (["usual", "single", "--seed", "0"], "a seed that the policy was not trained with"),
        (["usual", "single", "--worlds", "1"], "at least 2"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    runs: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == 2
    assert message in capsys.readouterr().err


def test_missing_policies_and_unfinished_or_edited_studies_are_named(runs: Path, tmp_path: Path) -> None:
    for name in ("gone", "edited", "unfinished"):
        shutil.copytree(runs / "usual", tmp_path / name)
    (tmp_path / "gone" / "seed-1" / "policy.json").unlink()
    assert compare([str(tmp_path / "gone"), "fast"])["scored_again"] is False
    with pytest.raises(InputError, match=r"seed-1: policy\.json: found no such file, expected the policy, to score it"):
        compare([str(tmp_path / "gone"), "elsewhere"])
    file = tmp_path / "edited" / "queue_conflict.yaml"
    file.write_text(file.read_text().replace("cooldown_ticks: 4", "cooldown_ticks: 5"))
    with pytest.raises(InputError, match="the file has changed since"):
        compare([str(tmp_path / "edited"), "fast"])
    (tmp_path / "unfinished" / "seeds.json").unlink()
    with pytest.raises(InputError, match="an unfinished study, expected one whose seeds are all done"):
        compare([str(tmp_path / "unfinished"), "fast"])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content.update(seeds=[]), "seeds: found []"),
        (lambda content: content.pop("mode"), "mode: found nothing"),
        (lambda content: content["seeds"][0].update(seed="x"), "seeds.0.seed: found 'x'"),
        (lambda content: content["seeds"][1]["scores"].pop("fairness"), "seeds.1.scores: found other scores: fairness"),
        (lambda content: content["behaviors"]["random"].clear(), "behaviors.random: found other scores"),
    ],
)
def test_a_damaged_file_of_results_is_an_error_that_names_the_place(
    runs: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], Any], message: str
) -> None:
    shutil.copytree(runs / "usual", tmp_path / "damaged")
    file = tmp_path / "damaged" / "seeds.json"
    content = json.loads(file.read_text())
    damage(content)
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=re.escape(message)):
        compare([str(tmp_path / "damaged"), "fast"])


def made_up(name: str, value: float, seeds: int) -> dict[str, Any]:
    means = {"reward_mean": {"value": value}}
    return {"name": name, "kind": "seeds", "seeds": seeds, "interquartile_means": means}


def beside(of: str, over: str, value: float, low: float, high: float, p_value: float) -> dict[str, Any]:
    chance = {"value": value, "low": low, "high": high}
    return {"of": of, "over": over, "probability_of_improvement": chance, "p_value": p_value}


def test_the_verdict_names_the_best_only_if_interval_and_test_agree() -> None:
    both = [made_up("a", 0.1, 10), made_up("b", 0.3, 10)]
    assert verdict(both, [beside("b", "a", 0.95, 0.8, 1.0, 0.001)]) == "b earns more than a: P = 0.95 [0.80, 1.00]."
    wide = verdict(both, [beside("b", "a", 0.6, 0.4, 0.8, 0.4)])
    assert wide == "It cannot be said whether b earns more than a: P = 0.60 [0.40, 0.80]."
    # Three seeds each: the bootstrap is sure, the rank test cannot be.
    few = [made_up("a", 0.3, 3), made_up("b", 0.1, 3)]
    told = verdict(few, [beside("b", "a", 0.0, 0.0, 0.0, 0.1)])
    assert (
        told == "It cannot be said whether a earns more than b: P = 1.00 [1.00, 1.00]. 3 seeds are few; more may tell."
    )


def test_the_verdict_over_several_runs_corrects_for_their_number() -> None:
    three = [made_up("a", 0.1, 10), made_up("b", 0.3, 10), made_up("c", 0.2, 10)]
    pairs = [beside("b", "a", 0.9, 0.8, 1.0, 0.01), beside("c", "b", 0.2, 0.1, 0.45, 0.04)]
    assert verdict(three, pairs) == "b earns more than a and c."
    pairs[0]["p_value"] = 0.04
    assert verdict(three, pairs).startswith("It cannot be said whether b earns more than a or c")
