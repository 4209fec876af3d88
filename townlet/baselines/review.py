"""Review of a baseline: six questions that a reviewer asks about it, and their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upath import UPath

from townlet.baselines.baseline import Baseline, read_baseline
from townlet.baselines.compare import Difference
from townlet.baselines.promotion import LEDGER_NAME, Promotion, promoted_baseline, read_ledger
from townlet.files.storage import AnyPath, as_path
from townlet.host.installation import CHANGES
from townlet.metrics import METRICS
from townlet.text.terminal import printable

#: Characters of a hash that name a file.
_SHORT = 12
#: Most metrics that the answer about the replaced baseline lists.
_LISTED = 3


@dataclass(frozen=True)
class BaselineReview:
    """A baseline with its promotions, and the answers to six questions about it."""

    file: Path | UPath
    baseline: Baseline
    promotions: Sequence[Promotion] = field(default=())
    """All promotions of its scenario, the oldest first; empty if no ledger names the baseline."""

    @property
    def promotion(self) -> Promotion | None:
        """The baseline's latest promotion; None if it was never promoted."""
        own = [entry for entry in self.promotions if entry.baseline == self.baseline.sha256]
        return own[-1] if own else None

    @property
    def successor(self) -> Promotion | None:
        """The promotion that replaced the baseline's latest one; None if it is in force, or never was."""
        entry = self.promotion
        later = [] if entry is None else self.promotions[self.promotions.index(entry) + 1 :]
        return later[0] if later else None

    def sentences(self) -> list[tuple[str, str]]:
        """The six questions, each with its answer in plain text."""
        return [
            ("Which rollouts?", self._rollouts()),
            ("Which policy or script acted?", self._acting()),
            ("Which code and commit?", code_in_words(self.baseline)),
            ("Who promoted it?", self._by()),
            ("Why?", _line(self.promotion.reason) if self.promotion else "It is not promoted."),
            ("What did it replace?", self._replaced()),
        ]

    def as_json(self) -> dict[str, Any]:
        """The answers as plain values. ``promoted``, ``reason`` and ``replaced`` are null for what there is not."""
        baseline, entry, successor = self.baseline, self.promotion, self.successor
        return {
            "scenario": baseline.scenario,
            "baseline": baseline.sha256,
            "file": str(self.file),
            "rollouts": {
                "seeds": baseline.seeds,
                "worlds": baseline.worlds,
                "ticks": baseline.ticks,
                "scenario_sha256": baseline.scenario_sha256,
                "manifests": baseline.manifests,
            },
            "acted": {
                "behavior": baseline.behavior,
                "policy_sha256": baseline.policy_sha256,
                **({} if baseline.origin is None else {"origin": baseline.origin.model_dump()}),
            },
            "code": {**baseline.code.model_dump(), "made_with": baseline.made_with},
            "promoted": None
            if entry is None
            else {
                "by": entry.by,
                "at": entry.promoted_at,
                "in_force": successor is None,
                "replaced_at": successor.promoted_at if successor else None,
                "replaced_by": successor.baseline if successor else None,
            },
            "reason": entry.reason if entry else None,
            "replaced": entry.parent if entry else None,
        }

    def _rollouts(self) -> str:
        baseline = self.baseline
        recorded = len(baseline.manifests)
        manifests = {
            0: "none was recorded",
            len(baseline.seeds): "the baseline names the manifest of each",
        }.get(recorded, f"the baseline names the manifests of {recorded}")
        worlds = f"{baseline.worlds} world{'s' * (baseline.worlds > 1)} of {baseline.ticks} ticks"
        return (
            f"{len(baseline.seeds)} of {baseline.scenario}, {_seeds(baseline.seeds)}, each with {worlds}; {manifests}. "
            f"What the scenario says about rollouts has the hash {baseline.scenario_sha256[:_SHORT]}."
        )

    def _acting(self) -> str:
        behavior, weights = self.baseline.behavior, self.baseline.policy_sha256
        if weights is not None:
            return f"A policy, with the weights {weights[:_SHORT]}."
        if self.baseline.origin is not None and self.baseline.origin.members:
            return f"Mixed company: {self.baseline.origin.sentence()}."
        if self.baseline.origin is not None:
            actor = self.baseline.actor
            return f"{actor[0].upper()}{actor[1:]}." if self.baseline.origin.members else f"{actor}."
        actors = {
            "scripted": "The scenario's script (scripted)",
            "heuristic": "The heuristic, which acts by need (heuristic)",
            "random": "Random actions (random)",
        }
        return f"{actors.get(behavior, behavior)}; no policy."

    def _by(self) -> str:
        entry, successor = self.promotion, self.successor
        if entry is None:
            return f"Nobody: no {LEDGER_NAME} was found that names it."
        promoted = f"{_line(entry.by)}, on {_moment(entry.promoted_at)}"
        if successor is None:
            return f"{promoted}. It is in force: soaks are compared with it."
        return (
            f"{promoted}. It is no longer in force: {_line(successor.by)} replaced it by {successor.baseline[:_SHORT]} "
            f"on {_moment(successor.promoted_at)}."
        )

    def _replaced(self) -> str:
        entry = self.promotion
        if entry is None:
            return "Nothing: it is not promoted."
        if entry.parent is None:
            return "Nothing: it is the scenario's first baseline."
        return f"{entry.parent[:_SHORT]}; {_changed(entry.differences)}."


def review_of(home: AnyPath, scenario: str) -> BaselineReview:
    """The review of a scenario's promoted baseline.

    ``home`` is the folder of all promoted baselines, with one folder for each scenario. Raises InputError if the
    scenario has none, and for a damaged baseline or ledger.
    """
    folder = as_path(home)
    file, baseline = promoted_baseline(scenario, folder)
    return BaselineReview(file, baseline, read_ledger(folder / scenario, scenario).promotions)


def review_of_file(file: AnyPath, ledger_folder: AnyPath | None = None) -> BaselineReview:
    """The review of a baseline's file, promoted or not.

    ``ledger_folder`` is the folder with its scenario's promotions, if there is one. Raises InputError for a damaged
    baseline or ledger.
    """
    baseline = read_baseline(file)
    promotions = [] if ledger_folder is None else read_ledger(ledger_folder, baseline.scenario).promotions
    return BaselineReview(as_path(file), baseline, promotions)


def code_in_words(baseline: Baseline) -> str:
    """The code that measured a baseline, as a sentence that says plainly if no commit holds that code."""
    sources, commit = f"Sources {baseline.code.sha256[:_SHORT]}", baseline.code.commit
    if commit is None:
        return f"{sources}; no commit is on record, because the code was not in a git checkout."
    if commit.endswith(CHANGES):
        return f"{sources}, from commit {commit.removesuffix(CHANGES)[:_SHORT]} with changes that are in no commit."
    return f"{sources}, commit {commit[:_SHORT]}."


def has_code_on_record(baseline: Baseline) -> bool:
    """Whether a commit holds the code that measured a baseline."""
    commit = baseline.code.commit
    return commit is not None and not commit.endswith(CHANGES)


def _changed(differences: Mapping[str, Difference]) -> str:
    """The metrics whose mean changed, as a part of a sentence."""
    changed = {name: each for name, each in differences.items() if each.old != each.new}
    if not changed:
        return "every metric has the same mean"
    listed = [
        f"{METRICS[name].label if name in METRICS else name} {_number(each.old)} → {_number(each.new)}"
        for name, each in list(changed.items())[:_LISTED]
    ]
    more = f" and {len(changed) - _LISTED} more" if len(changed) > _LISTED else ""
    return f"{len(changed)} of {len(differences)} metrics have another mean: {', '.join(listed)}{more}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.5g}"


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    run = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    return f"seeds {seeds[0]} to {seeds[-1]}" if run else f"{len(seeds)} seeds from {min(seeds)} to {max(seeds)}"


def _line(text: str) -> str:
    """What a person wrote, on one line that is safe to print."""
    return printable(" ".join(text.split()))


def _moment(time: str) -> str:
    """A time in ISO 8601 and UTC, for people."""
    day, _, clock = time.partition("T")
    return f"{day} at {clock[:5]} UTC" if clock else day
