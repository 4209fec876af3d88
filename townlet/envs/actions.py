"""Checks of what libraries hand over as actions, before compiled rules see it."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from townlet.errors import InputError


def one_action(chosen: Any, actions: int, agent: str = "") -> int:
    """One agent's action: a whole number below ``actions``, also as an array or tensor of one element.

    Raises InputError for anything else. Whether the action is legal at the moment is not asked.
    """
    try:
        action = operator.index(chosen.item() if hasattr(chosen, "item") else chosen)
    except (TypeError, ValueError, RuntimeError):
        action = -1
    if not 0 <= action < actions:
        raise InputError.of("actions", agent, repr(chosen), _numbers(actions))
    return action


def many_actions(chosen: ArrayLike, shape: tuple[int, int], actions: int) -> NDArray[np.integer[Any]]:
    """The actions of a batch, any integers [W × A] or [W, A], as [W, A]; ``shape`` is W and A.

    Raises InputError for another shape, for what are no integers, and for numbers that are no actions.
    """
    array = np.asarray(chosen)
    if array.dtype.kind not in "iu":
        raise InputError.of("actions", "", f"numbers of type {array.dtype}", "integers")
    if array.shape not in (shape, (shape[0] * shape[1],)):
        raise InputError.of("actions", "", f"shape {array.shape}", f"({shape[0] * shape[1]},) or {shape}")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    # Negative numbers are large ones without their sign, so one pass finds both.
    if array.view(f"u{array.itemsize}").max() >= actions:
        wrong = array[(array < 0) | (array >= actions)][0]
        raise InputError.of("actions", "", str(wrong), _numbers(actions))
    return array.reshape(shape)


def no_episode(began: bool) -> InputError:
    """The error of a step outside an episode."""
    return InputError.of("step", "", "an episode that has ended" if began else "no episode", "a call of reset first")


def _numbers(actions: int) -> str:
    return f"a whole number from 0 to {actions - 1}"
