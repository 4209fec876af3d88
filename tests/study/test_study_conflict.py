"""The conflict study: its metrics, the cached results of its tasks, its analysis and its report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from townlet.behavior import RandomBehavior
from townlet.cli import main
from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY
from townlet.study.conflict.analysis import (
    CLAIM,
    HYPOTHESES,
    NEEDS,
    claim_stands,
    further_outcomes_of,
    intervals_apart,
    outcomes_of,
    reduction,
)
from townlet.study.conflict.arms import ARMS, AWARE, BLIND, CONTINUED, HEURISTIC, RANDOM
from townlet.study.conflict.dispatch import cache_folder, run_tasks
from townlet.study.conflict.evaluate import STUDY_METRICS, evaluate
from townlet.study.conflict.execute import read_curve
from townlet.study.conflict.learner import train_arm
from townlet.study.conflict.plan import Findings, Scores, study_conflict, trainings
from townlet.study.conflict.report import write_conflict_report
from townlet.study.conflict.settings import FULL, QUICK, Settings
from townlet.study.conflict.tasks import BACKGROUNDS, Continuation, Evaluation, Policy, digest, evaluation_seed
from townlet.study.conflict.town import StudyTown, study_scenario
from townlet.study.scripted_behaviors import FirstComeBehavior, doormat, queue_jumper
from townlet.world import COUNTERS, TALLY, Town
from townlet.world.state.events import CONTESTED_ARRIVAL

HOME = StudyTown()
#: Every question, with as little work as possible.
TINY = Settings(
    seeds=2,
    curve_seeds=2,
    cycles=1,
    further_cycles=2,
    worlds=1,
    rollout_ticks=100,
    cloning_worlds=1,
    cloning_epochs=1,
    evaluation_worlds=1,
    demands=(1.0,),
    penalties=(AWARE.penalty,),
    layouts=(101,),
    capacities=((6, 1),),
)


def silent(done: int, total: int, note: str) -> None:
    assert 0 < done <= total and note


def test_the_metrics_agree_with_the_towns_own_counters() -> None:
    scenario = study_scenario(HOME)
    behavior = queue_jumper()
    metrics = evaluate(behavior, scenario, worlds=2, seed=3)
    town = Town(scenario, worlds=2, seed=3)
    action = np.zeros(town.alive.shape, np.int32)
    floats = np.zeros(action.shape, np.float32), np.zeros(action.shape, np.float32)
    tied = 0.0
    for _ in range(scenario.ticks):
        behavior.act(town, action, *floats)
        town.step(action)
        for events, happened in zip(town.state.events, town.state.worlds["event_count"], strict=True):
            today = events[:happened]
            tied += float(today["intensity"][today["kind"] == CONTESTED_ARRIVAL].sum())
    counter = dict(zip(COUNTERS, town.state.counter.sum(axis=0), strict=True))
    tally = dict(zip(TALLY, town.state.tally.sum(axis=(0, 1)), strict=True))
    lived, uses = tally["alive_ticks"], tally["uses_completed"]
    assert set(metrics) == set(STUDY_METRICS)
    assert metrics[CONFLICT_INTENSITY] == pytest.approx(1000 * counter["conflict_intensity"] / lived)
    assert metrics["chosen_intensity_per_1000"] > 0 < metrics["tied_intensity_per_1000"]
    assert metrics["tied_intensity_per_1000"] == pytest.approx(1000 * tied / lived)
    both = metrics["chosen_intensity_per_1000"] + metrics["tied_intensity_per_1000"]
    assert both == pytest.approx(metrics[CONFLICT_INTENSITY])
    assert metrics["queue_conflict_events_per_100_uses"] == pytest.approx(100 * tally["conflicts_caused"] / uses)
    assert metrics["needs_mean_over_steps"] == pytest.approx(tally["needs_sum"] / lived)
    assert metrics["washes_per_1000"] == pytest.approx(1000 * counter["shower_complete"] / lived)
    # A completed wash occupies the shower for its whole duration; closures and outages interrupt others.
    washing = counter["shower_complete"] * HOME.wash_ticks / (2 * scenario.ticks)
    assert washing <= metrics["utilisation"] <= 1.0 and metrics["utilisation"] < washing + 0.2
    came = counter["on_time_arrival"] + counter["late_arrival"]
    assert metrics["attendance"] == pytest.approx(came / (came + counter["absence"]))
    assert metrics["wages"] == pytest.approx(tally["wages_paid"] / lived * 1000)
    assert metrics["faints_per_1000"] == pytest.approx(1000 * counter["faint"] / lived)


def test_needs_stop_counting_when_somebody_has_to_be_replaced() -> None:
    """Newcomers come with their needs met: if they were counted, fainting would pay."""
    scenario = study_scenario(HOME)
    idle, busy = (
        evaluate(behavior, scenario, worlds=2, seed=4) for behavior in (RandomBehavior(), FirstComeBehavior())
    )
    assert idle["faints_per_1000"] > 1.0 > busy["faints_per_1000"]
    assert idle[NEEDS] < 0.8 * idle["needs_mean_over_steps"]
    assert 0.9 * busy["needs_mean_over_steps"] < busy[NEEDS] <= busy["needs_mean_over_steps"] * 1.01


def test_no_metric_depends_on_what_rewards_say() -> None:
    plain, shaped = (
        evaluate(FirstComeBehavior(), study_scenario(HOME, penalty=penalty), worlds=1, seed=3)
        for penalty in (0.0, 20.0)
    )
    assert plain == shaped


def test_the_metrics_tell_peaceful_people_from_queue_jumpers_and_busy_showers_from_idle_ones() -> None:
    scenario = study_scenario(HOME)
    polite = evaluate(FirstComeBehavior(), scenario, worlds=4, seed=1)
    rude = evaluate(queue_jumper(), scenario, worlds=4, seed=1)
    assert rude[CONFLICT_INTENSITY] > 100 * max(polite[CONFLICT_INTENSITY], 0.1)
    assert rude["rivalry_max_mean_over_steps"] > 5 * polite["rivalry_max_mean_over_steps"]
    assert polite["utilisation"] > 0.7 and polite["attendance"] == 1.0 and polite["wait_mean"] > 20
    # People who avoid the shower have no conflicts; utilisation shows that they do.
    from townlet.behavior import RandomBehavior

    idle = evaluate(RandomBehavior(), scenario, worlds=1, seed=1)
    assert idle[CONFLICT_INTENSITY] < 1.0 and idle["utilisation"] < 0.05
    assert idle["wait_mean"] == scenario.ticks


def test_in_mixed_populations_only_focal_people_are_counted() -> None:
    scenario = study_scenario(HOME)
    everybody = evaluate(doormat(), scenario, worlds=2, seed=5)
    parts = [evaluate(doormat(), scenario, worlds=2, seed=5, focal=half) for half in (range(4), range(4, 8))]
    assert np.mean([part[NEEDS] for part in parts]) == pytest.approx(everybody[NEEDS], rel=0.02)
    assert np.mean([part[COMPLETED_USES] for part in parts]) == pytest.approx(everybody[COMPLETED_USES], rel=0.02)
    assert parts[0]["utilisation"] == everybody["utilisation"]


def test_tasks_run_once_and_are_reproducible(tmp_path: Path) -> None:
    policies = [Policy(BLIND, 0, HOME), Policy(RANDOM, 0, HOME)]
    evaluations = [Evaluation(policy, HOME) for policy in policies]
    first = run_tasks(policies, evaluations, TINY, tmp_path, 1, silent)
    files = {path: path.stat().st_mtime_ns for path in cache_folder(tmp_path).iterdir()}
    assert run_tasks(policies, evaluations, TINY, tmp_path, 1, silent) == first
    assert {path: path.stat().st_mtime_ns for path in cache_folder(tmp_path).iterdir()} == files
    # An interrupted study has some of the files; the others are made again, with the same bits.
    for path in files:
        if path.name.startswith(("policy", "evaluation")):
            path.unlink()
    assert run_tasks(policies, evaluations, TINY, tmp_path, 1, silent) == first


def test_other_amounts_and_other_tasks_have_other_names() -> None:
    policy = Policy(AWARE, 0, HOME)
    evaluation = Evaluation(policy, HOME)
    tasks = [policy, replace(policy, seed=1), policy.start, evaluation, replace(evaluation, background=BACKGROUNDS[0])]
    names = {digest(task, settings) for task in tasks for settings in (FULL, QUICK, TINY)}
    assert len(names) == 3 * len(tasks)


def findings_of(aware: float, blind: float, *, needs: float = 0.6, use: float = 0.85) -> Findings:
    """Findings with the given scores, spread a little over ten seeds."""
    spread = np.linspace(0.98, 1.02, 10)
    intensity = dict.fromkeys((arm.name for arm in ARMS), blind) | {"aware": aware, "heuristic": 1.2 * aware}

    def scores(arm: str) -> Scores:
        mine = arm == "aware"
        values = dict.fromkeys(STUDY_METRICS, 1.0) | {CONFLICT_INTENSITY: intensity[arm]}
        values |= {NEEDS: needs if mine else 0.6 * 0.99, "utilisation": use if mine else 0.85}
        return {name: value * spread for name, value in values.items()}

    arms = {arm.name: scores(arm.name) for arm in ARMS}
    return Findings(FULL, arms, {}, {}, {}, {}, arms, {})


def test_the_claim_stands_when_conflict_is_halved_and_nothing_is_paid_for_it() -> None:
    good = findings_of(aware=4.0, blind=10.0).arms
    outcomes = outcomes_of(good)
    assert claim_stands(outcomes, intervals_apart(good)) and all(outcome.holds for outcome in outcomes)
    assert reduction(good) == pytest.approx(0.6)
    assert {outcome.improvement.estimate for outcome in outcomes if outcome.hypothesis.metric != "utilisation"} >= {1.0}


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"aware": 6.0}, "halved"),
        ({"needs": 0.5}, "needs kept"),
        ({"use": 0.5}, "use kept"),
    ],
)
def test_the_claim_falls_if_any_part_of_it_does(changes: dict[str, float], missing: str) -> None:
    arms = findings_of(**({"aware": 4.0, "blind": 10.0} | changes)).arms
    outcomes = outcomes_of(arms)
    assert not claim_stands(outcomes, intervals_apart(arms))
    assert next(outcome.hypothesis.name for outcome in outcomes if not outcome.holds) == missing


@pytest.mark.parametrize("placebo", ["shuffled", "mistimed"])
def test_the_claim_falls_if_a_placebo_gains_as_much(placebo: str) -> None:
    arms = findings_of(aware=4.0, blind=10.0).arms
    arms[placebo] = arms["aware"]
    assert not claim_stands(outcomes_of(arms), intervals_apart(arms))


def test_the_second_attempt_beyond_the_claim_pays_for_the_first() -> None:
    arms = findings_of(aware=4.0, blind=10.0).arms
    arms = {"continued": arms["aware"], "heuristic": arms["heuristic"]}
    outcomes = further_outcomes_of(arms)
    # Ten of ten seeds, times three hypotheses, times two attempts.
    assert [outcome.adjusted for outcome in outcomes] == pytest.approx([6 * 0.5**10] * 3)
    assert all(outcome.holds for outcome in outcomes)
    swapped = further_outcomes_of({"continued": arms["heuristic"], "heuristic": arms["continued"]})
    assert [outcome.holds for outcome in swapped] == [False, False, True]


def test_a_continuation_begins_with_the_conflict_aware_policy_and_meets_other_days(tmp_path: Path) -> None:
    policy = Continuation(CONTINUED, 0, HOME)
    run_tasks([policy], [], TINY, tmp_path, 1, silent)
    start, found = (
        load_file(cache_folder(tmp_path) / f"policy-{one.arm.name}-0-{digest(one, TINY)}.safetensors")
        for one in (Policy(AWARE, 0, HOME), policy)
    )
    expected = train_arm(CONTINUED, HOME, policy.training_seed, TINY.continuing(), start)
    assert all((found[name] == expected[name]).all() for name in expected)
    assert policy.training_seed not in {0, *FULL.seed_numbers(), *map(evaluation_seed, FULL.seed_numbers())}


def test_the_claim_is_made_of_primary_hypotheses() -> None:
    assert set(CLAIM) < {hypothesis.name for hypothesis in HYPOTHESES}
    assert {hypothesis.other for hypothesis in HYPOTHESES} <= {arm.name for arm in ARMS} - {AWARE.name}
    assert HEURISTIC.name in {hypothesis.other for hypothesis in HYPOTHESES}


def test_the_report_has_the_whole_study_with_every_seed(tmp_path: Path) -> None:
    findings = study_conflict(TINY, tmp_path / "work", 2, silent)
    assert trainings(TINY) == 18 == len(list((tmp_path / "work").rglob("policy-*.safetensors")))
    report = write_conflict_report(findings, tmp_path, "townlet study conflict", "Here and now")
    text, data = report.read_text(), json.loads((tmp_path / "conflict-aware.json").read_text())
    assert all(arm.label in text for arm in ARMS) and "Here and now" in text
    assert set(data["arms"]) == {arm.name for arm in ARMS}
    assert all(len(scores["seeds"]) == 2 for arm in data["arms"].values() for scores in arm.values())
    assert set(data["mixed_populations"]) == set(BACKGROUNDS) and set(data["held_out"]) == set(TINY.held_out())
    assert set(data["further"]["arms"]) == {"heuristic", "continued"} and "## Beyond the heuristic" in text
    further = read_curve(Continuation(CONTINUED, 11, HOME), TINY, cache_folder(tmp_path / "work"))
    assert len(further) == TINY.further_cycles
    verdict = "The claim stands" if data["claim_stands"] else "The claim does not stand"
    assert verdict in text
    links = set(re.findall(r"\]\((conflict-aware\.[a-z]+)\)", text))
    assert links == {"conflict-aware.png", "conflict-aware.json"}
    assert all((tmp_path / link).stat().st_size > 0 for link in links)


def test_the_command_refuses_a_single_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "conflict", "--seeds", "1", "--output", str(tmp_path)]) == 2
    assert "--seeds" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
