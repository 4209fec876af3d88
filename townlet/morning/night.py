"""One night of one scenario: its state, why, what to do next, and its headline metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, MEMORY, REWARD, SPEED
from townlet.soak.next_steps import NextStep

State = Literal["rejected", "damaged", "crashed", "missed", "held", "unfinished", "waiting", "accepted", "none"]

#: The states, the most urgent first, each with its mark.
MARKS: Mapping[State, str] = {
    "rejected": "✗",
    "damaged": "#",
    "crashed": "!",
    "missed": "?",
    "held": "=",
    "unfinished": "…",
    "waiting": "·",
    "accepted": "✓",
    "none": " ",
}
SEVERITY: Mapping[State, int] = {state: place for place, state in enumerate(MARKS)}
#: States that are an error for whoever is on call, rather than a warning.
ERRORS: frozenset[State] = frozenset({"rejected", "damaged", "crashed"})
#: What each state says in a sentence that counts nights.
WORDS: Mapping[State, str] = {**{state: state for state in MARKS}, "waiting": "not due yet", "none": "no night"}

#: Metrics whose course the overview shows, each with the role in which a soak measures it.
HEADLINE_METRICS = {
    CONFLICT_INTENSITY: "reference",
    COMPLETED_USES: "reference",
    REWARD: "reference",
    SPEED: "resource",
    MEMORY: "resource",
}


@dataclass(frozen=True, slots=True)
class Level:
    """The mean of a metric over a night, and the baseline's."""

    mean: float
    baseline: float | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """What is on record about a failed run."""

    file: Path
    """Its JSON file; the page of the same name is Markdown."""
    run_id: str
    failed_at: str
    reason: str
    log_tail: tuple[str, ...]
    how_to_resume: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Night:
    """One night of one scenario."""

    scenario: str
    day: date
    state: State
    why: str = ""
    """One sentence."""
    step: NextStep | None = None
    """What to do next."""
    report: Path | None = None
    """The page of the acceptance report, if there is one."""
    drift: Path | None = None
    """The file with the verdict, if there is one."""
    drift_sha256: str | None = None
    incident: Incident | None = None
    levels: Mapping[str, Level] = field(default_factory=dict)
    """Headline metrics by name."""

    @property
    def word(self) -> str:
        """What a list says of the night: its state in a word or two."""
        never_soaked = self.state == "none" and self.step is not None
        return "not soaked yet" if never_soaked else WORDS[self.state]

    def as_json(self, store: Path) -> dict[str, Any]:
        """Plain values, without the metrics; the report's path is relative to the store, the incident is a name."""
        return {
            "scenario": self.scenario,
            "day": self.day.isoformat(),
            "state": self.state,
            "why": self.why,
            "next_step": self.step.sentence if self.step else None,
            "handbook": self.step.handbook if self.step else None,
            "report": self.report.relative_to(store).as_posix() if self.report else None,
            "incident": self.incident.file.with_suffix(".md").name if self.incident else None,
            "run": self.incident.run_id if self.incident else None,
        }
