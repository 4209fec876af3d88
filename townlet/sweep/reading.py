"""Sweeps read back from their folders, as Optuna's studies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from townlet.errors import InputError
from townlet.files.storage import AnyPath, read_json, require_field
from townlet.sweep.distributions import Choices, Distribution, Range
from townlet.sweep.options import PLAN_NAME, SweepOptions
from townlet.sweep.records import read_records
from townlet.sweep.search import study_of
from townlet.sweep.space import Space

if TYPE_CHECKING:
    import optuna


def optuna_study(folder: AnyPath) -> optuna.Study:
    """The trials in a sweep's folder as an Optuna study in memory, for its plots and importances.

    It may be read while the sweep runs. Failed trials are pruned ones without values there, because Optuna's samplers
    ignore failures. Raises InputError for a folder without a sweep.
    """
    path = Path(str(folder)) / PLAN_NAME
    plan = read_json(path, "the plan of a sweep")
    expected = "the plan of a sweep"
    if plan.get("format") != "townlet-sweep-plan":
        raise InputError.of(path, "format", repr(plan.get("format")), "'townlet-sweep-plan'")
    space = require_field(plan, "space", path, expected, dict)
    options = SweepOptions(
        output=Path(str(folder)),
        metric=require_field(plan, "metric", path, expected, str),
        pruner=require_field(plan, "pruner", path, expected, str),
        sampler=require_field(plan, "sampler", path, expected, str),
    )
    settings = {key: _distribution(content) for key, content in space.items()}
    return study_of(Space(str(path), settings, {}), options, read_records(options.output))


def _distribution(content: list[Any] | Mapping[str, Any]) -> Distribution:
    if isinstance(content, list):
        return Choices(tuple(content))
    low, high = content["low"], content["high"]
    whole = isinstance(low, int) and isinstance(high, int)
    return Range(low, high, content.get("log", False), content.get("step"), whole)
