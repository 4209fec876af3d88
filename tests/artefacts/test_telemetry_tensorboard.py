"""Exports to TensorBoard hold every number of the log, or are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.telemetry_records import record, write_lines
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from townlet.cli import main
from townlet.errors import InputError
from townlet.telemetry.curves import points_of
from townlet.tracking.export import export_tensorboard


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "ppo.jsonl", [record(epoch) for epoch in (1, 2, 3)])


def test_every_number_of_the_log_is_a_point_of_its_curve_over_agent_steps(log: Path, tmp_path: Path) -> None:
    assert main(["export", "tensorboard", str(log), "--output", str(tmp_path / "curves")]) == 0
    found = EventAccumulator(str(tmp_path / "curves"))
    found.Reload()
    records = [record(epoch) for epoch in (1, 2, 3)]
    numbers = {n for n, v in records[0].items() if isinstance(v, int | float)} - {"telemetry_version"}
    tags = {tag.split("/", 1)[1]: tag for tag in found.Tags()["scalars"] if not tag.startswith("town/")}
    assert tags.keys() == numbers
    assert tags["kl_divergence"] == "metric/kl_divergence"
    assert tags["epoch_duration_sec"] == "clock/epoch_duration_sec"
    for name, tag in tags.items():
        points = found.Scalars(tag)
        assert [point.step for point in points] == [each["steps"] for each in records]
        assert [point.value for point in points] == pytest.approx([each[name] for each in records], rel=1e-6)
        assert [point.wall_time for point in points] == [0.25, 0.5, 0.75]


def test_epochs_that_were_not_logged_count_as_long_as_the_next_logged_one() -> None:
    durations = {1: 1.0, 4: 0.25, 7: 0.5}
    log = [record(epoch, epoch_duration_sec=seconds) for epoch, seconds in durations.items()]
    seconds = {point.step: point.seconds for point in points_of(log)}
    assert list(seconds.values()) == [1.0, 1.0 + 3 * 0.25, 1.0 + 3 * 0.25 + 3 * 0.5]


def test_an_existing_folder_is_refused_and_unchanged(log: Path, tmp_path: Path) -> None:
    output = tmp_path / "curves"
    export_tensorboard(log, output)
    before = sorted(output.iterdir())
    with pytest.raises(InputError, match="found a folder or file of that name, expected a new folder"):
        export_tensorboard(log, output)
    assert sorted(output.iterdir()) == before


def test_a_log_that_is_not_valid_is_refused_without_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_lines(tmp_path / "ppo.jsonl", [record(1), record(2, lr="fast")])
    assert main(["export", "tensorboard", str(log), "--output", str(tmp_path / "curves")]) == 2
    assert "line 2: lr" in capsys.readouterr().err
    assert not (tmp_path / "curves").exists()
