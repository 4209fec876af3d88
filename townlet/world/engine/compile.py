"""The ``@rule`` decorator: a rule function compiled by Numba, cached under the hash of the sources that it needs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba as _numba

from townlet.host.cache import private_cache
from townlet.sources import sources_sha256
from townlet.world.engine.lowering import RuleCompiler

P = ParamSpec("P")
R = TypeVar("R")

# Its stubs know neither the configuration nor the option that turns reference counting off.
numba: Any = _numba


#: Whether rules run compiled; ``NUMBA_DISABLE_JIT=1`` turns that off.
COMPILED: bool = not numba.config.DISABLE_JIT


@functools.cache
def cache_folder(module: str) -> Path:
    """Where the compiled functions of a module are kept, made if need be: in ``$TOWNLET_CACHE``, or the user's cache
    folder, under the hash of its sources and all that they import.

    Those that check every index, under ``NUMBA_BOUNDSCHECK=1``, are kept apart.
    """
    checked = "-boundscheck" if numba.config.BOUNDSCHECK else ""
    return private_cache() / f"{module.rpartition('.')[2]}-{sources_sha256(module)[:16]}{checked}"


def rule(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a rule into those that call it. Compiled, it can only be called by them, never from Python.

    A call that is not inlined copies every array descriptor of the town, some two hundred machine words; inlining
    everything that runs every tick made a step 1.6 times faster. What runs seldom and is called from many places is
    a :func:`seldom` rule instead, which keeps the code small. Neither has a wrapper for Python or a place in the
    cache, which would be a third of the time that compiling takes; only an :func:`entry` has.

    An index never counts from the end, nor goes beyond it: see :mod:`townlet.world.engine.lowering`.
    Reference counting is off, because rules never allocate: it made a tick five times slower.
    Under ``NUMBA_DISABLE_JIT=1`` the function runs as plain Python.
    """
    return _compile(function, forceinline=True, **_INTERNAL)


def seldom(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a rule that only few ticks need, as a function of its own; see :func:`rule`."""
    return _compile(function, **_INTERNAL)


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that Python may call, and keep it in the cache.

    Numba's own cache looks only at the file of the compiled function: change a rule that another file calls, and
    the old code goes on running. Here the folder's name is a hash over all that the function's module imports.
    """
    before = numba.config.CACHE_DIR
    try:
        numba.config.CACHE_DIR = str(cache_folder(function.__module__))
        return _compile(function, cache=True)
    finally:
        numba.config.CACHE_DIR = before


_INTERNAL = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def _compile(function: Callable[P, R], **options: bool) -> Callable[P, R]:
    decorate = numba.njit(error_model="numpy", nogil=True, _nrt=False, pipeline_class=RuleCompiler, **options)
    compiled: Callable[P, R] = decorate(function)
    return compiled


def is_compiled() -> bool:
    """Whether compiled rules are already in the cache, so that the first step will not pause to compile."""
    return not COMPILED or any(cache_folder("townlet.world.step").glob("**/step.step_worlds-*.nbc"))
