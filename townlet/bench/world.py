"""``townlet bench world``: the speed of the cases, then of the references, and the ratios between them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from townlet.bench.cases import UNCOMPILED, Case, worlds_in_words
from townlet.bench.process import measure_apart
from townlet.bench.puffer import ENVIRONMENTS
from townlet.bench.results import Measurements, Result, three_digits
from townlet.config import load_scenario
from townlet.errors import InputError, RunError

_PUFFER = "townlet.bench.puffer"


@dataclass(frozen=True)
class _Measurement:
    """One case or environment in one batch size, measured in a process of its own.

    The fastest batch size of a ``group`` is its best.
    """

    label: str
    group: str
    measure: Callable[[], Result]
    may_fail: bool = False

    def take(self) -> Result:
        """Measure it and return the result. A RunError names what failed."""
        try:
            return self.measure()
        except RunError as error:
            raise RunError(f"{self.label}: {error}") from None


def bench_world(
    cases: Sequence[Case],
    *,
    seconds: float,
    repeats: int,
    rounds: int = 1,
    references: bool = True,
    pufferlib: str | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Measurements:
    """Measure the cases and, with ``references``, the first case uncompiled and PufferLib's environments.

    Args:
        cases: what to measure.
        seconds: approximate length of a repeat.
        repeats: number of timed repeats, whose median counts.
        rounds: in each round after the first, the fastest batch size of every group is measured again, one after the
            other, so that ratios do not depend on how the machine's speed varies meanwhile.
        references: whether to measure the references, too.
        pufferlib: the interpreter that has PufferLib; by default this one.
        progress: called with the measurements done, those in all, and the present one.

    Results have ``case`` and the keys of :func:`townlet.bench.town.measure_town`; ``rounds``, the rate of each round,
    whose median is the result's rate; ``best``, whether it is the fastest batch size of its group; ``ratios``, its rate
    over that of each reference at that one's best batch size, the median over the rounds; and ``ratio_spreads``, the
    smallest and the largest of these.

    Raises InputError for an unusable scenario or an interpreter without PufferLib, and RunError for a case that fails.
    A reference that fails is noted.
    """
    for file in {case.file for case in cases}:
        load_scenario(file)
    measured = Measurements()
    timing = {"seconds": seconds, "repeats": repeats}
    first = [_measurement(case, timing) for case in cases]
    if references:
        first.append(_measurement(replace(cases[0], worlds=1, compiled=False), timing))
        if _has_pufferlib(pufferlib, measured.notes):
            first += _environments(pufferlib or sys.executable, timing)
    total = len(first) + (rounds - 1) * len({step.group for step in first})
    found = _first_round(first, measured.notes, lambda index, label: progress(index, total, label))
    best = _best(found)
    for again in range(rounds - 1):
        for index, (step, result) in enumerate(best.values()):
            progress(len(first) + again * len(best) + index, total, f"{step.label}, round {again + 2}")
            _add_round(result, step.take())
    _compare(found, best)
    measured.results = [result for _, result in found]
    return measured


def _first_round(
    steps: Sequence[_Measurement], notes: list[str], progress: Callable[[int, str], None]
) -> list[tuple[_Measurement, Result]]:
    """Take all measurements once. If one that may fail does, it is noted and the rest of its group is skipped."""
    failed: set[str] = set()
    found: list[tuple[_Measurement, Result]] = []
    for index, step in enumerate(steps):
        progress(index, step.label)
        if step.group in failed:
            continue
        try:
            result = step.take()
        except RunError as error:
            if not step.may_fail:
                raise
            failed.add(step.group)
            notes.append(str(error))
        else:
            found.append((step, {"case": step.label, "rounds": [result["agent_steps_per_second"]], **result}))
    return found


def _measurement(case: Case, timing: dict[str, Any]) -> _Measurement:
    arguments = {
        "file": str(case.file),
        "worlds": case.worlds,
        "observations": case.observations,
        "protocol": case.protocol,
        **timing,
    }
    environment = {} if case.compiled else {"NUMBA_DISABLE_JIT": "1"}
    measure = partial(measure_apart, "townlet.bench.town:measure_town", arguments, environment=environment)
    return _Measurement(case.label, case.group, measure)


def _environments(python: str, timing: dict[str, Any]) -> list[_Measurement]:
    return [
        _Measurement(
            f"pufferlib {name}, {worlds_in_words(worlds)}",
            f"pufferlib {name}",
            partial(
                measure_apart,
                f"{_PUFFER}:measure_environment",
                {"name": name, "worlds": worlds, **timing},
                python=python,
            ),
            may_fail=True,
        )
        for name, kind in ENVIRONMENTS.items()
        for worlds in kind.worlds
    ]


def _has_pufferlib(python: str | None, notes: list[str]) -> bool:
    """Whether the interpreter has PufferLib. If not: InputError if the user named the interpreter, else a note."""
    try:
        measure_apart(f"{_PUFFER}:version", {}, python=python or sys.executable)
    except RunError as error:
        wanted = "the path of a Python that has PufferLib"
        if python:
            raise InputError.of("--pufferlib", "", str(error), wanted) from None
        notes.append(f"PufferLib's environments ({error}); give --pufferlib {wanted}")
        return False
    return True


def _best(found: list[tuple[_Measurement, Result]]) -> dict[str, tuple[_Measurement, Result]]:
    """The fastest measurement of each group."""
    best: dict[str, tuple[_Measurement, Result]] = {}
    for step, result in found:
        leader = best.setdefault(step.group, (step, result))
        if result["agent_steps_per_second"] > leader[1]["agent_steps_per_second"]:
            best[step.group] = step, result
    return best


def _add_round(result: Result, again: Result) -> None:
    """Merge another measurement of the same into a result."""
    result["rounds"].append(again["agent_steps_per_second"])
    result["agent_steps_per_second"] = round(statistics.median(result["rounds"]))
    spreads = (*result["spread"], *again["spread"])
    result["spread"] = [min(spreads), max(spreads)]
    result["core_share"] = min(result["core_share"], again["core_share"])


def _compare(found: list[tuple[_Measurement, Result]], best: dict[str, tuple[_Measurement, Result]]) -> None:
    """Mark the best batch size of each group, and add to compiled towns their ratios to the best of other groups.

    Uncompiled rules are a reference only for the same group's compiled ones.
    """
    first = found[0][0].group
    for step, result in found:
        is_reference = step.group.startswith("pufferlib ") or step.group.endswith(UNCOMPILED)
        against = [first, step.group + UNCOMPILED, *(name for name in best if name.startswith("pufferlib "))]
        result["best"] = best[step.group][1] is result
        ratios = {
            name: _ratios(result, best[name][1])
            for name in against
            if name in best and name != step.group and not is_reference
        }
        result["ratios"] = {name: three_digits(statistics.median(each)) for name, each in ratios.items()}
        result["ratio_spreads"] = {
            name: [three_digits(min(each)), three_digits(max(each))] for name, each in ratios.items()
        }


def _ratios(result: Result, reference: Result) -> list[float]:
    """The ratio of the rates in each round that both have."""
    return [one / max(other, 1) for one, other in zip(result["rounds"], reference["rounds"], strict=False)]
