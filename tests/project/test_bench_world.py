"""``townlet bench world``: results, references, ratios and tables."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import pytest
from support.places import QUEUE_CONFLICT

from townlet.bench.cases import STANDARD, choose_cases, worlds_in_words
from townlet.bench.puffer import ENVIRONMENTS
from townlet.cli import main

QUICK = ["bench", "world", "--scenario", str(QUEUE_CONFLICT), "--repeats", "3", "--seconds", "0.01", "--rounds", "2"]
KEYS = {
    "case",
    "agent_steps_per_second",
    "spread",
    "core_share",
    "bytes_per_world",
    "worlds",
    "people",
    "features",
    "actions",
    "protocol",
    "machine",
    "best",
    "ratios",
    "ratio_spreads",
    "rounds",
}


def test_bench_world_prints_one_json_object_per_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--no-reference", "--json", "--worlds", "2", "--worlds", "32"]) == 0
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["case"] for result in results] == ["queue_conflict, 2 worlds", "queue_conflict, 32 worlds"]
    for result in results:
        assert set(result) == KEYS
        slowest, fastest = result["spread"]
        assert 0 < slowest <= result["agent_steps_per_second"] <= fastest
        # Only the fastest batch size is measured again.
        assert len(result["rounds"]) == (2 if result["best"] else 1)
        assert result["agent_steps_per_second"] == pytest.approx(statistics.median(result["rounds"]), abs=1)
        assert result["people"] == 3 and result["features"] > 10 and result["bytes_per_world"] > 1000
        assert result["protocol"] == "drawn" and result["ratios"] == {}
    assert [result["worlds"] for result in results] == [2, 32]
    fastest_case = max(results, key=lambda result: result["rounds"][0])
    assert [result["best"] for result in results] == [result is fastest_case for result in results]


@pytest.mark.usefixtures("no_pufferlib")
def test_uncompiled_rules_are_a_reference_of_the_same_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--json", "--worlds", "8"]) == 0
    captured = capsys.readouterr()
    compiled, uncompiled = (json.loads(line) for line in captured.out.splitlines())
    assert uncompiled["case"] == "queue_conflict, uncompiled" and uncompiled["ratios"] == {}
    each = [fast / slow for fast, slow in zip(compiled["rounds"], uncompiled["rounds"], strict=True)]
    ratio = statistics.median(each)
    assert compiled["ratios"] == {"queue_conflict, uncompiled": pytest.approx(ratio, rel=0.01)}
    assert compiled["ratio_spreads"] == {"queue_conflict, uncompiled": pytest.approx([min(each), max(each)], rel=0.01)}
    # Compiled rules are some hundred times faster; a mistake that loses this shows even on a busy machine.
    assert ratio > 10
    assert "not measured: PufferLib's environments (ImportError: no PufferLib here)" in captured.err


@pytest.mark.usefixtures("some_pufferlib")
def test_pufferlib_is_timed_beside_the_town_and_a_broken_environment_is_noted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*QUICK, "--worlds", "8", "--pufferlib", sys.executable, "--json"]) == 0
    captured = capsys.readouterr()
    results = {result["case"]: result for result in map(json.loads, captured.out.splitlines())}
    town = results.pop("queue_conflict, 8 worlds")
    del results["queue_conflict, uncompiled"]
    assert list(results) == [f"pufferlib snake, {worlds_in_words(worlds)}" for worlds in ENVIRONMENTS["snake"].worlds]
    (best,) = (result for result in results.values() if result["best"])
    each = [own / other for own, other in zip(town["rounds"], best["rounds"], strict=True)]
    assert town["ratios"]["pufferlib snake"] == pytest.approx(statistics.median(each), rel=0.01)
    for result in results.values():
        assert set(result) == KEYS and result["people"] == 5 and result["features"] == 121
        assert result["machine"]["pufferlib"] == "3.0"
    notes = captured.err.splitlines()
    assert "not measured: pufferlib cpr, 1 world: ended by SIGABRT" in notes
    assert sum("pufferlib rware" in note for note in notes) == 1


@pytest.mark.usefixtures("some_pufferlib")
def test_people_get_tables_with_rates_ratios_and_the_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main([*QUICK, "--worlds", "8", "--actions", "legal"]) == 0
    out = capsys.readouterr().out
    for text in ("queue_conflict, legal actions ", "times as fast as", "pufferlib snake", "One core of"):
        assert text in out


@pytest.mark.parametrize("python", ["/nowhere/python", sys.executable])
@pytest.mark.usefixtures("no_pufferlib")
def test_an_interpreter_without_pufferlib_is_refused_before_anything_is_measured(
    python: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, "--pufferlib", python]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-1].startswith("error: --pufferlib: found ")


def test_a_scenario_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "world", "--scenario", "queue_conflit"]) == 2
    assert "did you mean 'queue_conflict'?" in capsys.readouterr().err


def test_standard_cases_begin_with_a_day_in_town_in_every_batch_size() -> None:
    cases = choose_cases([], [], None, "drawn")
    assert [case.group for case in cases[:5]] == ["town_day compact"] * 5
    assert {case.group for case in cases} == {f"{name} {mode}" for name, mode, _ in STANDARD}
    assert {case.worlds for case in choose_cases([], [7], None, "drawn")} == {7}
    assert {case.observations for case in choose_cases([], [], "full", "legal")} == {"full"}
