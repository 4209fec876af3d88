"""Evaluation of a policy: unseen worlds, the same for every behaviour, and figures that agree with captures."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from support.places import QUEUE_CONFLICT

from townlet.behavior import HeuristicBehavior, RandomBehavior
from townlet.capture import capture_rollout
from townlet.capture.sample_metrics import INTENSITY_KEY
from townlet.cli import main
from townlet.cli.score_tables import print_matrix, print_scores
from townlet.config import load_scenario
from townlet.errors import InputError
from townlet.evaluation import EVALUATION_METRICS, evaluate, held_out_seed, measure, read_evaluation
from townlet.files.storage import read_json
from townlet.metrics import CONFLICT_INTENSITY
from townlet.outcomes import record_outcomes
from townlet.policy_standing import policy_standing
from townlet.statistics.intervals import interval_as_json

QUEUE = QUEUE_CONFLICT
#: Metrics of work, which nobody has in that drill.
OF_WORK = {"attendance", "late_or_missed_shifts_per_1000", "wages"}
OF_QUEUE = [name for name in EVALUATION_METRICS if name not in OF_WORK]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    options = ["--mode", "rollout", "--cycles", "1", "--epochs", "1", "--worlds", "2", "--rollout-ticks", "10"]
    assert main(["train", str(QUEUE), *options, "--output", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def evaluation(policy: Path) -> dict[str, Any]:
    return evaluate(policy, load_scenario(QUEUE), worlds=4)


def test_every_behaviour_has_every_metric_in_every_world(evaluation: dict[str, Any]) -> None:
    assert list(evaluation["behaviors"]) == ["policy", "scripted", "heuristic", "random"]
    for own in evaluation["values"].values():
        assert {name: len(values) for name, values in own.items()} == dict.fromkeys(OF_QUEUE, 4)
    assert evaluation["values"]["scripted"][CONFLICT_INTENSITY] != evaluation["values"]["heuristic"][CONFLICT_INTENSITY]


def test_differences_are_taken_world_by_world(evaluation: dict[str, Any]) -> None:
    ours, theirs = (np.array(evaluation["values"][name]["reward_mean"]) for name in ("policy", "random"))
    assert evaluation["policy_minus"]["random"]["reward_mean"] == interval_as_json(ours - theirs)


def test_the_same_evaluation_gives_the_same_bytes_and_another_seed_other_worlds(policy: Path, tmp_path: Path) -> None:
    base = ["evaluate", str(policy), "--scenario", str(QUEUE), "--worlds", "2"]
    for name, options in (("a", []), ("b", []), ("c", ["--seed", "5"])):
        assert main([*base, *options, "--output", str(tmp_path / name)]) == 0
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert json.loads(a)["values"]["random"] != json.loads(c)["values"]["random"]


def test_an_evaluation_is_read_back_and_one_of_an_earlier_version_is_refused(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "evaluation.json"
    assert main(["evaluate", str(policy), "--scenario", str(QUEUE), "--worlds", "2", "--output", str(file)]) == 0
    content = read_evaluation(file)
    assert policy_standing(content).sentence() in capsys.readouterr().out
    assert content["metrics"].keys() == set(OF_QUEUE)
    file.write_text(json.dumps(content | {"version": 2}))
    with pytest.raises(InputError, match=r"version: found 2, expected 3, which has other metrics; evaluate the policy"):
        read_evaluation(file)
    file.write_text(json.dumps({"version": 3}))
    with pytest.raises(InputError, match="format: found None, expected 'townlet-evaluation'"):
        read_evaluation(file)


def test_a_seed_of_the_training_is_refused(policy: Path) -> None:
    scenario = load_scenario(QUEUE)
    for seed in (scenario.seed, scenario.training.seed):
        with pytest.raises(InputError, match="a seed that the policy was not trained with"):
            evaluate(policy, scenario, worlds=2, seed=seed)
    with pytest.raises(InputError, match="not trained with"):
        evaluate(policy, scenario, worlds=2, seed=77, trained_with=[77])
    for options in ({"seed": -1}, {"trained_with": [-1]}, {"worlds": 10**12}):
        with pytest.raises(InputError, match=r"found .*, expected (a whole number from 0 on|at most 65536)"):
            evaluate(policy, scenario, **{"worlds": 2, **options})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="at least 2"):
        evaluate(policy, scenario, worlds=1)


@given(st.sets(st.integers(999_990, 1_000_020)))
def test_the_held_out_seed_is_the_first_that_was_not_used(used: set[int]) -> None:
    seed = held_out_seed(used)
    assert seed not in used
    assert all(earlier in used for earlier in range(1_000_000, seed))


def test_a_policy_of_another_town_is_refused(policy: Path) -> None:
    with pytest.raises(InputError, match="actions: found no request for bed, stove, fridge, counter and 2 more"):
        evaluate(policy, load_scenario(QUEUE.with_name("town_day.yaml")), worlds=2)


def test_the_figures_are_those_of_a_capture_of_the_same_worlds(tmp_path: Path) -> None:
    scenario = load_scenario(QUEUE)
    values = measure(HeuristicBehavior(), scenario, worlds=1, seed=9)
    capture_rollout(QUEUE, tmp_path, worlds=1, seed=9, behavior="heuristic")
    metrics = read_json(tmp_path / "rollout_sample_metrics.json", "metrics")
    assert values["reward_mean"] == pytest.approx([metrics["baseline"]["reward_mean"]])
    intensity = metrics["total"][INTENSITY_KEY]
    assert values[CONFLICT_INTENSITY] == pytest.approx([intensity])


def test_the_outcomes_are_there_where_they_apply() -> None:
    work = load_scenario(QUEUE.with_name("employment_punctuality.yaml"))
    values = measure(HeuristicBehavior(), work, worlds=2, seed=1)
    assert set(EVALUATION_METRICS) - values.keys() == {"utilisation", "fairness"}
    day = measure(HeuristicBehavior(), load_scenario(QUEUE.with_name("town_day.yaml")), worlds=2, seed=1)
    assert list(day) == list(EVALUATION_METRICS)
    outcomes = record_outcomes(HeuristicBehavior(), work, worlds=2, seed=1).per_world()
    for name in ("attendance", "wages", "queueing_p95", "needs_mean_of_residents"):
        assert np.array_equal(values[name], outcomes[name])


def test_a_world_does_not_depend_on_how_many_there_are() -> None:
    scenario = load_scenario(QUEUE)
    few, many = (measure(RandomBehavior(), scenario, worlds=worlds, seed=3) for worlds in (2, 66))
    for name in OF_QUEUE:
        assert np.array_equal(few[name], many[name][:2])


def test_an_interval_is_students_t() -> None:
    found = interval_as_json(np.array([1.0, 2.0, 3.0]))
    assert found["mean"] == 2.0
    # t(0.975, 2) = 4.3027, standard error 1/sqrt(3).
    assert found["high"] - 2.0 == pytest.approx(4.3027 / np.sqrt(3.0), rel=1e-4)
    assert 2.0 - found["low"] == pytest.approx(found["high"] - 2.0)


def test_no_number_and_no_name_is_cut_in_a_narrow_terminal() -> None:
    names = ["heuristic", "examples/policies/preferences.py:factory"]
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, color_system=None, width=80)
    values = {name: {"mean": -0.0001234, "low": -0.001, "high": 123.4} for name in names}
    print_scores(console, "who acts", [("queueing per stay, 95th percentile", "0 to 1, mean over people", values)])
    print_matrix(console, "reward", "who is scored", {a: dict.fromkeys(names, "-0.006069 ± 0.0064") for a in names})
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= 80 and "…" not in shown.getvalue()
    assert sum("-0.0001234 ± 123.4" in line for line in lines) == 2
    assert sum("-0.006069 ± 0.0064" in line for line in lines) == 4
    # A long name goes on in the next line.
    assert all(part in shown.getvalue() for part in ("examples/policies/prefere", ".py:factory"))
