"""The page behind the README's picture, which anybody can make."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.places import ROOT

from townlet.capture import parse_manifest
from townlet.study.conflict.settings import Settings
from townlet.view.playback import document_in

TINY = Settings(cycles=1, worlds=1, rollout_ticks=50, cloning_worlds=1, cloning_epochs=1, evaluation_worlds=1)


def test_both_policies_are_trained_and_play_the_same_day_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import conflict_pages

    page = conflict_pages.conflict_page(tmp_path / "out", tmp_path / "work", 11, 5, TINY)
    document = document_in(page.read_text(), page)
    assert document["labels"] == ["conflict-blind PPO", "conflict-aware PPO"]
    sides = [worlds[0] for worlds in document["sides"]]
    assert [side["seed"] for side in sides] == [5, 5]
    assert sides[0]["objects"] == sides[1]["objects"]
    assert [side["policy_outputs"]["acted"] for side in sides] == [True, True]
    assert sides[0]["policy"] != sides[1]["policy"]
    for arm, side in zip(("blind", "aware"), sides, strict=True):
        manifest = parse_manifest(tmp_path / "out" / arm / "capture" / "rollout_sample_manifest.json")
        assert manifest.behavior.policy_sha256 == side["policy"] == side["policy_outputs"]["policy"]
