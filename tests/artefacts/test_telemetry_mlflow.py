"""Exports to MLflow hold every number of the log once, however often they are repeated."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.telemetry_records import record, write_lines

from townlet.cli import main
from townlet.errors import InputError
from townlet.metrics import CONFLICT_INTENSITY, SHOWERS_AND_SLEEPS
from townlet.telemetry.curves import points_of
from townlet.tracking.export import export_mlflow

pytest.importorskip("mlflow", reason="needs pip install 'townlet[mlflow]'")

from mlflow import MlflowClient
from mlflow.entities import Metric, Run

REGISTERED = (CONFLICT_INTENSITY, SHOWERS_AND_SLEEPS)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database made by MLflow, in which each test has its own experiment."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "ppo.jsonl", [record(epoch) for epoch in (1, 2, 3)])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MLflow tends to leave files in the working directory."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    assert list(folder.iterdir()) == []


def runs_of(store: str, experiment: str) -> list[Run]:
    client = MlflowClient(tracking_uri=store)
    found = client.get_experiment_by_name(experiment)
    return list(client.search_runs([found.experiment_id])) if found else []


def values_of(curve: str, records: list[dict[str, Any]]) -> list[float]:
    return [point.value for point in points_of(records) if point.curve == curve]


def curves_of(store: str, run: Run) -> dict[str, list[Metric]]:
    client = MlflowClient(tracking_uri=store)
    histories = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    return {name: sorted(history, key=lambda metric: metric.step) for name, history in histories.items()}


def test_every_number_of_the_log_is_a_point_of_its_curve_over_agent_steps(log: Path, store: str) -> None:
    options = ["--tracking-uri", store, "--experiment", "numbers", "--run-name", "first"]
    assert main(["export", "mlflow", str(log), *options]) == 0
    (run,) = runs_of(store, "numbers")
    records = [record(epoch) for epoch in (1, 2, 3)]
    numbers = {n for n, v in records[0].items() if isinstance(v, int | float)} - {"telemetry_version"}
    curves = curves_of(store, run)
    assert {name.split("/", 1)[1] for name in curves if not name.startswith("town/")} == numbers
    assert {name for name in curves if name.startswith("town/")} == {f"town/{name}" for name in REGISTERED}
    assert {"metric/kl_divergence", "metric/conflict.rivalry_max_mean_avg", "clock/epoch_duration_sec"} <= set(curves)
    for name, points in curves.items():
        assert [point.step for point in points] == [each["steps"] for each in records]
        assert [point.value for point in points] == values_of(name, records)
        assert [point.timestamp - run.info.start_time for point in points] == [250, 500, 750]
    assert (run.info.run_name, run.info.status, run.info.end_time - run.info.start_time) == ("first", "FINISHED", 750)
    assert abs(run.info.end_time - log.stat().st_mtime * 1000) <= 1


def test_a_repeated_export_adds_only_new_epochs(log: Path, store: str) -> None:
    first = export_mlflow(log, store, "repeated")
    assert first.added == 3 * first.curves
    assert export_mlflow(log, store, "repeated") == (first.curves, 0, log.parent.name, first.run_id, None)
    log.rename(log.with_name("ppo.jsonl.1"))
    write_lines(log, [record(4), record(5)])
    assert export_mlflow(log, store, "repeated").added == 2 * first.curves
    (run,) = runs_of(store, "repeated")
    for name, points in curves_of(store, run).items():
        assert [point.value for point in points] == values_of(name, [record(epoch) for epoch in range(1, 6)])


def test_an_export_that_was_interrupted_is_completed_by_the_next(
    log: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_batch = MlflowClient.log_batch

    def part_of_it(self: MlflowClient, run_id: str, metrics: list[Metric] | None = None, **others: Any) -> None:
        log_batch(self, run_id, (metrics or [])[:50], **others)
        if metrics:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "log_batch", part_of_it)
        assert main(["export", "mlflow", str(log), "--tracking-uri", store, "--experiment", "interrupted"]) == 130
    rest = export_mlflow(log, store, "interrupted")
    assert rest.added == 3 * rest.curves - 50
    (run,) = runs_of(store, "interrupted")
    assert {len(points) for points in curves_of(store, run).values()} == {3}


def test_a_run_with_other_point_times_is_continued_without_duplicates(log: Path, store: str) -> None:
    """The earlier run has the times of a version that ignored epochs between records."""
    write_lines(log, [record(epoch) for epoch in (2, 4)])
    export_mlflow(log, store, "timed")
    (run,) = runs_of(store, "timed")
    client = MlflowClient(tracking_uri=store)
    earlier = client.create_run(
        client.create_experiment("timed otherwise"), tags=run.data.tags, run_name=run.info.run_name
    )
    for points in curves_of(store, run).values():
        timed = [Metric(p.key, p.value, earlier.info.start_time + at, p.step) for at, p in enumerate(points)]
        client.log_batch(earlier.info.run_id, metrics=timed)
    write_lines(log, [record(epoch) for epoch in (2, 4, 6)])
    exported = export_mlflow(log, store, "timed otherwise")
    assert exported.added == exported.curves
    (continued,) = runs_of(store, "timed otherwise")
    assert {len(points) for points in curves_of(store, continued).values()} == {3}


def test_a_log_that_no_longer_continues_its_run_is_refused_and_the_run_unchanged(log: Path, store: str) -> None:
    export_mlflow(log, store, "another course")
    (before,) = runs_of(store, "another course")
    write_lines(log, [record(1), record(2, kl_divergence=0.5)])
    with pytest.raises(InputError, match="expected a log that continues this run"):
        export_mlflow(log, store, "another course")
    (after,) = runs_of(store, "another course")
    assert curves_of(store, after) == curves_of(store, before)


def test_a_log_that_was_exported_under_another_name_is_refused(log: Path, store: str) -> None:
    export_mlflow(log, store, "names", "first")
    with pytest.raises(InputError, match="found run name 'second', expected run 'first'"):
        export_mlflow(log, store, "names", "second")
    assert len(runs_of(store, "names")) == 1


def test_another_training_is_another_run(log: Path, store: str, tmp_path: Path) -> None:
    export_mlflow(log, store, "two")
    export_mlflow(write_lines(tmp_path / "other.jsonl", [record(1, epoch_duration_sec=0.5)]), store, "two")
    assert len(runs_of(store, "two")) == 2


def test_a_log_that_is_not_valid_is_refused_without_an_experiment(
    tmp_path: Path, store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_lines(tmp_path / "ppo.jsonl", [record(1), record(2, lr="fast")])
    assert main(["export", "mlflow", str(log), "--tracking-uri", store, "--experiment", "invalid"]) == 2
    assert "line 2: lr" in capsys.readouterr().err
    assert MlflowClient(tracking_uri=store).get_experiment_by_name("invalid") is None


def test_an_address_without_an_mlflow_server_is_unusable_input(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "mlflow", str(log), "--tracking-uri", "nonsense://here"]) == 2
    assert capsys.readouterr().err.startswith("error: nonsense://here: found ")


def test_without_mlflow_the_error_says_how_to_install_it(
    log: Path, store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert main(["export", "mlflow", str(log), "--tracking-uri", store]) == 2
    assert "expected MLflow: pip install 'townlet[mlflow]'" in capsys.readouterr().err
