"""The ``@rule`` decorator: a rule function compiled by Numba, cached under the hash of all the rules' sources."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba as _numba

P = ParamSpec("P")
R = TypeVar("R")

# Its stubs know neither the configuration nor the option that turns reference counting off.
numba: Any = _numba


#: Whether rules run compiled; ``NUMBA_DISABLE_JIT=1`` turns that off.
COMPILED: bool = not numba.config.DISABLE_JIT


@functools.cache
def sources_hash() -> str:
    """SHA-256 over the sources of the rules, in hexadecimal."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


@functools.cache
def cache_folder() -> Path:
    """Where compiled rules are kept: ``$TOWNLET_CACHE``, or the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "townlet"
    return Path(os.environ.get("TOWNLET_CACHE") or default) / f"rules-{sources_hash()[:16]}"


def rule(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a rule.

    Numba's own cache looks only at the file of the compiled function: change a rule that another file calls, and
    the old code goes on running. Here the folder's name is a hash over all rules, so any change compiles anew.
    Reference counting is off, because rules never allocate: it made a tick five times slower.
    Under ``NUMBA_DISABLE_JIT=1`` the function runs as plain Python.
    """
    before = numba.config.CACHE_DIR
    try:
        numba.config.CACHE_DIR = str(cache_folder())
        compiled: Callable[P, R] = numba.njit(cache=True, error_model="numpy", _nrt=False)(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled


def is_compiled() -> bool:
    """Whether compiled rules are already in the cache, so that the first step will not pause to compile."""
    return not COMPILED or any(cache_folder().glob("**/step.step_worlds-*.nbc"))
