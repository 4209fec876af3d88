"""Review of a baseline: six questions and their answers, as sentences and as plain values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.places import ROOT

from townlet.baselines import promoted_scenarios, read_baseline, review_of
from townlet.baselines.baseline import Code
from townlet.baselines.review import BaselineReview, code_in_words, review_of_file
from townlet.errors import InputError

HOME = ROOT / "baselines"
#: The flagship's first baseline, which was measured in a checkout with changes, and the one that replaced it.
FIRST, SECOND = "baseline-bebd70665465.json", "baseline-3cb719ebd558.json"


def answers(review: BaselineReview) -> dict[str, str]:
    return dict(review.sentences())


def test_the_six_answers_of_a_promoted_baseline() -> None:
    assert answers(review_of_file(HOME / "queue_conflict" / SECOND, HOME / "queue_conflict")) == {
        "Which rollouts?": "30 of queue_conflict, seeds 0 to 29, each with 256 worlds of 80 ticks; the baseline names "
        "the manifest of each. What the scenario says about rollouts has the hash c8b997402f6e.",
        "Which policy or script acted?": "The scenario's script (scripted); no policy.",
        "Which code and commit?": "Sources 37899d690f13, commit 500d6c37295d.",
        "Who promoted it?": "townlet, on 2026-11-23 at 13:26 UTC. It is in force: soaks are compared with it.",
        "Why?": "Measured again in a clean checkout, so that the file names the very commit it comes from; no figure "
        "has changed.",
        "What did it replace?": "bebd70665465; every metric has the same mean.",
    }


def test_a_baseline_that_was_replaced_says_by_which_one_and_that_no_commit_holds_its_code() -> None:
    found = review_of_file(HOME / "queue_conflict" / FIRST, HOME / "queue_conflict")
    said = answers(found)
    assert said["Which code and commit?"].endswith("from commit 7b4fd9714f10 with changes that are in no commit.")
    assert "no longer in force: townlet replaced it by 3cb719ebd558" in said["Who promoted it?"]
    assert said["What did it replace?"] == "Nothing: it is the scenario's first baseline."
    promoted = found.as_json()["promoted"]
    assert (promoted["in_force"], promoted["replaced_by"][:12]) == (False, "3cb719ebd558")


@pytest.mark.parametrize("scenario", promoted_scenarios(HOME))
def test_every_shipped_baseline_has_answers_in_words_and_as_json(scenario: str) -> None:
    review = review_of(HOME, scenario)
    assert len(answers(review)) == 6
    content = json.loads(json.dumps(review.as_json(), allow_nan=False))
    assert content["baseline"] == review.baseline.sha256 and content["promoted"]["in_force"]
    assert len(content["rollouts"]["manifests"]) == len(content["rollouts"]["seeds"])
    assert content["reason"] and content["promoted"]["by"]


def test_a_baseline_that_was_never_promoted_says_so(tmp_path: Path) -> None:
    content = review_of_file(HOME / "queue_conflict" / SECOND)
    said = answers(content)
    assert said["Who promoted it?"].startswith("Nobody") and said["Why?"] == "It is not promoted."
    assert [content.as_json()[name] for name in ("promoted", "reason", "replaced")] == [None] * 3
    with pytest.raises(InputError, match="no promotion"):
        review_of(tmp_path, "queue_conflict")


def test_code_outside_a_checkout_has_no_commit() -> None:
    baseline = read_baseline(HOME / "queue_conflict" / SECOND)
    outside = baseline.model_copy(update={"code": Code(sha256="a" * 64, commit=None)})
    assert code_in_words(outside) == (
        "Sources aaaaaaaaaaaa; no commit is on record, because the code was not in a git checkout."
    )
