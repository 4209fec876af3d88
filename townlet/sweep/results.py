"""Results of a sweep."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from townlet.config import Scenario
from townlet.sweep.confirm import Confirmation
from townlet.sweep.options import SweepOptions
from townlet.sweep.records import TrialRecord
from townlet.sweep.search import importances
from townlet.sweep.space import Space

RESULT_NAME, REPORT_NAME, PLOT_NAME = "sweep.json", "sweep.md", "sweep.png"
BEST_NAME, EXPERIMENT_NAME = "best.yaml", "experiment.yaml"
VERSION = 1


@dataclass(frozen=True)
class SweepResult:
    """What a sweep found."""

    file: str
    """The scenario's file, or its name."""
    fixed: Scenario
    """The scenario with what was fixed for all trials."""
    space: Space
    options: SweepOptions
    records: tuple[TrialRecord, ...]
    best: TrialRecord
    confirmation: Confirmation | None
    """None if none was asked for, or if the scenario's own settings are the best."""

    @property
    def folder(self) -> Path:
        """The sweep's folder."""
        return Path(self.options.output)

    @property
    def ranked(self) -> list[TrialRecord]:
        """The trials with a score, the best first."""
        scored = [record for record in self.records if record.score is not None]
        return sorted(scored, key=lambda record: -self.options.sign * float(record.score or 0.0))

    @property
    def default(self) -> TrialRecord | None:
        """The trial of the scenario's own settings, if there was one."""
        return next((record for record in self.records if record.settings == self.space.default), None)

    @property
    def is_default_best(self) -> bool:
        """Whether no trial beat the scenario's own settings."""
        return self.best.settings == self.space.default

    def count(self, state: str) -> int:
        """Number of trials that ended so."""
        return sum(record.state == state for record in self.records)

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values; no clock times, so equal sweeps are equal."""
        metric, options = self.options.measured, self.options
        return {
            "format": "townlet-sweep",
            "version": VERSION,
            "scenario": {"name": self.fixed.name, "config_sha256": self.fixed.digest},
            "fixed": dict(self.fixed.settings),
            "space": self.space.as_json(),
            "default": dict(self.space.default),
            "metric": {"name": metric.name, "unit": metric.unit, "more_is_better": metric.more_is_better},
            "sampler": options.sampler,
            "pruner": options.pruned_by,
            "jobs": options.jobs,
            "seeds": list(options.seeds),
            "worlds": options.worlds,
            "world_seed": options.world_seeds(self.fixed)[0],
            "counts": {state: self.count(state) for state in ("complete", "pruned", "failed")},
            "best": {"number": self.best.number, "score": self.best.score, "settings": self.best.settings},
            "importances": importances(self.space, options, self.records),
            "confirmation": None if self.confirmation is None else self.confirmation.as_json(),
            "trials": [record.model_dump(mode="json", exclude={"notes"}) for record in self.records],
        }


def all_settings(result: SweepResult) -> dict[str, JsonValue]:
    """What turns the scenario into the best trial's: what was fixed, and the best settings."""
    return {**result.fixed.settings, **result.best.settings}
