"""Seeds of environments: from a library's seed to a town's."""

from __future__ import annotations

from typing import SupportsIndex

import numpy as np

from townlet.errors import InputError
from townlet.seeds import fold_seed


def town_seed(seed: SupportsIndex | None) -> int:
    """Return the folded seed, or a fresh one from the operating system's entropy for None.

    Raises InputError unless the seed is a whole number from 0 on, as Gymnasium and NumPy require.
    """
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(seed, bool):
        raise InputError.of("options", "seed", str(seed), "a whole number from 0 on")
    return fold_seed(seed)
