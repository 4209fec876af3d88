"""From a seed as libraries give it to one that a town takes."""

from __future__ import annotations

import numpy as np

from townlet.errors import InputError


def town_seed(seed: int | None) -> int:
    """The seed itself, or a fresh one from the operating system's entropy when there is none.

    Raises InputError unless it is from 0 to 2⁶³ − 1, the numbers that compiled rules hold.
    """
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if not 0 <= seed < 2**63:
        raise InputError.of("options", "seed", str(seed), "a whole number from 0 to 9223372036854775807")
    return int(seed)
