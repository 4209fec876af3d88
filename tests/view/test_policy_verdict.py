"""The policy beside the script: what ``make run`` says about an evaluation."""

from __future__ import annotations

from typing import Any

import pytest

from townlet.view.policy_verdict import policy_verdict


def evaluation(**behaviors: tuple[float, float, float]) -> dict[str, Any]:
    """An evaluation: per behaviour, intensity and completed uses per 1,000 agent-steps, and mean reward."""
    names = ("queue_conflict_intensity_per_1000", "uses_completed_per_1000", "reward_mean")
    return {
        "behaviors": {
            name: {metric: {"mean": value} for metric, value in zip(names, values, strict=True)}
            for name, values in behaviors.items()
        }
    }


def test_the_figures_of_script_and_policy_stand_side_by_side_above_what_they_mean() -> None:
    found = policy_verdict(evaluation(policy=(30, 80, -0.02), scripted=(90, 60, -0.2), heuristic=(8, 79, 0.1)))
    assert found.lines() == [
        "conflict intensity, per 100 completed uses: script 150, policy 37.5",
        "completed uses, per 1,000 agent-steps: script 60, policy 80",
        "mean reward, per agent-step: script -0.2, policy -0.02",
        "The policy causes 25% of the script's conflict per completed use, and completes 133% as many uses.",
    ]


def test_without_a_script_the_policy_is_compared_with_the_heuristic() -> None:
    found = policy_verdict(evaluation(policy=(10, 10, 0), heuristic=(10, 20, 0), random=(5, 1, 0)))
    assert found.lines()[-1] == (
        "The policy causes more conflict than the heuristic: 200% of the heuristic's conflict per completed use, "
        "and completes only 50% as many uses."
    )


@pytest.mark.parametrize(
    ("policy", "scripted", "sentence"),
    [
        ((0, 76, 0), (0, 80, 0), "The policy causes no conflict, like the script, and completes 95% as many uses."),
        (
            (2, 50, 0),
            (0, 50, 0),
            "The policy causes more conflict than the script: 4 per 100 completed uses, against none, but completes "
            "100% as many uses.",
        ),
        (
            (5, 50, 0),
            (10, 100, 0),
            "The policy causes 100% of the script's conflict per completed use, but completes only 50% as many uses.",
        ),
        ((0, 0, 0), (0, 5, 0), "The policy completes no use at all: conflict per use cannot be compared."),
        (
            (0, 0, 0),
            (0, 0, 0),
            "The policy completes no use at all; neither does the script: conflict per use cannot be compared.",
        ),
        ((0, 5, 0), (0, 0, 0), "The script completes no use at all: conflict per use cannot be compared."),
    ],
)
def test_the_sentence_says_so_if_the_policy_is_worse_or_nothing_can_be_compared(
    policy: tuple[float, float, float], scripted: tuple[float, float, float], sentence: str
) -> None:
    assert policy_verdict(evaluation(policy=policy, scripted=scripted)).sentence() == sentence
