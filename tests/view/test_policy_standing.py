"""The policy against the heuristic in what counts: what ``townlet evaluate`` says in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from townlet.policy_standing import policy_standing, reward_verdict

REWARD, NEEDS, ATTENDANCE, FAINTS = "reward_mean", "needs_mean_of_residents", "attendance", "faints_per_1000"
CONFLICT = "queue_conflict_intensity_per_100_uses"
#: The heuristic's values: 2 % of them are 0.002, 0.01 and 0.02.
HEURISTIC = {REWARD: 0.1, NEEDS: 0.5, ATTENDANCE: 1.0, FAINTS: 1.0, CONFLICT: 8.0}
SAME = dict.fromkeys(HEURISTIC, (0.0, 0.0))


def evaluation(**differences: tuple[float, float]) -> dict[str, Any]:
    """An evaluation with the 95 % intervals of the policy's differences from the heuristic."""
    return {
        "behaviors": {
            "policy": {name: {"mean": HEURISTIC[name] + (low + high) / 2} for name, (low, high) in differences.items()},
            "heuristic": {name: {"mean": value} for name, value in HEURISTIC.items()},
        },
        "policy_minus": {"heuristic": {n: {"low": low, "high": high} for n, (low, high) in differences.items()}},
    }


@pytest.mark.parametrize(
    ("name", "interval", "group"),
    [
        (NEEDS, (0.001, 0.1), "better"),
        (NEEDS, (0.0, 0.1), "not_worse"),
        (NEEDS, (-0.0099, -0.001), "not_worse"),
        (NEEDS, (-0.0101, -0.001), "worse"),
        (NEEDS, (-0.0101, 0.001), "unclear"),
        (REWARD, (-0.0019, 0.01), "not_worse"),
        (REWARD, (-0.0021, 0.01), "unclear"),
        (ATTENDANCE, (-0.019, 0.0), "not_worse"),
        (ATTENDANCE, (-0.3, -0.1), "worse"),
        (FAINTS, (-1.0, -0.5), "better"),
        (FAINTS, (-1.0, 0.0), "not_worse"),
        (FAINTS, (-1.0, 0.0001), "unclear"),
        (FAINTS, (0.0001, 0.001), "worse"),
    ],
)
def test_the_interval_of_the_difference_decides(name: str, interval: tuple[float, float], group: str) -> None:
    found = policy_standing(evaluation(**SAME | {name: interval}))
    assert name in getattr(found, group)
    others = {REWARD, NEEDS, ATTENDANCE, FAINTS} - {name}
    assert others <= set(found.not_worse)
    assert found.holds == (group in ("better", "not_worse"))


def test_a_policy_that_is_nowhere_below_is_said_to_be_so() -> None:
    found = policy_standing(evaluation(**SAME | {NEEDS: (0.01, 0.02), FAINTS: (-1.0, -0.5), CONFLICT: (-5.0, -3.0)}))
    assert found.sentence() == (
        "The policy is not below the heuristic: not worse in mean reward and attendance, better in needs of residents "
        "and faints; its conflict intensity per 100 completed uses is 4, less than the heuristic's 8."
    )


def test_a_policy_that_is_below_in_something_is_below() -> None:
    found = policy_standing(
        evaluation(**SAME | {REWARD: (0.1, 0.2), NEEDS: (-0.1, 0.1), ATTENDANCE: (-0.5, -0.4), CONFLICT: (1.0, 3.0)})
    )
    assert found.sentence() == (
        "The policy is below the heuristic: worse in attendance, undecided in needs of residents, not worse in faints, "
        "better in mean reward; its conflict intensity per 100 completed uses is 10, more than the heuristic's 8."
    )


def test_without_enough_worlds_it_is_undecided_and_what_does_not_apply_is_not_named() -> None:
    found = policy_standing(
        evaluation(**{REWARD: (0.0, 0.1), NEEDS: (-0.1, 0.1), FAINTS: (-1.0, 1.0), CONFLICT: (0.0, 0.0)})
    )
    assert found.sentence() == (
        "Whether the policy is below the heuristic is undecided: undecided in needs of residents and faints, not worse "
        "in mean reward; its conflict intensity per 100 completed uses is 8, the same as the heuristic's 8."
    )


def rewards(behavior: str | None = None, **differences: tuple[float, float]) -> dict[str, Any]:
    """An evaluation in 16 worlds with the intervals of differences in mean reward from each behaviour."""
    named = {"behavior": {"name": behavior}} if behavior else {}
    minus = {name: {REWARD: {"low": low, "high": high}} for name, (low, high) in differences.items()}
    return {**named, "worlds": 16, "policy_minus": minus}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (
            rewards(scripted=(0.1, 0.2), heuristic=(0.01, 0.2), random=(0.5, 0.6)),
            "The policy is better than the script, the heuristic and chance (mean reward in 16 worlds).",
        ),
        (
            rewards(heuristic=(-0.1, 0.1), random=(0.5, 0.6)),
            "The policy is better than chance; whether it is better than the heuristic cannot be told "
            "(mean reward in 16 worlds).",
        ),
        (
            rewards(heuristic=(-0.2, -0.1), random=(-0.1, 0.1)),
            "The policy is worse than the heuristic; whether it is better than chance cannot be told "
            "(mean reward in 16 worlds).",
        ),
        (
            rewards("heuristic", heuristic=(0.0, 0.0), random=(0.1, 0.2)),
            "The heuristic is better than chance, and the same as the heuristic (mean reward in 16 worlds).",
        ),
        (
            rewards("mine", heuristic=(-0.1, 0.1), random=(-0.1, 0.1)),
            "Whether mine is better than the heuristic and chance cannot be told (mean reward in 16 worlds).",
        ),
    ],
)
def test_the_first_line_says_who_earns_more_or_that_it_cannot_be_told(found: dict[str, Any], verdict: str) -> None:
    assert reward_verdict(found) == verdict


def test_another_behaviour_is_called_by_its_name() -> None:
    other = {"behavior": {"name": "mine"}} | evaluation(**SAME | {NEEDS: (-0.5, -0.4)})
    assert policy_standing(other).sentence().startswith("mine is below the heuristic: worse in needs of residents")
    itself = {"behavior": {"name": "heuristic"}} | evaluation(**SAME)
    assert policy_standing(itself).sentence() == "This is the heuristic itself, which policies are compared with."
