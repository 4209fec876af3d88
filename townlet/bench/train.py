"""``townlet bench train``: the trainer end to end, and how many times faster it is than others in the same run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upath import UPath

from townlet.bench.process import measure_apart
from townlet.bench.trainer import HIDDEN
from townlet.bench.world import Measurements, Result
from townlet.config import load_scenario
from townlet.errors import InputError, RunError

_SB3 = "townlet.bench.sb3"
_PUFFER = "townlet.bench.puffer_trainer"
_INSTALL_SB3 = "pip install stable-baselines3 supersuit"

#: PufferLib's environments that its trainer is measured on: cheap to step, so that the trainer decides.
PUFFER_ENVIRONMENTS = ("snake", "rware", "trash_pickup")


@dataclass(frozen=True)
class Amounts:
    """How much a phase of training simulates and how it is learnt from; on how many threads."""

    worlds: int
    ticks: int
    minibatch: int
    threads: int
    repeats: int


def bench_training(
    file: Path | UPath,
    *,
    observations: str,
    activations: Sequence[str],
    epochs: Sequence[int],
    amounts: Amounts,
    references: bool = True,
    pufferlib: str | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Measurements:
    """Measure a scenario for each activation and number of epochs; then, with ``references``, other trainers.

    Results have ``case``, the keys of :func:`townlet.bench.trainer.measure_trainer`, ``ratio_to_sb3`` and ``ratios``,
    how many times the rate of each reference with the same activation and epochs it is; ``ratio_to_sb3`` is None where
    Stable-Baselines3 was not measured. ``pufferlib`` is an interpreter that has PufferLib and torch: without one,
    PufferLib's trainer is not measured.

    Raises InputError for an unusable scenario and RunError for a case that fails. A reference that fails is noted.
    """
    load_scenario(file)
    measured = Measurements()
    shared = {"file": str(file), "observations": observations}
    cases = [(activation, count) for activation in activations for count in epochs]
    with_sb3 = references and _has_sb3(measured.notes)
    environments = PUFFER_ENVIRONMENTS if references and _has_puffer_trainer(pufferlib, measured.notes) else ()
    total = len(cases) * (1 + with_sb3 + len(environments))
    names = iter(range(total))
    for activation, count in cases:
        setting = {"activation": activation, "epochs": count, "repeats": amounts.repeats, "threads": amounts.threads}
        suffix = f"{activation}, {count} epoch" + ("s" if count > 1 else "")
        own = f"{file.stem} {observations}, {suffix}"
        progress(next(names), total, own)
        amount = {"worlds": amounts.worlds, "ticks": amounts.ticks, "minibatch": amounts.minibatch}
        result = _measure("townlet.bench.trainer:measure_trainer", {**shared, **setting, **amount})
        rates: dict[str, float] = {}
        others: list[Result] = []
        if with_sb3:
            label = f"stable-baselines3, {suffix}"
            progress(next(names), total, label)
            arguments = {**shared, **setting, "hidden": list(HIDDEN)}
            others += _reference(f"{_SB3}:measure_sb3", arguments, "stable-baselines3", label, rates, measured.notes)
        for name in environments:
            label = f"pufferlib {name}, {suffix}"
            progress(next(names), total, label)
            arguments = {"name": name, **setting, "hidden": list(HIDDEN)}
            others += _reference(
                f"{_PUFFER}:measure_trainer", arguments, f"pufferlib {name}", label, rates, measured.notes, pufferlib
            )
        ratios = {name: float(f"{result['agent_steps_per_second'] / rate:.3g}") for name, rate in rates.items()}
        own_result = {"case": own, **result, "ratio_to_sb3": ratios.get("stable-baselines3"), "ratios": ratios}
        measured.results += [own_result, *others]
    return measured


def _measure(function: str, arguments: dict[str, Any], python: str = sys.executable) -> Result:
    result: Result = measure_apart(function, arguments, python=python, cores=arguments["threads"])
    return result


def _reference(
    function: str,
    arguments: dict[str, Any],
    name: str,
    label: str,
    rates: dict[str, float],
    notes: list[str],
    python: str | None = None,
) -> list[Result]:
    """The result of one reference, in a list, and its rate under its name; or nothing, and a note."""
    try:
        result = _measure(function, arguments, python or sys.executable)
    except RunError as error:
        notes.append(f"{label}: {error}")
        return []
    rates[name] = max(result["agent_steps_per_second"], 1)
    return [{"case": label, **result, "ratio_to_sb3": None, "ratios": {}}]


def _has_sb3(notes: list[str]) -> bool:
    try:
        measure_apart(f"{_SB3}:version", {})
    except RunError as error:
        notes.append(f"Stable-Baselines3's PPO ({error}); {_INSTALL_SB3}")
        return False
    return True


def _has_puffer_trainer(python: str | None, notes: list[str]) -> bool:
    """Whether the interpreter that the user named can train with PufferLib; InputError if not; a note if none was."""
    wanted = "the path of a Python that has PufferLib with its compiled kernels, and torch"
    if python is None:
        notes.append(f"PufferLib's trainer; give --pufferlib {wanted}")
        return False
    try:
        measure_apart(f"{_PUFFER}:version", {}, python=python)
    except RunError as error:
        raise InputError.of("--pufferlib", "", str(error), wanted) from None
    return True
