"""Morning overview: what the files of a night say, which nights are missed, and the first line that says it all."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from support.nights import REASONS, crashed, judged, promoted, unfinished

from townlet.errors import InputError
from townlet.morning.overview import Overview, read_overview
from townlet.morning.schedule import read_schedule

DAY = "2026-11-30"
DAYS = [str(date(2026, 11, 30) - timedelta(days=back)) for back in range(4)]
DUE = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


def overview(folder: Path, *, now: datetime = DUE, day: str | None = None, cron: str = "0 4 * * *") -> Overview:
    """Read what lies in a folder, of the scenarios that are promoted there."""
    return read_overview(
        folder / "store",
        baselines=folder / "baselines",
        incidents=folder / "incidents",
        schedule=read_schedule(cron),
        now=now,
        day=date.fromisoformat(day) if day else None,
    )


def nights_before(folder: Path, *scenarios: str) -> None:
    """Promote scenarios, and give each an accepted night on each of the three days before."""
    promoted(folder / "baselines", *scenarios)
    for scenario in scenarios:
        for day in DAYS[1:]:
            judged(folder / "store", scenario, day)


@pytest.mark.parametrize(
    ("make", "state", "why", "anchor"),
    [
        (lambda at: judged(at / "store", "drill", DAY), "accepted", REASONS["accept"][0], "accepted"),
        (lambda at: judged(at / "store", "drill", DAY, "hold"), "held", REASONS["hold"][0], "bound-broken"),
        (lambda at: judged(at / "store", "drill", DAY, "reject"), "rejected", REASONS["reject"][0], "town-changed"),
        (lambda at: crashed(at / "incidents", "drill", DAY, "no space left"), "crashed", "no space left", "failed"),
        (lambda at: unfinished(at / "store", "drill", DAY, 120), "unfinished", "after cycle 120 of 300", "running"),
        (lambda at: None, "missed", "Nothing was made by 08:00 (UTC)", "missed"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)
def test_a_night_has_a_state_a_reason_and_a_row_of_the_handbook(
    tmp_path: Path, make: Callable[[Path], object], state: str, why: str, anchor: str
) -> None:
    nights_before(tmp_path, "drill", "other")
    judged(tmp_path / "store", "other", DAY)
    make(tmp_path)
    found = overview(tmp_path)
    night = next(night for night in found.nights if night.scenario == "drill")
    assert night.state == state and why in night.why
    assert night.step is not None and night.step.handbook == f"night-{anchor}"
    assert found.accepted == (state == "accepted")
    assert [each.state for each in found.strips["drill"]][-4:] == ["accepted"] * 3 + [state]
    assert (night.report is not None) == (state in ("accepted", "held", "rejected"))


def test_the_first_line_says_it_all_and_the_most_urgent_comes_first(tmp_path: Path) -> None:
    nights_before(tmp_path, "a", "b", "c", "d")
    for scenario, verdict in (("a", "accept"), ("b", "hold"), ("c", "reject")):
        judged(tmp_path / "store", scenario, DAY, verdict)
    found = overview(tmp_path)
    assert found.headline == f"{DAY}: 1 of 4 nights accepted; 1 rejected: c; 1 missed: d; 1 held: b"
    assert [night.scenario for night in found.nights] == ["c", "d", "b", "a"]
    assert found.counts == {"rejected": 1, "missed": 1, "held": 1, "accepted": 1}
    assert overview(tmp_path, day=DAYS[1]).headline == f"{DAYS[1]}: all 4 nights accepted"


def test_no_night_is_expected_of_a_scenario_that_was_retired_while_its_baseline_is_kept(tmp_path: Path) -> None:
    nights_before(tmp_path, "kept", "retired", "kept__bold")
    for scenario in ("kept", "kept__bold"):
        judged(tmp_path / "store", scenario, DAY)
    assert overview(tmp_path).headline == f"{DAY}: 2 of 3 nights accepted; 1 missed: retired"
    (tmp_path / "configs" / "scenarios").mkdir(parents=True)
    (tmp_path / "configs" / "scenarios" / "kept.yaml").touch()
    assert overview(tmp_path).headline == f"{DAY}: all 2 nights accepted"
    assert overview(tmp_path, day=DAYS[1]).counts == {"accepted": 3}, "its former nights are still shown"


def test_a_night_is_missed_once_it_is_due_and_not_before(tmp_path: Path) -> None:
    nights_before(tmp_path, "drill")
    states = {
        hour: overview(tmp_path, now=datetime(2026, 11, 30, hour, 59, tzinfo=UTC)).headline for hour in (3, 4, 7, 8)
    }
    assert states[3] == f"{DAYS[1]}: 1 night accepted"
    assert states[4] == states[7] == f"{DAY}: 0 of 1 night accepted; 1 not due yet: drill"
    assert states[8] == f"{DAY}: 0 of 1 night accepted; 1 missed: drill"


def test_if_no_scenario_has_its_night_the_first_line_names_none(tmp_path: Path) -> None:
    nights_before(tmp_path, "drill", "other")
    assert overview(tmp_path).headline == f"{DAY}: 0 of 2 nights accepted; all missed"


def test_a_scenario_promoted_after_the_start_is_named_and_does_not_spoil_the_night(tmp_path: Path) -> None:
    nights_before(tmp_path, "drill")
    promoted(tmp_path / "baselines", "fresh", at=f"{DAY}T06:00:00+00:00")
    judged(tmp_path / "store", "drill", DAY)
    found = overview(tmp_path)
    assert found.headline == f"{DAY}: 1 night accepted; 1 scenario not soaked yet"
    assert found.accepted


def test_the_first_night_of_a_scenario_is_missed_if_most_others_have_one_and_not_beside_a_soak_by_hand(
    tmp_path: Path,
) -> None:
    promoted(tmp_path / "baselines", "a", "b", "c", "d")
    judged(tmp_path / "store", "a", DAY)
    assert overview(tmp_path).headline == f"{DAY}: 1 night accepted; 3 scenarios not soaked yet"
    for scenario in ("b", "c"):
        judged(tmp_path / "store", scenario, DAY)
    assert overview(tmp_path).headline == f"{DAY}: 3 of 4 nights accepted; 1 missed: d"


def test_a_damaged_ledger_is_named_and_its_scenario_still_has_nights(tmp_path: Path) -> None:
    nights_before(tmp_path, "drill")
    (tmp_path / "baselines" / "drill" / "promoted.json").write_text("{}")
    found = overview(tmp_path)
    assert found.headline == f"{DAY}: 0 of 1 night accepted; 1 missed: drill"
    assert found.faults[0].startswith("drill/promoted.json: scenario: ")


def test_only_days_of_the_schedule_are_expected(tmp_path: Path) -> None:
    """The 28th and 29th of November 2026 are a weekend."""
    promoted(tmp_path / "baselines", "drill")
    for day in ("2026-11-27", DAY):
        judged(tmp_path / "store", "drill", day)
    states = [night.state for night in overview(tmp_path, cron="0 4 * * 1-5").strips["drill"]]
    assert states[-4:] == ["accepted", "none", "none", "accepted"]
    assert [night.state for night in overview(tmp_path).strips["drill"]][-3:-1] == ["missed", "missed"]


def test_a_schedule_that_stopped_is_missed_for_a_week_and_a_scenario_that_others_leave_behind_for_ever(
    tmp_path: Path,
) -> None:
    nights_before(tmp_path, "drill")
    later = overview(tmp_path, now=DUE + timedelta(days=30))
    assert later.headline == "2026-12-06: 0 of 1 night accepted; 1 missed: drill"
    promoted(tmp_path / "baselines", "other")
    for ahead in (0, 20, 21):
        judged(tmp_path / "store", "other", str(date(2026, 11, 30) + timedelta(days=ahead)))
    beside = overview(tmp_path, now=DUE + timedelta(days=21))
    assert beside.headline == "2026-12-21: 1 of 2 nights accepted; 1 missed: drill"


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("soak_drift/drift.json", '"reject"', '"maybe"', "drift.json: verdict: found 'maybe', expected accept, hold"),
        ("soak_drift/drift.json", '"why"', '"y"', "drift.json: why: found nothing"),
        ("soak_drift/drift.json", '"drill"', '"other"', "drift.json: scenario: found 'other', expected 'drill'"),
        ("soak_drift/drift.json", '"mean": ', '"mean": "", "x": ', "assessment.metrics.0.mean: found '', expected a"),
        ("soak_drift/drift.json", "{", "", "drift.json"),
        ("acceptance_report/acceptance.json", '"reject"', '"hold"', "acceptance.json: verdict: found 'hold', expected"),
        ("soak_run/soak.json", '"finished": true', '"finished": 1', "soak.json: finished: found 1, expected true"),
    ],
)
def test_a_damaged_file_is_shown_with_its_field_and_hides_no_other_night(
    tmp_path: Path, file: str, old: str, new: str, says: str
) -> None:
    nights_before(tmp_path, "drill", "other")
    judged(tmp_path / "store", "other", DAY)
    damaged = judged(tmp_path / "store", "drill", DAY, "reject", factor=1.1) / file
    content = damaged.read_text()
    assert old in content
    damaged.write_text(content.replace(old, new, 1))
    found = overview(tmp_path)
    assert [night.state for night in found.nights] == ["damaged", "accepted"]
    assert f"drill/nights/{DAY}/" in found.nights[0].why and says in found.nights[0].why
    assert str(tmp_path) not in found.nights[0].why


def test_a_damaged_incident_is_named_and_hides_nothing(tmp_path: Path) -> None:
    nights_before(tmp_path, "drill")
    judged(tmp_path / "store", "drill", DAY)
    crashed(tmp_path / "incidents", "drill", DAYS[1], "an older failure, since made good")
    (tmp_path / "incidents" / "20261130T000000Z-x.json").write_text('{"scenario": "2026-11-30|drill"}')
    found = overview(tmp_path)
    assert found.accepted
    assert found.faults == ["20261130T000000Z-x.json: run_id: found nothing, expected a text"]


def test_the_newest_incident_of_a_night_counts_until_there_is_a_verdict(tmp_path: Path) -> None:
    nights_before(tmp_path, "drill")
    crashed(tmp_path / "incidents", "drill", DAY, "first", at="20261130T050000Z")
    crashed(tmp_path / "incidents", "drill", DAY, "second", at="20261130T060000Z")
    (night,) = overview(tmp_path).nights
    assert (night.state, night.why) == ("crashed", "The run failed: second")
    judged(tmp_path / "store", "drill", DAY)
    assert overview(tmp_path).accepted


def test_the_plain_values_name_the_hash_of_every_verdict_and_are_equal_for_equal_files(tmp_path: Path) -> None:
    for copy in ("one", "two"):
        nights_before(tmp_path / copy, "drill", "other")
        judged(tmp_path / copy / "store", "drill", DAY, "reject", factor=1.1)
    one, two = (json.dumps(overview(tmp_path / copy).as_json()) for copy in ("one", "two"))
    assert one == two
    content = json.loads(one)
    assert len(content["made_from"]) == 7
    assert {entry["drift_sha256"] for entry in content["made_from"] if entry["day"] == DAY} == {
        overview(tmp_path / "one").strips["drill"][-1].drift_sha256
    }
    levels = content["strips"]["drill"][-1]["levels"]
    assert levels["queue_conflict_intensity_per_1000"] == {"mean": pytest.approx(121.0), "baseline": 110.0}
    assert levels["resident_memory_bytes"]["baseline"] is None


def test_a_schedule_follows_its_time_zone_and_may_end_on_the_next_day() -> None:
    schedule = read_schedule("30 22 * * 1-5", "Europe/Berlin")
    friday = date(2026, 11, 27)
    assert schedule.includes(friday) and not schedule.includes(friday + timedelta(days=1))
    assert schedule.due(friday).isoformat() == "2026-11-28T02:30:00+01:00"
    assert schedule.today(datetime(2026, 11, 27, 23, 30, tzinfo=UTC)) == date(2026, 11, 28)
    assert read_schedule("0 4 * * 0").includes(date(2026, 11, 29))


@pytest.mark.parametrize("cron", ["every night", "60 4 * * *", "0 24 * * *", "0 4 * * 5-1", "0 4 1 * *"])
def test_another_schedule_is_refused(cron: str) -> None:
    with pytest.raises(InputError, match="TOWNLET_NIGHTLY_SOAK_CRON"):
        read_schedule(cron)
