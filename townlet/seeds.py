"""A seed's way from any whole number, as NumPy and Gymnasium take it, to one that fits compiled rules."""

from __future__ import annotations

import operator
from typing import SupportsIndex

from townlet.errors import InputError

#: Seeds below this are taken as they are.
SEEDS = 2**63


def fold_seed(seed: SupportsIndex) -> int:
    """A seed from 0 to 2⁶³ − 1: the given one where it is one, and otherwise one that it always leads to.

    Larger ones are mixed by NumPy's SeedSequence, which uses all their bits. Wherever draws are made the seed goes
    through here; what is recorded for people is the seed as given, which may be of any size.

    Raises InputError for a negative number and for what is no whole number.
    """
    expected = "a whole number from 0 on"
    try:
        number = operator.index(seed)
    except TypeError:
        raise InputError.of("options", "seed", repr(seed), expected) from None
    if number < 0:
        raise InputError.of("options", "seed", str(number), expected)
    if number < SEEDS:
        return number
    import numpy as np

    return int(np.random.SeedSequence(number).generate_state(1, np.uint64)[0] >> np.uint64(1))
