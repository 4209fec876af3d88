"""Promotion of baselines: an explicit step, recorded with its reason and the baseline replaced, never undone."""

from __future__ import annotations

import datetime
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
from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.filenames import FileName
from townlet.files.storage import AnyPath, as_path, exclusive, pretty_json, read_json, write_atomically
from townlet.host.installation import git_author

LEDGER_NAME = "promoted.json"
#: Where a checkout keeps its promoted baselines.
BASELINES_FOLDER = Path("baselines")


class Promotion(Section):
    """An entry of the ledger: from ``promoted_at`` on, soaks are compared with this baseline."""

    baseline: Sha256
    file: FileName
    """File name in the ledger's folder."""
    promoted_at: str
    """Time in UTC, ISO 8601."""
    by: Annotated[str, Field(min_length=1)]
    reason: Annotated[str, Field(min_length=1)]
    parent: Sha256 | None
    """The baseline that this one replaced."""
    differences: dict[str, Difference]
    """Differences by metric, from the parent to this baseline."""


class Ledger(Section):
    """``promoted.json``: a scenario's promotions, the oldest first; the last one is in force."""

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

    Args:
        path: the baseline's file.
        scenario: the scenario as it is now.
        reason: why, for the ledger.
        by: who promotes it; by default git's author, see :func:`townlet.host.installation.git_author`.
        folder: where the promoted baselines lie.
        least_seeds: fewest seeds.

    Raises InputError, with nothing written, for a baseline that was altered, is of another scenario or of a policy, has
    too few seeds, lacks manifests or is promoted already, for a blank ``reason`` or ``by``, and if nobody is named.
    """
    baseline = read_baseline(path)
    require_scenario(path, baseline, scenario)
    _require_promotable(path, baseline, least_seeds)
    if not reason.strip():
        raise InputError.of("options", "--reason", "nothing", "why this baseline replaces the former one")
    home = as_path(folder) / scenario.name
    person = _person(by, home)
    with exclusive(home):
        ledger = read_ledger(home, scenario.name)
        parent = _current(home, ledger)
        if parent is not None and parent.sha256 == baseline.sha256:
            raise InputError.of(path, "", "the baseline that is promoted already", "another one")
        promotion = Promotion(
            baseline=baseline.sha256,
            file=baseline.file_name,
            promoted_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            by=person,
            reason=reason.strip(),
            parent=parent.sha256 if parent else None,
            differences=differences(parent, baseline),
        )
        write_baseline(home, baseline)
        longer = ledger.model_copy(update={"promotions": [*ledger.promotions, promotion]})
        write_atomically(home / LEDGER_NAME, pretty_json(longer.model_dump(mode="json")))
    return promotion


def _person(by: str | None, home: Path | UPath) -> str:
    """Who promotes: the one who is named, else git's author in the folder of the baselines."""
    named = by if by is not None else git_author(home if isinstance(home, Path) else Path.cwd())
    if named is None:
        expected = "who promotes it; without --by it is git's author: git config user.name NAME"
        raise InputError.of("options", "--by", "nothing, and git has no user.name", expected)
    if not named.strip():
        raise InputError.of("options", "--by", "nothing", "who promotes it")
    return named.strip()


def _require_promotable(path: AnyPath, baseline: Baseline, least_seeds: int) -> None:
    if baseline.acted is not None:
        # Nightly soaks and the page of the baselines read only the checkout, which holds neither weights nor such code.
        option = "--policy" if baseline.origin is None else "--behavior"
        expected = f"a behavior that needs no weights and no code of yours; use townlet soak --baseline and {option}"
        raise InputError.of(path, "behavior", repr(baseline.behavior), expected)
    if len(baseline.seeds) < least_seeds:
        raise InputError.of(path, "seeds", str(len(baseline.seeds)), f"at least {least_seeds}")
    missing = [seed for seed in baseline.seeds if str(seed) not in baseline.manifests]
    if missing:
        found = f"none of seed {missing[0]}"
        raise InputError.of(path, "manifests", found, "one per seed: build it without --no-captures")


def read_ledger(home: AnyPath, scenario: str) -> Ledger:
    """The ledger in a scenario's folder; an empty one if there is none.

    Raises InputError for a damaged ledger: the parent of each entry must be the entry before it.
    """
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
    """The file and the content of a scenario's promoted baseline. Raises InputError if there is none."""
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
    """The promoted baseline."""
    if not ledger.promotions:
        return None
    last = ledger.promotions[-1]
    baseline = read_baseline(home / last.file)
    if baseline.sha256 != last.baseline:
        raise InputError.of(home / last.file, "sha256", baseline.sha256, f"{last.baseline}, which was promoted")
    return baseline
