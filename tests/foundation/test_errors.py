"""Errors pass from one process to another unchanged."""

from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import gymnasium
import pytest

import townlet
import townlet_pipeline
from townlet.errors import InputError
from townlet.lineage import LineageError
from townlet.training import TrainingDiverged

#: Errors that need more than a message.
MADE: list[BaseException] = [
    InputError.of("town.yaml", "rules", "3", "a mapping"),
    LineageError.of(Path("policy.json"), "no such file", "a policy", "the record"),
    TrainingDiverged.at(3, 2, "loss_value", 1e30, "reward is not finite", {"records": [1]}).with_note("no disk"),
]


def own_errors() -> list[type[BaseException]]:
    """Every error class that a module of this project defines."""
    for package in (townlet, townlet_pipeline):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    found, unseen = set(), [BaseException]
    while unseen:
        for kind in type.__subclasses__(unseen.pop()):
            if kind not in found:
                found.add(kind)
                unseen.append(kind)
    return sorted((kind for kind in found if kind.__module__.split(".")[0] in ("townlet", "townlet_pipeline")), key=str)


def same(error: BaseException) -> BaseException:
    return type(error)(str(error))


def test_every_error_of_ours_can_be_made_from_a_message_alone() -> None:
    kinds = own_errors()
    assert {InputError, LineageError, TrainingDiverged} <= set(kinds)
    for kind in kinds:
        error = kind("a message")
        for again in (error, kind(error), same(error), copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert (type(again), str(again)) == (kind, "a message")


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("carry", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_copied_error_has_the_same_message_and_attributes(
    error: BaseException, carry: Callable[[BaseException], BaseException]
) -> None:
    carried = carry(error)
    assert (type(carried), str(carried), vars(carried)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_an_error_that_a_library_makes_again_has_the_same_message(error: BaseException) -> None:
    for again in (type(error)(error), type(error)(str(error))):
        assert str(again) == str(error)


def fail(which: int) -> None:
    raise MADE[which]


def test_an_error_comes_out_of_a_pool_of_processes_as_it_was() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for which, error in enumerate(MADE):
            with pytest.raises(type(error)) as caught:
                pool.submit(fail, which).result()
            assert str(caught.value) == str(error)
            assert getattr(caught.value, "faults", None) == getattr(error, "faults", None)


def test_gymnasiums_worker_processes_pass_the_message_on() -> None:
    environments = gymnasium.make_vec("townlet.envs:townlet/QueueConflict-v0", 1, "async")
    with pytest.raises(InputError, match="seed: found -1, expected a whole number from 0 on"):
        environments.reset(seed=-1)
    environments.close()
