"""Choices of an environment's people: the actions that are open to them, and what they do in ticks without a choice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.decisions import narrow_to_decisions, take_only
from townlet.rollout import aligned_zeros
from townlet.world import Town


class Choices:
    """The choices of everybody in a town whose people commit themselves for ``commitment_ticks``.

    Without a commitment, ``commitment_ticks`` 0, the choices are the town's legal actions, and nothing is computed.
    Otherwise people choose in ticks of a decision alone; :mod:`townlet.behavior.decisions` says which these are. In all
    others the mask leaves the one action that continues what they do, and that is carried out whatever was chosen.
    """

    def __init__(self, town: Town, commitment_ticks: int) -> None:
        self._town, self._commitment = town, commitment_ticks
        self.mask: NDArray[np.bool_] = town.mask
        """bool [W, A, N]: the actions that are open; always the same array."""
        if commitment_ticks:
            self.mask = aligned_zeros(town.mask.shape, np.bool_)
            self._rows = self.mask.reshape(-1, self.mask.shape[-1])
            self._slots = np.zeros(len(self._rows), np.int64)
            self._decisions = self._slots[:0]
            self._only = np.zeros(len(self._rows), np.int32)
            self.update()

    def update(self) -> None:
        """Bring the mask up to date, after every step and reset of the town."""
        if self._commitment:
            self._decisions = narrow_to_decisions(self._town, self._commitment, self.mask, self._slots)

    def carry_on(self, action: NDArray[np.int32]) -> None:
        """Replace the actions, int32 [W, A], of those who decide nothing by the one that is open to them."""
        if self._commitment:
            chosen = action.reshape(-1)
            take_only(self._rows, self._only)
            self._only[self._decisions] = chosen[self._decisions]
            action[:] = self._only.reshape(action.shape)

    def carried_on(self, slot: int, chosen: int) -> int:
        """Return what one slot does, as :meth:`carry_on` does for all."""
        if not self._commitment or slot in self._decisions:
            return chosen
        return int(self._rows[slot].argmax())
