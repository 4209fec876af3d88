"""Scores of groups in mixed company, and cross-play, against the same worlds measured in other ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.captures import QUEUE
from support.places import SCENARIOS

from townlet.behavior import HeuristicBehavior, RandomBehavior
from townlet.behavior.policy_file import card_file, read_card
from townlet.cli import main
from townlet.config import load_scenario
from townlet.config.options import with_options
from townlet.crossplay import crossplay, sentence
from townlet.evaluation import evaluate, measure
from townlet.metrics import ATTENDANCE, CONFLICT_INTENSITY, METRICS, REWARD, SUFFERED
from townlet.outcomes.groups import GROUP_METRICS, group_values
from townlet.statistics.intervals import interval_as_json

TOWN = with_options(load_scenario(SCENARIOS / "town_day.yaml"), ticks=300, worlds=2, seed=3)
EVERYBODY = {"all": range(8)}


def test_a_group_of_everybody_scores_what_an_evaluation_measures() -> None:
    group = group_values(RandomBehavior(), TOWN, EVERYBODY, worlds=3, seed=8)["all"]
    evaluation = measure(RandomBehavior(), TOWN, worlds=3, seed=8)
    assert set(GROUP_METRICS) <= METRICS.keys() and list(group) == list(GROUP_METRICS)
    shared = [name for name in GROUP_METRICS if name in evaluation]
    assert {REWARD, "needs_mean", "waiting_ticks", ATTENDANCE, "wages"} <= set(shared)
    for name in shared:
        assert group[name] == pytest.approx(evaluation[name]), name


def test_groups_share_out_what_everybody_causes_and_suffers() -> None:
    """Weighted by agent-steps, the groups' rates are the town's; all that is caused is suffered by somebody."""
    scenario = load_scenario(QUEUE)
    groups = {"all": [0, 1, 2], "first": [0], "rest": [1, 2]}
    values = group_values(HeuristicBehavior(), scenario, groups, worlds=4, seed=1)
    assert values["all"][CONFLICT_INTENSITY].sum() > 0
    assert values["all"][CONFLICT_INTENSITY] == pytest.approx(values["all"][SUFFERED])
    assert (values["all"]["faints_per_1000"] == 0).all(), "so everybody has lived equally long"
    for name in (REWARD, CONFLICT_INTENSITY, SUFFERED, "waiting_ticks", "needs_mean"):
        together = (values["first"][name] + 2 * values["rest"][name]) / 3
        assert together == pytest.approx(values["all"][name]), name
    assert ATTENDANCE not in values["all"]


def test_an_evaluation_scores_each_group_beside_each_behaviour_alone() -> None:
    told: list[tuple[int, int, str]] = []
    company = {"clerk": "random", "others": "heuristic"}
    result = evaluate(None, TOWN, behavior=company, worlds=3, progress=lambda *now: told.append(now))
    clerks = [index for index, person in enumerate(TOWN.people.values()) if str(person.job).startswith("clerk")]
    group = result["groups"]["clerk"]
    assert group["people"] == [list(TOWN.people)[index] for index in clerks] and group["behavior"] == "random"
    alone = group_values(RandomBehavior(), TOWN, {"clerk": clerks}, worlds=3, seed=result["seed"])["clerk"]
    assert group["alone"]["random"] == {name: interval_as_json(each) for name, each in alone.items()}
    in_company, by_heuristic = (
        np.array(each[REWARD]) for each in (group["values"]["company"], group["values"]["alone"]["heuristic"])
    )
    assert group["company_minus"]["heuristic"][REWARD] == interval_as_json(in_company - by_heuristic)
    assert group["company"][REWARD]["high"] < group["alone"]["heuristic"][REWARD]["low"], "random clerks earn less"
    assert result["behavior"]["origin"]["members"]["clerk"]["behavior"] == "random"
    assert [done for done, _, _ in told] == list(range(0, 18, 3)) and {total for _, total, _ in told} == {18}
    assert "groups" not in evaluate(None, TOWN, behavior="heuristic", worlds=2)


def test_cross_play_has_a_score_for_each_pair_in_the_same_worlds() -> None:
    told: list[tuple[int, int, str]] = []
    result = crossplay(["heuristic", "random"], TOWN, share="25%", worlds=3, progress=lambda *now: told.append(now))
    focal = [list(TOWN.people).index(name) for name in result["focal"]]
    assert len(focal) == 2 and [note for _, _, note in told][1] == "heuristic among random"
    alone = group_values(HeuristicBehavior(), TOWN, {"focal": focal}, worlds=3, seed=result["seed"])["focal"]
    assert result["values"]["heuristic"]["heuristic"] == {name: each.tolist() for name, each in alone.items()}
    mixed = evaluate(None, TOWN, behavior="25%=heuristic,others=random", worlds=3, seed=result["seed"])["groups"]["25%"]
    assert result["scores"]["heuristic"]["random"] == mixed["company"]
    assert result["minus_alone"]["heuristic"]["random"] == mixed["company_minus"]["heuristic"]


def test_a_policy_in_cross_play_sees_what_it_knows_and_meets_worlds_that_it_was_not_trained_in() -> None:
    result = crossplay(["generalist", "random"], with_options(TOWN, ticks=10, worlds=2, seed=7), worlds=2)
    card = read_card(card_file("generalist"))
    assert card.provenance["seed"] in result["seeds_trained_with"]
    assert result["behaviors"]["generalist"]["policy_sha256"] == card.sha256


def made_up(**means: list[float]) -> dict[str, Any]:
    """A cross-play whose rows have these means, with differences of 0.1 clear and smaller ones not."""
    names = list(means)
    metric = {"label": "mean reward", "more_is_better": True}
    rows = {row: dict(zip(names, values, strict=True)) for row, values in means.items()}
    return {
        "metrics": {"m": metric},
        "scores": {row: {name: {"m": {"mean": each}} for name, each in own.items()} for row, own in rows.items()},
        "minus_alone": {
            row: {
                name: {"m": {"low": each - own[row] - 0.09, "high": each - own[row] + 0.09}}
                for name, each in own.items()
                if name != row
            }
            for row, own in rows.items()
        },
    }


def test_the_sentence_says_who_leads_and_who_is_exploited() -> None:
    exploiting = made_up(meek=[1.0, 0.5], bully=[1.2, 0.3])
    assert sentence(exploiting, "m") == (
        "mean reward: by the means, bully best among meek; meek best among bully; exploited: meek by bully"
    )
    exploiting["metrics"]["m"]["more_is_better"] = False
    assert sentence(exploiting, "m").endswith("exploited: bully by meek")
    nobody_gains = made_up(meek=[1.0, 0.5], bully=[0.3, 0.3])
    assert sentence(nobody_gains, "m").endswith("nobody is exploited")
    unclear = made_up(meek=[1.0, 0.95], bully=[1.2, 0.3])
    assert sentence(unclear, "m").endswith("meek best among bully; nobody is exploited")


def test_the_commands_print_tables_and_write_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two, scored = tmp_path / "one.json", tmp_path / "two.json", tmp_path / "evaluation.json"
    short = ["--scenario", str(QUEUE), "--worlds", "2"]
    for file in (one, two):
        words = ["heuristic", "random", *short, "--metric", SUFFERED, "--output", str(file)]
        assert main(["crossplay", *words]) == 0
    printed = capsys.readouterr().out
    assert "others: random" in printed.replace("\n", " ") and "conflict intensity suffered: by the means, " in printed
    assert one.read_bytes() == two.read_bytes() and json.loads(one.read_text())["format"] == "townlet-crossplay"
    assert main(["evaluate", "--behavior", "anna=random,others=heuristic", *short, "--output", str(scored)]) == 0
    printed = capsys.readouterr().out
    assert "anna (random)" in printed and "in this company, the people of anna earn " in printed
    assert set(json.loads(scored.read_text())["groups"]) == {"anna", "others"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["heuristic"], "behaviours: found heuristic, expected at least two, each once"),
        (["random", "random"], "expected at least two, each once"),
        (["random", "anna=random,others=heuristic"], "behaviours: found mixed company anna=random"),
        (["random", "rondom"], "did you mean 'random'"),
        (["random", "heuristic", "--share", "half"], "--share: found 'half', expected a share of the people"),
        (["random", "heuristic", "--share", "100%"], "found nobody for others"),
        (["random", "heuristic", "--metric", "wages"], "--metric: found wages, expected a metric that these people"),
        (["random", "heuristic", "--metric", "reward"], "--metric: found 'reward', expected one of .*did you mean"),
        (["random", "heuristic", "--worlds", "1"], "--worlds: found 1, expected at least 2"),
        (["random", "generalist", "--seed", "0"], "--seed: found 0, expected a seed that the policy was not trained"),
    ],
)
def test_unusable_options_of_cross_play_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    import re

    output = tmp_path / "out.json"
    assert main(["crossplay", *words, "--scenario", str(QUEUE), "--output", str(output)]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count("\n") == 1 and not output.exists(), error
