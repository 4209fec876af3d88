"""Evidence of a verdict: a soak's folder and its baseline, read, checked against each other, and assessed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.baselines import WORLD_METRICS, Baseline, read_baseline
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.metrics import MEMORY, SPEED
from townlet.soak.assessment import Assessment
from townlet.soak.broken_bounds import BrokenBound, bounds_broken
from townlet.soak.drift_detection import REFERENCE, detect_drift
from townlet.soak.learned_change import LEARNING_METRICS
from townlet.soak.manifest import MANIFEST_NAME
from townlet.soak.read import Columns, Soak, read_soak
from townlet.soak.resources import WARM_UP
from townlet.soak.verdict import SoakVerdict, decide


@dataclass(frozen=True)
class Evidence:
    """Everything that a verdict rests on, and the verdict."""

    soak: Soak
    baseline: Baseline
    assessment: Assessment
    verdict: SoakVerdict
    bounds: tuple[BrokenBound, ...]
    """The scenario's bounds that were broken."""

    @property
    def bounds_not_applied(self) -> dict[str, float]:
        """The scenario's bounds, by signal, that the soak ignored because its network learnt."""
        bounds: dict[str, float] = self.soak.manifest.get("bounds_not_applied", {})
        return bounds

    def as_json(self) -> dict[str, Any]:
        """The acceptance report as plain values."""
        manifest = self.soak.manifest
        return {
            "format": "townlet-acceptance",
            "schema_version": 1,
            **{name: manifest[name] for name in ("scenario", "night", "mode", "seed", "cycles_done")},
            **self.verdict.as_json(),
            "assessment": self.assessment.as_json(),
            "soak": {name: manifest[name] for name in ("scenario_sha256", "code_version", "policy", "capture", "files")}
            | {"bounds_not_applied": self.bounds_not_applied},
            "baseline_sha256": self.baseline.sha256,
        }

    def steps(self) -> list[str]:
        """What to do now, step by step, as Markdown of one line each, with this soak's scenario and seed in it.

        Where a single cycle is out of line, the seed is that cycle's.
        """
        changed = self.assessment.of("alert") or self.assessment.of("watch")
        found = [one.finding for metric in changed if metric.role == "reference" and (one := metric.decisive())]
        single = found and all(one.test == "one cycle" for one in found)
        manifest = self.soak.manifest
        seed = int(self.soak.cycles["seed"][found[0].cycle]) if single else manifest["seed"]
        return self.verdict.next_step.filled_in(manifest["scenario"], seed)


def assess_soak(folder: AnyPath, baseline: AnyPath | None = None) -> Evidence:
    """Read a finished soak, assess it against a baseline, by default its own copy of one, and decide.

    Raises InputError for files that are not what their manifests say, and for a baseline whose rollouts are of another
    kind than the soak's reference rollouts.
    """
    soak = read_soak(folder)
    manifest = Path(str(folder)) / MANIFEST_NAME
    found = _read_baseline(soak, manifest, baseline)
    _require_same_rollouts(soak, manifest, found)
    assessment = detect_drift(
        metrics_of(soak.cycles),
        found.samples(),
        learning=bool(soak.manifest["learning"]),
        resources=resources_of(soak.resources),
        process=soak.resources["process"].astype(np.int64),
        reference_worlds=soak.manifest["worlds"],
        network_worlds=soak.manifest["training"]["worlds"],
    )
    verdict = decide(assessment, broken_bounds=broken_bounds(soak))
    return Evidence(soak, found, assessment, verdict, tuple(bounds_of(soak)))


def _read_baseline(soak: Soak, manifest: Path, baseline: AnyPath | None) -> Baseline:
    if baseline is not None:
        return read_baseline(baseline)
    named = soak.manifest["baseline"]
    copy = manifest.with_name(named["file"])
    found = read_baseline(copy)
    if found.sha256 != named["sha256"]:
        raise InputError.of(copy, "sha256", found.sha256, f"{named['sha256']}, as {manifest} says")
    return found


def _require_same_rollouts(soak: Soak, manifest: Path, baseline: Baseline) -> None:
    """Raise InputError unless the soak's reference rollouts are of the same kind as the baseline's."""
    for field in ("scenario", "scenario_sha256", "worlds", "ticks", "behavior"):
        expected = getattr(baseline, field)
        if soak.manifest[field] != expected:
            raise InputError.of(manifest, field, repr(soak.manifest[field]), f"{expected!r}, as in the baseline")
    # If a script made the baseline, the soak's policy is only what the network began with.
    if baseline.behavior == "neural" and soak.manifest["policy"] != baseline.policy_sha256:
        expected = f"{baseline.policy_sha256!r}, which acted for the baseline"
        raise InputError.of(manifest, "policy", repr(soak.manifest["policy"]), expected)


def metrics_of(cycles: Columns) -> dict[str, NDArray[np.float64]]:
    """The columns of ``cycles.jsonl`` that are metrics of the network or of the baseline's behaviour."""
    names = (*WORLD_METRICS, *LEARNING_METRICS, *(REFERENCE + name for name in WORLD_METRICS))
    return {name: cycles[name] for name in names if name in cycles}


def resources_of(measured: Columns) -> dict[str, NDArray[np.float64]]:
    """The resources in the columns of ``resources.jsonl``, float64 [N]; NaN while a process warms up.

    Speed is also given against the yardstick: agent-steps in the processor time of one fixed calculation. Neither other
    work nor a processor that slows down changes that number much. The log's length becomes what each cycle added.
    """
    columns = {name: measured[name].copy() for name in (MEMORY, "open_files", "agent_steps_per_second")}
    processor = np.maximum(measured["cpu_seconds"], 1e-9)
    yardsticks = processor / measured.get("yardstick_seconds", np.full_like(processor, np.nan))
    columns[SPEED] = measured["agent_steps_per_second"] * measured["seconds"] / yardsticks
    columns["log_bytes_per_cycle"] = np.diff(measured["log_bytes"], prepend=np.nan)
    warming = measured["process_cycle"] <= WARM_UP
    for values in columns.values():
        values[warming] = np.nan
    return columns


def broken_bounds(soak: Soak) -> list[str]:
    """A sentence, without its full stop, for each of the scenario's bounds that was broken."""
    return [bound.sentence for bound in bounds_of(soak)]


def bounds_of(soak: Soak) -> list[BrokenBound]:
    """The scenario's bounds that were broken."""
    return bounds_broken(soak.alerts)
