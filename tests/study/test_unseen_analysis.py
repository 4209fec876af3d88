"""The study of unseen towns on known numbers: rows, verdicts, choice of a seed, and words that follow from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from townlet.metrics import METRICS
from townlet.study.unseen.analysis import Outcome, aims_of, choose_seed, claim_stands, outcomes_of, paired
from townlet.study.unseen.arms import ARMS, AWARE, MAIN
from townlet.study.unseen.evaluating import UNSEEN_METRICS
from townlet.study.unseen.findings import Answer, Findings, Scores, TownFacts
from townlet.study.unseen.places import QUESTIONS
from townlet.study.unseen.plan import asked_arms
from townlet.study.unseen.rows import AIMS, ATTENDANCE, CLAIM, CONFLICT, FAINTS, NEEDS, TABLE, USE, WAITING
from townlet.study.unseen.settings import FULL
from townlet.study.unseen.tables import outcome_table, seed_table, town_table
from townlet.study.unseen.wording import closeness, headline, verdict, version

#: What the heuristic has, everywhere; and what good policies, conflict-blind ones and the placebo have.
HEURISTIC = {NEEDS: 0.6, CONFLICT: 2.0, ATTENDANCE: 1.0, FAINTS: 0.0, WAITING: 40.0, USE: 0.7}
GOOD = {NEEDS: 0.62, CONFLICT: 0.8, ATTENDANCE: 0.995, FAINTS: 0.0, WAITING: 35.0, USE: 0.71}
BAD = {NEEDS: 0.5, CONFLICT: 3.0, ATTENDANCE: 0.5, FAINTS: 0.5, WAITING: 60.0, USE: 0.4}
OTHERS = {**GOOD, CONFLICT: 4.0}


def findings_of(ours: dict[str, float], **changes: dict[str, float]) -> Findings:
    """Findings of ten seeds in twelve towns, every other one with scarce showers; scores spread by one per mille."""
    values = dict.fromkeys(ARMS, OTHERS) | {"aware": ours, "heuristic": HEURISTIC} | changes
    towns = tuple(TownFacts(number, 8, 2, 0.5 + 0.2 * (number % 2)) for number in range(12))
    spread = 1.0 + 0.001 * np.linspace(-1.0, 1.0, 120).reshape(10, 12)

    def scores(arm: str) -> Scores:
        rows = 1 if ARMS[arm].script else 10
        known = dict.fromkeys(UNSEEN_METRICS, 1.0) | values[arm]
        return {name: value * spread[:rows] for name, value in known.items()}

    answers = {
        question: Answer(towns, {arm.name: scores(arm.name) for arm in asked_arms(question, FULL)})
        for question in QUESTIONS
    }
    return Findings(FULL, answers, {})


def outcome(findings: Findings, name: str) -> Outcome:
    return next(one for one in [*outcomes_of(findings), *aims_of(findings)] if one.row.name == name)


def test_good_policies_reach_every_row_and_every_aim() -> None:
    findings = findings_of(GOOD)
    outcomes = outcomes_of(findings)
    assert claim_stands(outcomes) and len(outcomes) == 16
    assert all(one.adjusted == pytest.approx(16 * 0.5**10) and one.share == 1.0 for one in outcomes)
    assert all(one.reached for one in aims_of(findings))
    assert "**The claim stands: 16 of its 16 rows are reached**" in headline(outcomes, aims_of(findings))
    assert "Not reached" not in headline(outcomes, aims_of(findings))


@pytest.mark.parametrize("metric", list(BAD))
def test_a_planted_bad_number_is_not_reached_and_the_report_says_so(metric: str) -> None:
    findings = findings_of({**GOOD, metric: BAD[metric]})
    outcomes = outcomes_of(findings)
    assert not claim_stands(outcomes)
    failed = [one for one in outcomes if not one.reached]
    assert failed and {one.row.metric for one in failed} == {metric}
    assert {one.row.question for one in failed} >= {"towns", "large"}
    text = headline(outcomes, aims_of(findings))
    assert "**The claim does not stand" in text
    for one in failed:
        assert one.row.says in text and closeness(one) in text
        assert verdict(one).startswith("**not reached**: 0 of 10 seeds")
    assert "**not reached**" in outcome_table(outcomes)
    assert seed_table(outcomes, findings).count("✗") == 10 * sum(one.row in TABLE for one in failed)


def test_one_bad_seed_is_named_even_if_the_average_is_good() -> None:
    findings = findings_of(GOOD)
    findings.answers["towns"].arms["aware"][NEEDS][3] = 0.3
    found = outcome(findings, "needs")
    # With one of ten seeds bad, neither the draw of seeds nor that of towns makes the average bad.
    assert found.meeting == 9 and not found.by_every_seed and not found.reached
    assert "9 of 10 seeds meet it" in verdict(found)
    assert found.share == pytest.approx(0.9)


def test_rare_failures_count_although_the_middle_half_leaves_them_out() -> None:
    findings = findings_of(GOOD)
    scores = findings.answers["towns"].arms["aware"]
    scores[FAINTS][:, 0], scores[ATTENDANCE][:, 0] = 3.0, 0.0
    assert outcome(findings, "faints").ours == pytest.approx(0.25)
    assert not outcome(findings, "faints").reached and not outcome(findings, "no faints").reached
    assert outcome(findings, "attendance").ours == pytest.approx(0.995 * 11 / 12, rel=0.01)
    assert not outcome(findings, "attendance").reached


def test_nobody_faints_is_an_aim_that_every_seed_must_meet_exactly() -> None:
    findings = findings_of({**GOOD, FAINTS: 0.005})
    assert outcome(findings, "faints").reached and not outcome(findings, "no faints").reached


def test_the_placebo_must_be_beaten_and_conflict_halved() -> None:
    as_placebo = outcomes_of(findings_of(GOOD, placebo=GOOD))
    assert [one.row.name for one in as_placebo if not one.reached] == ["beyond the placebo"]
    nearly = outcomes_of(findings_of(GOOD, blind={**OTHERS, CONFLICT: 1.5}))
    assert [one.row.name for one in nearly if not one.reached] == ["halved"]


def test_only_towns_with_scarce_showers_count_for_their_use() -> None:
    findings = findings_of(GOOD)
    answer = findings.answers["towns"]
    answer.arms["aware"][USE][:, ~answer.scarce()] = 0.0
    assert outcome(findings, "use").reached and outcome(findings, "use").towns == 6
    answer.arms["aware"][USE][:, answer.scarce()] = 0.0
    assert not outcome(findings, "use").reached


def test_what_no_town_can_answer_is_not_reached_and_named() -> None:
    findings = findings_of(GOOD)
    ample = tuple(replace(town, shower_demand=0.3) for town in findings.answers["large"].towns)
    findings.answers["large"] = replace(findings.answers["large"], towns=ample)
    found = outcome(findings, "use, in large towns")
    assert not found.reached and found.towns == 0
    assert verdict(found) == "not answered: no such town"
    assert verdict(found) in outcome_table([found])


def test_a_town_without_what_is_measured_is_left_out() -> None:
    findings = findings_of(GOOD)
    answer = findings.answers["towns"]
    for scores in answer.arms.values():
        scores[ATTENDANCE][:, 2] = np.nan
    row = next(row for row in CLAIM if row.name == "attendance")
    assert paired(row, answer)[0].shape == (10, 11) and outcome(findings, "attendance").reached
    assert "–" in town_table(answer)


@given(st.floats(0.01, 3.0), st.floats(0.01, 3.0))
def test_a_row_holds_for_numbers_exactly_as_the_protocol_says(ours: float, heuristic: float) -> None:
    a, h = np.array([[ours]]), np.array([[heuristic]])
    expected = {
        "needs": ours >= 0.98 * heuristic,
        "conflict": ours <= heuristic,
        "attendance": ours >= 0.97,
        "faints": ours <= heuristic + 0.01,
        "waiting": ours <= max(1.02 * heuristic, heuristic + 1.0),
        "use": ours >= 0.95 * heuristic,
        "needs, in large towns": ours >= 0.882 * heuristic,
        "conflict, in large towns": ours <= 1.1 * heuristic,
        "attendance, in large towns": ours >= 0.873,
        "faints, in large towns": ours <= 1.1 * heuristic + 0.01,
        "waiting, in large towns": ours <= max(1.122 * heuristic, heuristic + 1.0),
        "use, in large towns": ours >= 0.855 * heuristic,
        "halved": ours <= 0.5 * heuristic,
        "needs kept": ours >= 0.98 * heuristic,
        "beyond the placebo": ours <= heuristic,
        "needs in mixed company": ours >= 0.98 * heuristic,
    }
    assert {row.name for row in CLAIM} == set(expected)
    for row in CLAIM:
        difference = float(row.difference(a, h)[0, 0])
        assert abs(difference) < 1e-9 or (difference > 0) == expected[row.name], row.name


def test_rows_are_about_registered_metrics_and_arms_that_the_question_has() -> None:
    for row in (*CLAIM, *AIMS):
        assert row.metric in METRICS and row.metric in UNSEEN_METRICS
        names = {arm.name for arm in asked_arms(row.question, FULL)}
        assert {AWARE.name, row.other} <= names
    assert (
        {row.other for row in CLAIM} == {"heuristic", "blind", "placebo"} <= {arm.name for arm in MAIN} | {"heuristic"}
    )


def test_the_shipped_seed_is_the_worse_of_the_two_in_the_middle_by_validation_towns_alone() -> None:
    findings = findings_of(GOOD)
    order = np.array([3, 9, 0, 5, 1, 8, 2, 7, 4, 6])
    for row in TABLE:
        values = findings.answers["choice"].arms["aware"][row.metric]
        sign = 1.0 if METRICS[row.metric].more_is_better else -1.0
        values[...] = (0.6 - 0.01 * sign * order)[:, None]
    choice = choose_seed(findings)
    # The best seed has order 0; the sixth best has 5.
    assert choice.seed == 11 + list(order).index(5) and choice.mean_ranks[13] == 1.0
    findings.answers["towns"].arms["aware"][NEEDS][...] = np.random.default_rng(0).random((10, 12))
    assert choose_seed(findings) == choice


def test_a_reduced_version_says_that_it_is_none_of_the_studys_verdicts() -> None:
    assert version(FULL) == ""
    assert "not that of the study" in version(replace(FULL, seeds=9))
    assert "test towns remain unseen" in version(replace(FULL, split="validation"))
