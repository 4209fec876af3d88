"""Next steps: what a verdict tells to do is what the handbook says, word for word."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support.places import ROOT

from townlet.soak import next_steps
from townlet.soak.assessment import Assessment, CorrectedFinding, MetricAssessment
from townlet.soak.next_steps import NextStep, next_step
from townlet.soak.verdict import decide
from townlet.statistics.change import Finding

HANDBOOK = (ROOT / "docs" / "OPS_HANDBOOK.md").read_text()
NAMED = {name: step for name, step in vars(next_steps).items() if isinstance(step, NextStep)}
#: The steps after a verdict; a night without a report has others.
STEPS = {step.handbook: step for name, step in NAMED.items() if name.startswith("_")}
NO_REPORT = {"night-damaged", "night-failed", "night-missed", "night-running", "night-waiting"}
ROWS = {
    anchor: (title, row)
    for anchor, title, row in re.findall(
        r'<a id="(night-[a-z-]+)"></a>\n\n### (.+)\n\n((?:(?!<a id|\n## ).|\n(?!## |<a id))*)', HANDBOOK
    )
}


def a_change(name: str, role: str, test: str = "level") -> MetricAssessment:
    found = CorrectedFinding(Finding(test, 1.0, 0.5, 1.5, 1e-9, 3), 1e-8, beyond_margin=True)  # type: ignore[arg-type]
    return MetricAssessment(name, role, "alert", 30, 2.0, 0.1, (found,))  # type: ignore[arg-type]


def test_the_handbook_has_a_row_for_every_next_step_and_no_other_rows() -> None:
    assert set(ROWS) == {*STEPS, *NO_REPORT}
    assert HANDBOOK.count('<a id="night-') == len(ROWS)
    assert {step.handbook for step in NAMED.values()} <= set(ROWS)


@pytest.mark.parametrize("anchor", sorted(NO_REPORT))
def test_the_row_of_a_night_without_a_report_is_named_in_the_table_of_verdicts(anchor: str) -> None:
    assert f"](#{anchor})" in HANDBOOK
    title, row = ROWS[anchor]
    assert title.startswith("No report: ")
    assert re.match(r"\*\*.+\.\*\*\n\n", row)


@pytest.mark.parametrize("anchor", STEPS)
def test_a_row_begins_with_what_to_do_and_lists_the_steps_of_the_report(anchor: str) -> None:
    step, (title, row) = STEPS[anchor], ROWS[anchor]
    assert title
    assert row.startswith(f"**{step.sentence}**\n\n")
    listed = re.findall(r"^\d\. ((?:.|\n   )+)", row, re.MULTILINE)
    assert [" ".join(each.split()) for each in listed] == list(step.steps)


@pytest.mark.parametrize(
    ("changed", "anchor"),
    [
        ([("queue_conflict_events_per_1000", "reference")], "night-town-changed"),
        ([("reward_mean", "reference", "one cycle")], "night-one-cycle"),
        ([("reward_mean", "reference", "one cycle"), ("needs_mean", "reference")], "night-town-changed"),
        ([("reward_mean", "reference", "trend"), ("needs_mean", "reference", "change point")], "night-town-drifted"),
        ([("reward_mean", "reference", "trend"), ("needs_mean", "reference")], "night-town-changed"),
        ([("reward_mean", "network"), ("entropy", "network")], "night-network-changed"),
        ([("entropy", "network"), ("loss_value", "network")], "night-trainer-changed"),
        ([("resident_memory_bytes", "resource"), ("agent_steps_per_yardstick", "resource")], "night-memory"),
        ([("agent_steps_per_yardstick", "resource")], "night-speed"),
        ([("open_files", "resource"), ("reward_mean", "reference")], "night-town-changed"),
    ],
)
def test_the_step_is_for_the_change_that_explains_most(changed: list[tuple[str, ...]], anchor: str) -> None:
    metrics = [a_change(*change) for change in changed]
    assert next_step("reject", metrics, broken_bounds=True, has_baseline=True).handbook == anchor


@pytest.mark.parametrize(
    ("broken_bounds", "has_baseline", "anchor"),
    [(True, True, "night-bound-broken"), (False, True, "night-too-little-data"), (True, False, "night-no-baseline")],
)
def test_a_soak_without_a_change_is_held_for_one_reason(broken_bounds: bool, has_baseline: bool, anchor: str) -> None:
    step = next_step("hold", [], broken_bounds=broken_bounds, has_baseline=has_baseline)
    assert step.handbook == anchor


def test_the_reason_and_the_step_are_for_the_same_change() -> None:
    memory, reward = a_change("resident_memory_bytes", "resource"), a_change("reward_mean", "reference")
    surer = replace(memory, findings=tuple(replace(found, corrected_p=1e-12) for found in memory.findings))
    verdict = decide(Assessment(True, 30, 0.0005, 2, (surer, reward)))
    assert verdict.why == "Mean reward lay 50.0 % above the baseline, and 1 other metric changed."
    assert verdict.next_step.handbook == "night-town-changed"
    alone = decide(Assessment(True, 30, 0.0005, 2, (surer, replace(reward, verdict="watch"))))
    assert alone.why.startswith("Resident memory lay")
    assert alone.next_step.handbook == "night-memory"


def test_commands_in_steps_have_the_scenario_and_the_seed_of_the_soak() -> None:
    step = NextStep("Play it.", "night-x", ("Record it: `townlet capture configs/scenarios/NAME.yaml --seed SEED`.",))
    assert step.filled_in("rivalry_decay", 7) == [
        "Record it: `townlet capture configs/scenarios/rivalry_decay.yaml --seed 7`."
    ]
