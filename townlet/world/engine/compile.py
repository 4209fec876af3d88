"""Compilation of rules by Numba, and the cache of compiled rules, named after the hash of their sources."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import filelock
import numba as _numba

from townlet.host.cache import private_cache
from townlet.sources import sources_sha256
from townlet.world.engine.dispatch import RuleDispatcher
from townlet.world.engine.lowering import RuleCompiler

P = ParamSpec("P")
R = TypeVar("R")

# Untyped: its stubs lack the configuration and the option that turns reference counting off.
numba: Any = _numba

#: Whether rules run compiled; with ``NUMBA_DISABLE_JIT=1`` they run as plain Python.
COMPILED: bool = not numba.config.DISABLE_JIT


@functools.cache
def cache_folder(module: str, variant: str = "") -> Path:
    """The folder of a module's compiled functions, created if necessary.

    It is in ``$TOWNLET_CACHE`` or the user's cache folder, and is named after the hash of the module and of everything
    of ours that it imports. Functions that check every index, under ``NUMBA_BOUNDSCHECK=1``, have a folder of their
    own, and so has each variant of a module whose constants depend on the processor.
    """
    checked = "-boundscheck" if numba.config.BOUNDSCHECK else ""
    variant = f"-{variant}" if variant else ""
    return private_cache() / f"{module.rpartition('.')[2]}-{sources_sha256(module)[:16]}{variant}{checked}"


def rule(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a rule that is inlined into its callers; once compiled, only they can call it, not Python.

    Inlining everything that runs in every tick made a step 1.6 times faster. A rule that few ticks need or that has
    many callers is better compiled as :func:`seldom`, which keeps the code small. Neither has machine code of its own
    or a place in the cache; an :func:`entry` has both, for itself and all its rules.

    An index must not count from the end of an axis or go beyond it: see :mod:`townlet.world.engine.lowering`.
    Reference counting is off, because rules never allocate; it would make a tick five times slower.
    With ``NUMBA_DISABLE_JIT=1`` the function runs as plain Python.
    """
    return _compile(function, forceinline=True, **_INTERNAL)


def seldom(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a rule that runs in few ticks as a function of its own; see :func:`rule`."""
    return _compile(function, **_INTERNAL)


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that Python may call, and keep it in the cache.

    Numba's own cache checks only the file of the compiled function, so it would go on running old code after a change
    in another file. Therefore the cache folder is named after a hash of everything that the function's module imports.
    """
    return entry_of("")(function)


def entry_of(variant: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """An :func:`entry` of a variant of its module; see :func:`cache_folder`."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        before = numba.config.CACHE_DIR
        try:
            numba.config.CACHE_DIR = str(cache_folder(function.__module__, variant))
            return _compile(function, cache=True)
        finally:
            numba.config.CACHE_DIR = before

    return decorate


def uncached_entry(function: Callable[P, R]) -> Callable[P, R]:
    """An :func:`entry` that each process compiles for itself, for modules that are not part of the package."""
    return _compile(function)


_INTERNAL = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def _compile(function: Callable[P, R], cache: bool = False, **options: bool) -> Callable[P, R]:
    if not COMPILED:
        return function
    settings = {"nopython": True, "boundscheck": None, "error_model": "numpy", "nogil": True, "_nrt": False, **options}
    dispatcher: Any = RuleDispatcher(function, targetoptions=settings, pipeline_class=RuleCompiler)
    if cache:
        dispatcher.enable_caching()
        _save_one_at_a_time(dispatcher._cache)
    compiled: Callable[P, R] = dispatcher
    return compiled


def _save_one_at_a_time(cache: Any) -> None:
    """Let only one process at a time add to a cache folder.

    Two that add forms of a function for different types choose the same file for them, and the index of one may then
    name the code of the other.
    """
    save, folder = cache.save_overload, Path(cache.cache_path)

    def save_alone(signature: Any, code: Any) -> None:
        # Whoever may not write to the folder does not save either.
        with contextlib.suppress(PermissionError), filelock.FileLock(folder / ".lock"):
            save(signature, code)

    cache.save_overload = save_alone


def is_compiled() -> bool:
    """Whether the compiled rules are in the cache, so that the first step need not compile them."""
    return not COMPILED or any(cache_folder("townlet.world.step").glob("**/step.step_worlds-*.nbc"))
