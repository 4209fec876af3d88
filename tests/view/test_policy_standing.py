"""The policy against the heuristic in what counts: what ``townlet evaluate`` says in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from townlet.policy_standing import policy_standing

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
