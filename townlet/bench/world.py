"""``townlet bench world``: the cases, then the references, and how many times faster the one is than the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from townlet.bench.cases import UNCOMPILED, Case, worlds_in_words
from townlet.bench.process import measure_apart
from townlet.bench.puffer import ENVIRONMENTS
from townlet.config import load_scenario
from townlet.errors import InputError, RunError

Result = dict[str, Any]

_PUFFER = "townlet.bench.puffer"


@dataclass
class Measurements:
    """Results in the order of measuring, and what could not be measured and why."""

    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def bench_world(
    cases: Sequence[Case],
    *,
    seconds: float,
    repeats: int,
    references: bool = True,
    pufferlib: str | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Measurements:
    """Measure the cases; then, with ``references``, the first case uncompiled and PufferLib's environments.

    ``pufferlib`` is the interpreter that has PufferLib, by default this one. Results have the keys of
    :func:`townlet.bench.town.measure_town` and ``case``; ``best``, whether it is the fastest batch size of its group;
    and ``ratios``, how many times the rate of each reference, at that one's best batch size, it is.

    Raises InputError for an unusable scenario, or an interpreter without PufferLib, and RunError for a case that
    fails. A reference that fails is noted.
    """
    for file in {case.file for case in cases}:
        load_scenario(file)
    measured = Measurements()
    steps = list(cases)
    environments: list[tuple[str, int]] = []
    if references:
        steps.append(replace(cases[0], worlds=1, compiled=False))
        if _has_pufferlib(pufferlib, measured.notes):
            environments = [(name, worlds) for name, kind in ENVIRONMENTS.items() for worlds in kind.worlds]
    total = len(steps) + len(environments)
    timing = {"seconds": seconds, "repeats": repeats}
    for index, case in enumerate(steps):
        progress(index, total, case.label)
        measured.results.append({"case": case.label, "group": case.group, **_measure_case(case, timing)})
    failed: set[str] = set()
    for index, (name, worlds) in enumerate(environments, start=len(steps)):
        label = f"pufferlib {name}, {worlds_in_words(worlds)}"
        progress(index, total, label)
        if name in failed:
            continue
        arguments = {"name": name, "worlds": worlds, **timing}
        try:
            result = measure_apart(f"{_PUFFER}:measure_environment", arguments, python=pufferlib or sys.executable)
        except RunError as error:
            failed.add(name)
            measured.notes.append(f"{label}: {error}")
        else:
            measured.results.append({"case": label, "group": f"pufferlib {name}", **result})
    _compare(measured.results)
    return measured


def _has_pufferlib(python: str | None, notes: list[str]) -> bool:
    """Whether the interpreter has PufferLib; InputError if the user named one that has not, else a note."""
    try:
        measure_apart(f"{_PUFFER}:version", {}, python=python or sys.executable)
    except RunError as error:
        wanted = "the path of a Python that has PufferLib"
        if python:
            raise InputError.of("--pufferlib", "", str(error), wanted) from None
        notes.append(f"PufferLib's environments ({error}); give --pufferlib {wanted}")
        return False
    return True


def _measure_case(case: Case, timing: dict[str, Any]) -> Result:
    arguments = {
        "file": str(case.file),
        "worlds": case.worlds,
        "observations": case.observations,
        "protocol": case.protocol,
        **timing,
    }
    environment = {} if case.compiled else {"NUMBA_DISABLE_JIT": "1"}
    try:
        result: Result = measure_apart("townlet.bench.town:measure_town", arguments, environment=environment)
    except RunError as error:
        raise RunError(f"{case.label}: {error}") from None
    return result


def _compare(results: list[Result]) -> None:
    """Mark the best batch size of each group, and give compiled towns their ratios to the best of other groups.

    Uncompiled rules are a reference for compiled ones of the same group only.
    """
    best: dict[str, Result] = {}
    for result in results:
        leader = best.setdefault(result["group"], result)
        if result["agent_steps_per_second"] > leader["agent_steps_per_second"]:
            best[result["group"]] = result
    first = results[0]["group"]
    groups = [result.pop("group") for result in results]
    for group, result in zip(groups, results, strict=True):
        is_reference = group.startswith("pufferlib ") or group.endswith(UNCOMPILED)
        against = [first, group + UNCOMPILED, *(name for name in best if name.startswith("pufferlib "))]
        result["best"] = best[group] is result
        result["ratios"] = {
            name: _ratio(result, best[name]) for name in against if name in best and name != group and not is_reference
        }


def _ratio(result: Result, reference: Result) -> float:
    """Of the rates, to three significant digits."""
    return float(f"{result['agent_steps_per_second'] / max(reference['agent_steps_per_second'], 1):.3g}")
