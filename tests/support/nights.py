"""Nights in a store, as soaks leave them: verdicts, reports, unfinished soaks and incidents, without their soaks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from townlet.baselines.promotion import LEDGER_NAME, Ledger, Promotion
from townlet.soak.next_steps import NextStep, next_step

#: Why, and what to do, by verdict.
REASONS = {
    "accept": (
        "Nothing changed that chance does not explain.",
        next_step("accept", (), broken_bounds=False, has_baseline=True),
    ),
    "hold": (
        "A bound of the scenario was broken in 143 of 300 cycles: entropy 0.62 in cycle 9, expected at least 0.7.",
        next_step("hold", (), broken_bounds=True, has_baseline=True),
    ),
    "reject": (
        "Conflict intensity is 10.0 % above the baseline, and 3 other metrics changed.",
        NextStep("Find what changed the town's rules or the scenario since the baseline.", "night-town-changed"),
    ),
}
_METRICS = (
    ("queue_conflict_intensity_per_1000", "reference", 110.0),
    ("uses_completed_per_1000", "reference", 12.5),
    ("reward_mean", "reference", -0.21),
    ("agent_steps_per_yardstick", "resource", 41_000.0),
    ("resident_memory_bytes", "resource", 6.1e8),
)


def judged(
    store: Path, scenario: str, day: str, verdict: str = "accept", *, factor: float = 1.0, report: bool = True
) -> Path:
    """Write a night with a verdict, and return its folder. ``factor`` is the metrics' level beside the baseline's."""
    folder = store / scenario / "nights" / day
    why, step = REASONS[verdict]
    metrics: list[dict[str, Any]] = [
        {
            "name": name,
            "role": role,
            "cycles": 300,
            "mean": level * factor,
            "baseline": {"seeds": 30, "mean": level, "sd": 0.05 * abs(level)} if role == "reference" else None,
        }
        for name, role, level in _METRICS
    ]
    content = {
        "format": "townlet-acceptance",
        "scenario": scenario,
        "night": day,
        "verdict": verdict,
        "why": why,
        **step.as_json(),
        "reasons": why,
        "assessment": {"metrics": metrics},
    }
    _write(folder / "soak_run" / "soak.json", {"finished": True, "cycles": 300, "cycles_done": 300})
    _write(folder / "soak_drift" / "drift.json", content)
    if report:
        _write(folder / "acceptance_report" / "acceptance.json", content)
        (folder / "acceptance_report" / "acceptance.html").write_text(f"<!doctype html><h1>{verdict}</h1>")
    return folder


def unfinished(store: Path, scenario: str, day: str, cycles: int) -> Path:
    """Write a soak that has done some of its 300 cycles."""
    folder = store / scenario / "nights" / day
    _write(folder / "soak_run" / "soak.json", {"finished": False, "cycles": 300, "cycles_done": 0})
    rows = "".join(json.dumps({"cycle": cycle + 1}) + "\n" for cycle in range(cycles))
    (folder / "soak_run" / "cycles.jsonl").write_text(rows)
    return folder


def crashed(incidents: Path, scenario: str, day: str, reason: str, *, at: str = "20261130T043000Z") -> Path:
    """Write what is on record about a failed run of a night."""
    run = f"run-{scenario}-{day}"
    file = incidents / f"{at}-{run}.json"
    _write(
        file,
        {
            "run_id": run,
            "job": "nightly_soak",
            "scenario": f"{day}|{scenario}",
            "failed_at": f"{day}T04:30:00+00:00",
            "reason": reason,
            "how_to_resume": [f"In the UI, open the run {run} and choose Re-execute, From failure."],
            "log_tail": ["04:29:58 STEP_START soak_run: started", f"04:30:00 STEP_FAILURE soak_run: {reason}"],
        },
    )
    file.with_suffix(".md").write_text(f"# nightly_soak failed\n\n{reason}\n")
    return file


def promoted(baselines: Path, *scenarios: str, at: str = "2026-01-01T00:00:00+00:00") -> Path:
    """Record the promotion of a baseline of each scenario, without the baseline."""
    for scenario in scenarios:
        promotion = Promotion(
            baseline="0" * 64, file="b.json", promoted_at=at, by="me", reason="test", parent=None, differences={}
        )
        ledger = Ledger(scenario=scenario, promotions=[promotion])
        _write(baselines / scenario / LEDGER_NAME, ledger.model_dump(mode="json"))
    return baselines


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
