"""Selection, by name, of the features that somebody sees from those that a town shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.errors import InputError

Features = Sequence[Mapping[str, Any]]

#: The beginning of the meaning of a feature that is not filled.
_UNFILLED = "always 0; otherwise: "


class Selection:
    """The features ``seen`` among those ``shown``; seen features that are not filled are 0.

    Raises InputError for a seen feature that is not shown.
    """

    def __init__(self, shown: Features, seen: Features) -> None:
        index = {str(feature["name"]): i for i, feature in enumerate(shown)}
        missing = [str(feature["name"]) for feature in seen if feature["name"] not in index]
        if missing:
            expected = f"the {len(shown)} features that people are shown"
            raise InputError.of("observation", "", f"no {', '.join(missing[:4])} among them", expected)
        self.features, self._shown = len(seen), len(shown)
        self._columns = np.array([index[str(feature["name"])] for feature in seen])
        self._unfilled = [i for i, feature in enumerate(seen) if str(feature["meaning"]).startswith(_UNFILLED)]

    def fill(self, observation: NDArray[np.float32], seen: NDArray[np.float32]) -> None:
        """Fill ``seen``, float32 [..., F'], from what is shown, float32 [..., F]."""
        np.take(observation, self._columns, axis=-1, out=seen, mode="clip")
        seen[..., self._unfilled] = 0.0

    def of(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is seen, float32 [B, F'], of what is shown, float32 [B, F]."""
        seen = np.empty((len(observation), self.features), np.float32)
        self.fill(observation, seen)
        return seen

    def spread(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        """Numbers per feature seen, float32 [B, F'], as numbers per feature shown, float32 [B, F]; 0 for the others."""
        shown = np.zeros((len(seen), self._shown), np.float32)
        shown[:, self._columns] = seen
        return shown
