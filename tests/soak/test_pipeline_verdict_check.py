"""The check on an acceptance report: green, yellow or red by verdict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from townlet_pipeline.artefacts.store import StoreResource
from townlet_pipeline.soak.advisories import accepted

NIGHT = "2026-12-01|drill"


@pytest.mark.parametrize(
    ("verdict", "passed", "warns"), [("accept", True, False), ("hold", False, True), ("reject", False, False)]
)
def test_a_held_night_is_a_warning_and_a_rejected_one_an_error(
    verdict: str, passed: bool, warns: bool, tmp_path: Path
) -> None:
    store = StoreResource(root=str(tmp_path))
    report = store.folder(NIGHT, "acceptance_report") / "acceptance.json"
    report.parent.mkdir(parents=True)
    words = {"why": "Why.", "next_step": "Do this.", "handbook": "night-accepted", "reasons": "All."}
    report.write_text(json.dumps({"verdict": verdict, **words, "assessment": {"metrics": []}}))
    found = accepted(store, NIGHT, "acceptance_report")
    assert (found.passed, found.warns, found.sentence) == (passed, warns, f"{verdict}: Why. Do this.")
