"""Checks of the actions and options that libraries pass in, before compiled rules see them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from townlet.errors import InputError


def one_action(chosen: Any, actions: int, agent: str = "") -> int:
    """Check one agent's action: a whole number below ``actions``, or an array or tensor holding one.

    Raises InputError for anything else, truth values included. Illegal actions pass, since the rules count them as
    waiting.
    """
    try:
        single = chosen.item() if hasattr(chosen, "item") else chosen
        action = -1 if isinstance(single, bool) else operator.index(single)
    except (TypeError, ValueError, RuntimeError):
        action = -1
    if not 0 <= action < actions:
        raise InputError.of("actions", agent, repr(chosen), _numbers(actions))
    return action


def many_actions(chosen: ArrayLike, shape: tuple[int, int], actions: int) -> NDArray[np.integer[Any]]:
    """Check the actions of a batch, any integers [W·A] or [W, A], and return them as [W, A].

    ``shape`` is (W, A). Raises InputError for another shape, another type, and numbers outside 0 to ``actions`` − 1.
    """
    try:
        array = np.asarray(chosen)
    except (TypeError, ValueError, RuntimeError):
        # Lists of several lengths, and tensors on another device or with a gradient.
        raise InputError.of("actions", "", f"{type(chosen).__name__} that is no array", "integers") from None
    if array.dtype.kind not in "iu":
        raise InputError.of("actions", "", f"numbers of type {array.dtype}", "integers")
    if array.shape not in (shape, (shape[0] * shape[1],)):
        raise InputError.of("actions", "", f"shape {array.shape}", f"({shape[0] * shape[1]},) or {shape}")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    # Read as unsigned, negative numbers are large, so one pass finds both faults.
    if array.view(f"u{array.itemsize}").max() >= actions:
        wrong = array[(array < 0) | (array >= actions)][0]
        raise InputError.of("actions", "", str(wrong), _numbers(actions))
    return array.reshape(shape)


def whole_number(option: str, given: Any, least: int) -> int:
    """Check the value of an option. Raises InputError unless it is a whole number from ``least`` on."""
    try:
        number = least - 1 if isinstance(given, bool) else operator.index(given)
    except TypeError:
        number = least - 1
    if number < least:
        raise InputError.of("options", option, repr(given), f"a whole number, at least {least}")
    return number


def no_episode(began: bool) -> InputError:
    """Make the error about a step outside an episode; ``began`` tells whether one has ended."""
    return InputError.of("step", "", "an episode that has ended" if began else "no episode", "a call of reset first")


def _numbers(actions: int) -> str:
    return f"a whole number from 0 to {actions - 1}"
