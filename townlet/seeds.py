"""Seeds: any whole number from 0 on, folded to one that fits compiled rules."""

from __future__ import annotations

import operator
from typing import SupportsIndex

from townlet.errors import InputError

#: Seeds below this are used unchanged.
SEEDS = 2**63


def fold_seed(seed: SupportsIndex) -> int:
    """Fold a seed into the range from 0 to 2⁶³ − 1.

    A seed in that range is returned unchanged. A larger one is mixed by NumPy's SeedSequence, which uses all its bits,
    so equal seeds give equal results. All random draws use folded seeds; artefacts record the seed as given.

    Raises InputError unless the seed is a whole number from 0 on.
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
