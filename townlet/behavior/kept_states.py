"""Hidden states that a loop of one's own gives to a loaded policy, and the rows whose episodes begin anew."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.errors import InputError

States = NDArray[np.float32]


def begin_anew(states: States, rows: NDArray[Any]) -> None:
    """Make the states of ``rows`` 0, in place: bool [B], or integers that number them.

    Raises InputError for rows of another type or shape, and for numbers beyond the rows.
    """
    count = len(states)
    if rows.dtype.kind == "b" and rows.shape == (count,):
        states[rows] = 0.0
        return
    if rows.dtype.kind not in "iu" and rows.size:
        expected = f"bool ({count},), true where an episode begins, or integers"
        raise InputError.of("policy", "rows", f"{rows.dtype} {rows.shape}", expected)
    wrong = rows[(rows < 0) | (rows >= count)]
    if wrong.size:
        raise InputError.of("policy", "rows", str(wrong.flat[0]), f"0 to {count - 1}: rows whose states are kept")
    states[rows.astype(np.int64)] = 0.0


def given_state(state: NDArray[Any], shape: tuple[int, ...]) -> States:
    """A state that was given, as contiguous float32 of this shape. Raises InputError for another one, and for NaN."""
    if state.dtype.kind != "f" or state.shape != shape:
        expected = f"float32 {shape}: a state for each observation, as initial_state and predict give it"
        raise InputError.of("policy", "state", f"{state.dtype} {state.shape}", expected)
    if not np.isfinite(state).all():
        raise InputError.of("policy", "state", "NaN or infinity", "finite numbers")
    return np.ascontiguousarray(state, np.float32)
