"""Settings of torch under which equal inputs give equal bits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

import torch

from townlet.behavior.network import ActorCritic

Phase = TypeVar("Phase", bound=Callable[..., Any])


class _Harness(Protocol):
    network: ActorCritic


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Compute with one thread per operation and deterministic algorithms, then as the process did before.

    These settings are of the whole process: nothing else should use torch meanwhile.
    """
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    deterministic: Any = torch.utils.deterministic
    fill = deterministic.fill_uninitialized_memory
    if device.type == "cuda":
        # Without it, its matrix products refuse to be deterministic. It is read when the first one begins.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    try:
        torch.set_num_threads(1)
        # Not `use_deterministic_algorithms`, which does the same and loads the compiler.
        torch.set_deterministic_debug_mode("error")
        # That mode fills what is about to be overwritten, a third of an update's time; nobody reads it before.
        deterministic.fill_uninitialized_memory = False
        yield
    finally:
        deterministic.fill_uninitialized_memory = fill
        torch.set_deterministic_debug_mode(mode)
        torch.set_num_threads(threads)


def repeatably(phase: Phase) -> Phase:
    """A phase of a training harness, under :func:`repeatable`."""

    @wraps(phase)
    def run(harness: _Harness, *arguments: Any, **options: Any) -> Any:
        with repeatable(harness.network.device):
            return phase(harness, *arguments, **options)

    return cast(Phase, run)
