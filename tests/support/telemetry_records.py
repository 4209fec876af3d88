"""Valid telemetry records for the tests of the telemetry tools."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TRANSITIONS = 256


def fields(epoch: int, /, **changed: Any) -> dict[str, Any]:
    """The fields that a training gives the writer for an epoch: deterministic, and different for each epoch."""
    values: dict[str, Any] = {
        "epoch": epoch,
        "updates": 4,
        "transitions": TRANSITIONS,
        "steps": TRANSITIONS * epoch,
        "loss_policy": -0.01 * epoch,
        "loss_value": 1.0 / epoch,
        "loss_entropy": -0.015,
        "loss_total": 1.0 / epoch - 0.01 * epoch - 0.015,
        "clip_fraction": 0.05,
        "clip_fraction_max": 0.1,
        "clip_triggered_minibatches": 2,
        "adv_mean": 0.01,
        "adv_std": 0.8,
        "adv_zero_std_batches": 0,
        "adv_min_std": 0.7,
        "grad_norm": 0.4,
        "kl_divergence": 0.004 + 0.001 * (epoch % 3),
        "lr": 0.001,
        "conflict.rivalry_max_mean_avg": 0.2,
        "conflict.rivalry_max_max_avg": 0.5,
        "conflict.rivalry_avoid_count_mean_avg": 0.1,
        "conflict.rivalry_avoid_count_max_avg": 1.0,
        "data_mode": "rollout",
        "cycle_id": (epoch + 1) // 2,
        "epoch_duration_sec": 0.25,
        "batch_entropy_mean": 2.0 / (1.0 + 0.1 * epoch),
        "batch_entropy_std": 0.05,
        "grad_norm_max": 0.6,
        "kl_divergence_max": 0.01,
        "reward_advantage_corr": 0.3,
        "rollout_ticks": 40,
        "queue_conflict_events": 12.0,
        "queue_conflict_intensity_sum": 9.5,
        "shared_meal_events": 3.0,
        "late_help_events": 0.0,
        "shift_takeover_events": 0.0,
        "chat_success_events": 5.0,
        "chat_failure_events": 1.0,
        "chat_quality_mean": 0.7,
        "utility_outage_events": 0.0,
        "shower_complete_events": 8.0,
        "sleep_complete_events": 6.0,
    }
    return {**values, **changed}


def record(epoch: int, /, **changed: Any) -> dict[str, Any]:
    """A complete record of schema 1.1, as the writer makes it."""
    return {"telemetry_version": 1.1, **fields(epoch), "log_stream_offset": epoch, **changed}


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    """Write records unchecked."""
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return path
