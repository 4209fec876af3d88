"""Scenarios that have nights: those with a promoted baseline and a file, each since its first promotion."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from townlet.baselines.promotion import LEDGER_NAME, promoted_scenarios, read_ledger
from townlet.errors import InputError

#: For a scenario whose ledger cannot be read: better to miss its nights than to overlook them.
_ALWAYS = datetime.min.replace(tzinfo=UTC)


def promoted_since(baselines: Path) -> tuple[dict[str, datetime], list[str]]:
    """The moment of each scenario's first promotion, and one line for each ledger that cannot be read.

    Scenarios without a file are left out: they were retired, while their baselines are kept. Their files are looked for
    in ``configs/scenarios`` beside ``baselines``; if there is none at all, no scenario is left out. No experiment is.
    """
    since: dict[str, datetime] = {}
    faults = []
    files = {file.stem for file in (baselines.absolute().parent / "configs" / "scenarios").glob("*.yaml")}
    for name in promoted_scenarios(baselines):
        if files and "__" not in name and name not in files:
            continue
        try:
            promotions = read_ledger(baselines / name, name).promotions
            if promotions:
                since[name] = _moment(promotions[0].promoted_at, baselines / name)
        except InputError as error:
            since[name] = _ALWAYS
            faults.append(str(error.faults[0]).removeprefix(f"{baselines}/"))
    return since, faults


def _moment(text: str, home: Path) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        expected = "a moment such as 2026-11-30T09:00:00+00:00"
        raise InputError.of(home / LEDGER_NAME, "promotions.0.promoted_at", repr(text), expected) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
