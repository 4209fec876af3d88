"""``townlet bench train``: the speed of training end to end, and its ratio to other trainers in the same run."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from upath import UPath

from townlet.behavior.compiled.kernel import processor_kernel
from townlet.bench.process import measure_apart
from townlet.bench.results import Measurements, Result, three_digits
from townlet.bench.trainer import HIDDEN
from townlet.config import load_scenario
from townlet.errors import InputError, RunError
from townlet.training.devices import device_named

_SB3 = "townlet.bench.sb3"
_PUFFER = "townlet.bench.puffer_trainer"
_SB3_NAME = "stable-baselines3"
_INSTALL_SB3 = "pip install stable-baselines3 supersuit"
_WITH_PUFFERLIB = "the path of a Python that has PufferLib with its compiled kernels, and torch"

#: PufferLib's environments on which its trainer is measured: cheap to step, so that the trainer decides the rate.
PUFFER_ENVIRONMENTS = ("snake", "rware", "trash_pickup")


@dataclass(frozen=True)
class Amounts:
    """Size of a phase of training, its minibatch, its threads and device, and the number of timed phases."""

    worlds: int
    ticks: int
    minibatch: int
    threads: int
    repeats: int
    device: str = "cpu"


@dataclass(frozen=True)
class _Reference:
    """Another trainer: the function that measures it, the function's own arguments, and the interpreter."""

    name: str
    function: str
    arguments: dict[str, Any]
    python: str = sys.executable


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
    """Measure a scenario for each activation and number of epochs and, with ``references``, other trainers, too.

    Args:
        file: the scenario's file.
        observations: mode in place of the scenario's own.
        activations: of the network, ``tanh`` or ``relu``.
        epochs: numbers of passes over each rollout.
        amounts: size of a phase.
        references: whether to measure the references, too.
        pufferlib: an interpreter that has PufferLib and torch; without one, PufferLib's trainer is not measured.
        progress: called with the measurements done, those in all, and the present one.

    Results have ``case`` and the keys of :func:`townlet.bench.trainer.measure_trainer`; ``ratios``, its rate over that
    of each reference with the same activation and epochs; and ``ratio_to_sb3``, the one to Stable-Baselines3, which is
    None if that was not measured.

    The references train on the processor, whatever the town's device. Raises InputError for an unusable scenario,
    device or kernel and RunError for a case that fails. A reference that fails is noted.
    """
    load_scenario(file)
    amounts = replace(amounts, device=device_named(amounts.device))
    # A kernel that is unknown is refused here rather than in every case's own process.
    processor_kernel()
    measured = Measurements()
    cases = [(activation, count) for activation in activations for count in epochs]
    town = {"file": str(file), "observations": observations}
    others = _references(town, pufferlib, measured.notes) if references else []
    numbers, total = itertools.count(), len(cases) * (1 + len(others))
    for activation, count in cases:
        setting = {"activation": activation, "epochs": count, "repeats": amounts.repeats, "threads": amounts.threads}
        suffix = f"{activation}, {count} epoch" + ("s" if count > 1 else "")
        case = f"{file.stem} {observations}, {suffix}" + ("" if amounts.device == "cpu" else f", {amounts.device}")
        progress(next(numbers), total, case)
        result = _measure_town({**town, **setting}, amounts)
        beside: dict[str, Result] = {}
        for other in others:
            label = f"{other.name}, {suffix}"
            progress(next(numbers), total, label)
            try:
                found = _measure(other.function, {**other.arguments, **setting, "hidden": list(HIDDEN)}, other.python)
            except RunError as error:
                measured.notes.append(f"{label}: {error}")
            else:
                beside[other.name] = {"case": label, **found, "ratio_to_sb3": None, "ratios": {}}
        ratios = {name: _ratio(result, reference) for name, reference in beside.items()}
        measured.results.append({"case": case, **result, "ratio_to_sb3": ratios.get(_SB3_NAME), "ratios": ratios})
        measured.results += beside.values()
    return measured


def _measure_town(arguments: dict[str, Any], amounts: Amounts) -> Result:
    amount = {name: getattr(amounts, name) for name in ("worlds", "ticks", "minibatch", "device")}
    # Every thread of ours calls OpenBLAS on its own, as it calls torch.
    alone = {"OPENBLAS_NUM_THREADS": "1"}
    function = "townlet.bench.trainer:measure_trainer"
    result: Result = measure_apart(function, {**arguments, **amount}, cores=amounts.threads, environment=alone)
    return result


def _measure(function: str, arguments: dict[str, Any], python: str) -> Result:
    result: Result = measure_apart(function, arguments, python=python, cores=arguments["threads"])
    return result


def _ratio(result: Result, reference: Result) -> float:
    return three_digits(result["agent_steps_per_second"] / max(reference["agent_steps_per_second"], 1))


def _references(town: dict[str, Any], pufferlib: str | None, notes: list[str]) -> list[_Reference]:
    """The other trainers that can be measured; those that cannot are noted."""
    found = [_Reference(_SB3_NAME, f"{_SB3}:measure_sb3", town)] if _has_sb3(notes) else []
    if pufferlib is None:
        notes.append(f"PufferLib's trainer; give --pufferlib {_WITH_PUFFERLIB}")
        return found
    _check_puffer_trainer(pufferlib)
    return found + [
        _Reference(f"pufferlib {name}", f"{_PUFFER}:measure_trainer", {"name": name}, pufferlib)
        for name in PUFFER_ENVIRONMENTS
    ]


def _has_sb3(notes: list[str]) -> bool:
    try:
        measure_apart(f"{_SB3}:version", {})
    except RunError as error:
        notes.append(f"Stable-Baselines3's PPO ({error}); {_INSTALL_SB3}")
        return False
    return True


def _check_puffer_trainer(python: str) -> None:
    """Raise InputError if the interpreter that the user named cannot train with PufferLib."""
    try:
        measure_apart(f"{_PUFFER}:version", {}, python=python)
    except RunError as error:
        raise InputError.of("--pufferlib", "", str(error), _WITH_PUFFERLIB) from None
