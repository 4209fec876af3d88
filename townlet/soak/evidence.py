"""A soak's folder and its baseline, read, checked against each other, and judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from townlet.baselines import WORLD_METRICS, Baseline, read_baseline
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.soak.assessment import Assessment
from townlet.soak.cycle import LEARNING_METRICS
from townlet.soak.drift import REFERENCE, assess
from townlet.soak.manifest import MANIFEST_NAME
from townlet.soak.read import Columns, Soak, read_soak
from townlet.soak.resources import WARM_UP
from townlet.soak.verdict import Ruling, rule_on


@dataclass(frozen=True)
class Evidence:
    """Everything that a verdict rests on, and the verdict."""

    soak: Soak
    baseline: Baseline
    assessment: Assessment
    ruling: Ruling


def judge_soak(folder: AnyPath, baseline: AnyPath | None = None) -> Evidence:
    """Read a finished soak and judge it against the ``baseline``, by default the one that it holds a copy of.

    Raises InputError for files that are not what their manifests say, and for a baseline of other rollouts than those
    that the soak made beside its cycles.
    """
    soak = read_soak(folder)
    path = Path(str(folder)) / MANIFEST_NAME
    named = soak.manifest["baseline"]
    copy = path.with_name(named["file"])
    found = read_baseline(baseline if baseline is not None else copy)
    if baseline is None and found.sha256 != named["sha256"]:
        raise InputError.of(copy, "sha256", found.sha256, f"{named['sha256']}, as {path} says")
    for field in ("scenario", "scenario_sha256", "worlds", "ticks", "behavior"):
        expected = getattr(found, field)
        if soak.manifest[field] != expected:
            raise InputError.of(path, field, repr(soak.manifest[field]), f"{expected!r}, as in the baseline")
    # Where a script acts for the baseline, the soak's policy is the network's only.
    if found.behavior == "neural" and soak.manifest["policy"] != found.policy_sha256:
        expected = f"{found.policy_sha256!r}, which acted for the baseline"
        raise InputError.of(path, "policy", repr(soak.manifest["policy"]), expected)
    assessment = assess(
        metrics_of(soak.cycles),
        found.samples(),
        learning=bool(soak.manifest["learning"]),
        resources=resources_of(soak.resources),
        process=soak.resources["process"].astype(np.int64),
    )
    return Evidence(soak, found, assessment, rule_on(assessment, broken_bounds=broken_bounds(soak)))


def metrics_of(cycles: Columns) -> dict[str, NDArray[np.float64]]:
    """The columns of ``cycles.jsonl`` that are metrics, of the network and of the baseline's behaviour."""
    names = (*WORLD_METRICS, *LEARNING_METRICS, *(REFERENCE + name for name in WORLD_METRICS))
    return {name: cycles[name] for name in names if name in cycles}


def resources_of(measured: Columns) -> dict[str, NDArray[np.float64]]:
    """What is judged of ``resources.jsonl``, float64 [N]: NaN while a process warms up.

    Speed is also taken per yardstick: in the processor time in which the yardstick's calculation is done once. Neither
    other work nor a processor that slows down changes that much. The log's length is turned into what each cycle added.
    """
    columns = {
        name: measured[name].copy() for name in ("resident_memory_bytes", "open_files", "agent_steps_per_second")
    }
    processor = np.maximum(measured["cpu_seconds"], 1e-9)
    yardsticks = processor / measured.get("yardstick_seconds", np.full_like(processor, np.nan))
    columns["agent_steps_per_yardstick"] = measured["agent_steps_per_second"] * measured["seconds"] / yardsticks
    columns["log_bytes_per_cycle"] = np.diff(measured["log_bytes"], prepend=np.nan)
    warming = measured["process_cycle"] <= WARM_UP
    for values in columns.values():
        values[warming] = np.nan
    return columns


def broken_bounds(soak: Soak) -> list[str]:
    """A sentence for each of the scenario's own bounds that was broken, without its full stop."""
    first: dict[str, str] = {}
    cycles: dict[str, int] = {}
    for number, alerts in enumerate(soak.alerts, start=1):
        for signal in dict.fromkeys(alert["signal"] for alert in alerts):
            alert = next(alert for alert in alerts if alert["signal"] == signal)
            first.setdefault(
                signal, f"{alert['field']} {alert['found']} in cycle {number}, expected {alert['expected']}"
            )
            cycles[signal] = cycles.get(signal, 0) + 1
    return [
        f"A bound of the scenario's own was broken in {count} of {len(soak.alerts)} cycles: {first[signal]}"
        for signal, count in cycles.items()
    ]
