"""Which baseline counts: an explicit step, with its reason and its predecessor, and never undone."""

from __future__ import annotations

import datetime
import getpass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from upath import UPath

from townlet.baselines.baseline import (
    LEAST_SEEDS,
    Baseline,
    Sha256,
    read_baseline,
    require_scenario,
    write_baseline,
)
from townlet.baselines.compare import Difference, differences
from townlet.config import Scenario
from townlet.config.base import Section
from townlet.config.faults import validated
from townlet.errors import InputError
from townlet.files.filenames import FileName
from townlet.files.storage import AnyPath, as_path, exclusive, pretty_json, read_json, write_atomically

LEDGER_NAME = "promoted.json"
#: Where a checkout keeps its promoted baselines.
BASELINES_FOLDER = Path("baselines")


class Promotion(Section):
    """One entry: from then on, this baseline counts."""

    baseline: Sha256
    file: FileName
    """In the ledger's folder."""
    promoted_at: str
    """Coordinated universal time, ISO 8601."""
    by: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    parent: Sha256 | None
    """The baseline that it replaced."""
    differences: dict[str, Difference]
    """By metric, from the parent to this one."""


class Ledger(Section):
    """``promoted.json``: a scenario's promotions, the oldest first; the last one counts."""

    format: Literal["townlet-promotions"] = "townlet-promotions"
    version: Literal[1] = 1
    scenario: str
    promotions: list[Promotion] = []


def promote(
    path: AnyPath,
    scenario: Scenario,
    *,
    reason: str,
    by: str | None = None,
    folder: AnyPath = BASELINES_FOLDER,
    least_seeds: int = LEAST_SEEDS,
) -> Promotion:
    """Copy a baseline to ``<folder>/<scenario>/`` and append it to the ledger there; returns the entry.

    ``by`` defaults to the user's name. Raises InputError, with nothing written, for a baseline that is altered, of
    another scenario than the present one, of a policy, of too few seeds, without manifests or promoted already, and if
    there is no reason or ``by`` is blank.
    """
    baseline = read_baseline(path)
    require_scenario(path, baseline, scenario)
    if baseline.behavior == "neural":
        # Nights and the page of the baselines have nothing but the checkout, and weights are not in it.
        expected = "a behavior that needs no weights; one of a policy is used with townlet soak --baseline and --policy"
        raise InputError.of(path, "behavior", "'neural'", expected)
    if len(baseline.seeds) < least_seeds:
        raise InputError.of(path, "seeds", str(len(baseline.seeds)), f"at least {least_seeds}")
    missing = [seed for seed in baseline.seeds if str(seed) not in baseline.manifests]
    if missing:
        found = f"none of seed {missing[0]}"
        raise InputError.of(path, "manifests", found, "one per seed: build it without --no-captures")
    if not reason.strip():
        raise InputError.of("options", "--reason", "nothing", "why this baseline is to count from now on")
    if by is not None and not by.strip():
        raise InputError.of("options", "--by", "nothing", "who promotes it")
    home = as_path(folder) / scenario.name
    with exclusive(home):
        ledger = read_ledger(home, scenario.name)
        parent = _current(home, ledger)
        if parent is not None and parent.sha256 == baseline.sha256:
            raise InputError.of(path, "", "the baseline that counts already", "another one")
        promotion = Promotion(
            baseline=baseline.sha256,
            file=baseline.file_name,
            promoted_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            by=by.strip() if by else getpass.getuser(),
            reason=reason.strip(),
            parent=parent.sha256 if parent else None,
            differences=differences(parent, baseline),
        )
        write_baseline(home, baseline)
        longer = ledger.model_copy(update={"promotions": [*ledger.promotions, promotion]})
        write_atomically(home / LEDGER_NAME, pretty_json(longer.model_dump(mode="json")))
    return promotion


def read_ledger(home: AnyPath, scenario: str) -> Ledger:
    """The promotions in a scenario's folder, none if there is no ledger. Raises InputError for one that does not hold
    together: each entry but the first must have the one before it as its parent."""
    path = as_path(home) / LEDGER_NAME
    if not path.exists():
        return Ledger(scenario=scenario)
    ledger = validated(read_json(path, "a list of promotions"), Ledger, path)
    if ledger.scenario != scenario:
        raise InputError.of(path, "scenario", repr(ledger.scenario), repr(scenario))
    before = None
    for index, promotion in enumerate(ledger.promotions):
        if promotion.parent != before:
            raise InputError.of(path, f"promotions.{index}.parent", str(promotion.parent), str(before))
        before = promotion.baseline
    return ledger


def promoted_baseline(scenario: str, folder: AnyPath = BASELINES_FOLDER) -> tuple[Path | UPath, Baseline]:
    """The file and the content of the baseline that counts for a scenario. Raises InputError if there is none."""
    home = as_path(folder) / scenario
    ledger = read_ledger(home, scenario)
    baseline = _current(home, ledger)
    if baseline is None:
        expected = f"a promoted baseline: townlet baselines build, then promote, for {scenario}"
        raise InputError.of(home / LEDGER_NAME, "", "no promotion", expected)
    return home / ledger.promotions[-1].file, baseline


def promoted_scenarios(folder: AnyPath = BASELINES_FOLDER) -> list[str]:
    """Names of the scenarios that have promotions, sorted."""
    home = as_path(folder)
    return sorted(path.name for path in home.iterdir() if (path / LEDGER_NAME).exists()) if home.exists() else []


def _current(home: Path | UPath, ledger: Ledger) -> Baseline | None:
    if not ledger.promotions:
        return None
    last = ledger.promotions[-1]
    baseline = read_baseline(home / last.file)
    if baseline.sha256 != last.baseline:
        raise InputError.of(home / last.file, "sha256", baseline.sha256, f"{last.baseline}, which was promoted")
    return baseline
