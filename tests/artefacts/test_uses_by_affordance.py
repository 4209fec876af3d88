"""Completed uses by affordance: counted where the object type is one's own, from the same events as all others."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from support.broken_scenarios import BAKERY
from support.captures import QUEUE
from support.places import SCENARIOS

from townlet.capture import capture_rollout, read_events
from townlet.cli import main
from townlet.config import load_scenario, scenario_names
from townlet.config.drawn import drawn_scenario
from townlet.evaluation import evaluate
from townlet.metrics import COMPLETED_USES
from townlet.outcomes.uses import KNOWN_TYPES, metric_of_uses, own_affordances


@pytest.fixture
def bakery(tmp_path: Path) -> Path:
    """A town whose only object is an oven, a type that none of Townlet's scenarios has, with two uses."""
    file = tmp_path / "bakery.yaml"
    file.write_text(BAKERY)
    return file


def test_a_capture_counts_the_completed_uses_of_each_affordance_and_prints_them(
    bakery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "capture"
    assert main(["capture", str(bakery), "--behavior", "heuristic", "--worlds", "3", "--output", str(folder)]) == 0
    names = list(load_scenario(bakery).affordances)
    events = read_events(folder / "rollout_sample_manifest.json").to_pylist()
    counted = Counter(names[each["detail"]] for each in events if each["kind"] == "use_completed")
    assert counted["bake"] > 0
    metrics = json.loads((folder / "rollout_sample_metrics.json").read_text())
    assert metrics["uses_completed"] == {name: counted[name] for name in ("bake", "work")}
    assert f"completed uses: bake {counted['bake']}, work {counted['work']}\n" in capsys.readouterr().out


def test_an_evaluation_has_a_metric_of_each_with_its_interval(bakery: Path) -> None:
    result = evaluate(None, load_scenario(bakery), behavior="heuristic", worlds=3)
    names = [metric_of_uses("bake"), metric_of_uses("work")]
    assert [result["metrics"][name]["label"] for name in names] == ["completed uses of bake", "completed uses of work"]
    for behavior, values in result["values"].items():
        each, total = [values[name] for name in names], values[COMPLETED_USES]
        assert [sum(pair) for pair in zip(*each, strict=True)] == pytest.approx(total)
        assert result["behaviors"][behavior][names[0]]["mean"] == pytest.approx(sum(each[0]) / 3)
    assert result["behaviors"]["policy"][names[0]]["mean"] > 0.0


def test_the_types_of_townlets_own_scenarios_are_known_and_their_artefacts_have_no_such_counts(tmp_path: Path) -> None:
    towns = [load_scenario(SCENARIOS / f"{name}.yaml") for name in scenario_names(SCENARIOS)]
    towns += [drawn_scenario(number) for number in range(8)]
    assert {kind for town in towns for kind in town.object_types} == KNOWN_TYPES
    assert not any(own_affordances(town) for town in towns)
    assert "uses_completed" not in capture_rollout(QUEUE, tmp_path / "capture", ticks=9).metrics
