"""A critic whose values are known, and the JSON line of a check.

With a trained critic nobody can tell from a return whose value is in it. This one is linear in the observation, so
every observation has a value of its own, and an observation of zeros has the value :data:`OF_ZEROS`: a library that
bootstraps from the next episode's first observation, or over the end of somebody who left, shows it in the return.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Value of an observation of zeros, which is what people see who have left.
OF_ZEROS = 5.0
#: Discount in all checks.
GAMMA = 0.99


def weights(features: int) -> NDArray[np.float32]:
    """The weights of the features, float32 [F]."""
    return np.random.default_rng(7).normal(size=features).astype(np.float32)


def values(observations: ArrayLike) -> NDArray[np.float32]:
    """Values of observations [..., F], float32 [...]."""
    seen = np.asarray(observations, np.float32)
    return (seen @ weights(seen.shape[-1]) + OF_ZEROS).astype(np.float32)


def installed(*packages: str) -> dict[str, str]:
    """Versions of packages and of Python."""
    return {**{name: importlib.metadata.version(name) for name in packages}, "python": platform.python_version()}


def report(library: str, **result: Any) -> None:
    """Print a check's result as one JSON line, the last that it prints."""
    print(json.dumps({"library": library, **result}, default=float), flush=True)
