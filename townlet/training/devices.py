"""Devices that a network acts and learns on."""

from __future__ import annotations

import torch

from townlet.errors import InputError, nearest_name

DEVICES = ("cpu", "cuda", "auto")


def device_named(name: str) -> str:
    """Return the device of this name, ``cpu`` or ``cuda``; ``auto`` is ``cuda`` where torch finds such a device.

    Raises InputError for any other name, and for a device that is not there.
    """
    if name not in DEVICES:
        raise InputError.of("training options", "device", repr(name), nearest_name(name, DEVICES))
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise InputError.of("training options", "device", "cuda, which torch does not find here", "cpu or auto")
    return ("cuda" if there else "cpu") if name == "auto" else name
