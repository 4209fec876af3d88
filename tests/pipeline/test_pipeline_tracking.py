"""Trainings of the pipeline that are tracked in other tools."""

from __future__ import annotations

from pathlib import Path

from dagster import AssetSelection
from support.pipeline_runs import materialized, new_instance, reasons, run_column
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from townlet_pipeline.resources import Mode

TRAINED = AssetSelection.assets("scenario", "trained_policy", "ppo_telemetry")


def test_a_tracked_training_has_its_curves_beside_the_store_and_its_page_says_where(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        result = run_column(instance, tmp_path / "store", selection=TRAINED, mode=Mode.rollout, track=["tensorboard"])
    assert result.success
    metadata = materialized(result)["trained_policy"].metadata
    assert metadata["tracked_in_tensorboard"].value == f"tensorboard --logdir {tmp_path / 'tracking' / 'tensorboard'}"
    (run,) = (tmp_path / "tracking" / "tensorboard").iterdir()
    read = EventAccumulator(str(run))
    read.Reload()
    assert len(read.Scalars("metric/loss_total")) == 2


def test_a_tool_that_there_is_not_is_refused_before_the_training(tmp_path: Path) -> None:
    with new_instance(tmp_path) as instance:
        result = run_column(instance, tmp_path / "store", selection=TRAINED, mode=Mode.rollout, track=["wandb"])
    assert "found 'wandb', expected one of mlflow, tensorboard" in next(iter(reasons(result).values()))
    assert not list((tmp_path / "store").glob("*/trained_policy/*.safetensors"))
