"""Plots of a capture, and its table of people, agree with its data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.places import SCENARIOS

from townlet.capture import CaptureResult, capture_rollout, read_capture, read_events
from townlet.view.capture_plots import AGENT_COLUMNS, agent_rows, capture_plots
from townlet.view.event_groups import CONFLICTS, COURTESIES
from townlet.view.style import svg
from townlet.world import CONFLICT_KINDS, EVENT_KINDS


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> CaptureResult:
    return capture_rollout(SCENARIOS / "queue_conflict.yaml", tmp_path_factory.mktemp("capture"), worlds=3)


def test_the_table_has_one_row_per_person_with_the_numbers_of_the_metrics(captured: CaptureResult) -> None:
    rows = agent_rows(captured.metrics)
    assert [row["agent"] for row in rows] == captured.manifest.people
    for row in rows:
        person = captured.metrics["people"][row["agent"]]
        assert {name: row[name] for name, _, _ in AGENT_COLUMNS} == {name: person[name] for name, _, _ in AGENT_COLUMNS}


def test_the_plots_name_everybody_and_every_kind_of_conflict_that_occurred(captured: CaptureResult) -> None:
    events = read_events(captured.manifest_path)
    needs, reward, conflicts, rivalry = map(svg, capture_plots(read_capture(captured.manifest_path), events))
    for name in captured.manifest.people:
        assert name in needs
        assert name in reward
    kinds = set(events["kind"].to_pylist())
    for kind in CONFLICTS:
        assert (kind.replace("_", " ") in conflicts) == (kind in kinds)
    assert "strongest rivalry" in rivalry


def test_the_groups_of_events_are_those_of_the_town() -> None:
    assert sorted(CONFLICTS) == sorted(CONFLICT_KINDS)
    assert set(COURTESIES) < set(EVENT_KINDS) - set(CONFLICTS)


def test_the_description_of_the_conflict_plot_counts_events_per_world(captured: CaptureResult) -> None:
    events = read_events(captured.manifest_path)
    conflicts = capture_plots(read_capture(captured.manifest_path), events)[2]
    kinds = events["kind"].to_pylist()
    described = {
        kind: float(amount) for amount, kind in re.findall(r"([\d.]+) ([a-z_]+)(?:,|$)", conflicts.alt.split(": ")[1])
    }
    worlds = captured.manifest.worlds
    expected = {kind: kinds.count(kind) / worlds for kind in described}
    assert described
    assert described == pytest.approx(expected, rel=1e-3)


def test_a_capture_without_events_is_drawn(tmp_path: Path) -> None:
    result = capture_rollout(SCENARIOS / "observation_baseline.yaml", tmp_path)
    plots = capture_plots(read_capture(result.manifest_path), read_events(result.manifest_path))
    assert "no conflict" in svg(plots[2])
    assert plots[2].alt.endswith("none")


def test_equal_captures_give_equal_plots(captured: CaptureResult) -> None:
    drawn = [
        [svg(plot) for plot in capture_plots(read_capture(path), read_events(path))]
        for path in (captured.manifest_path, captured.manifest_path)
    ]
    assert drawn[0] == drawn[1]
