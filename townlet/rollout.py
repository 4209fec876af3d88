"""A batch of experience in preallocated arrays: filled by the simulation, saved by captures, consumed by training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.host.memory import FEWER, memory_for

REWARD_PARTS = (
    "survival",
    "needs",
    "wages",
    "punctuality",
    "conflict_actor",
    "conflict_suffered",
    "rivalry",
    "social",
    "leaving",
)


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Zeros whose data starts on a 64-byte boundary.

    Matrix libraries pick their kernels by alignment, and different kernels round differently: a fixed alignment
    keeps two runs byte-identical.
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    zeros: NDArray[Any] = raw[start : start + size].view(kind).reshape(shape)
    return zeros


class RolloutBuffer:
    """``T`` ticks of ``W`` worlds of ``A`` people: what each saw, did and got.

    ===================  =====================  ================================================================
    ``observation``      float32 [T, W, A, F]   what the action was chosen on
    ``mask``             bool [T, W, A, N]      legal actions at that moment
    ``action``           int32 [T, W, A]        the chosen action
    ``log_prob``         float32 [T, W, A]      ln of the acting policy's probability of it; 0 if deterministic
    ``value``            float32 [T, W, A]      the acting policy's value estimate; NaN if it has none
    ``reward``           float32 [T, W, A]      reward for the tick that followed, clipped as configured
    ``reward_parts``     float32 [T, W, A, 9]   its components before clipping, in the order of REWARD_PARTS
    ``clipped``          bool [T, W, A]         the reward sat on its clip
    ``alive``            bool [T, W, A]         somebody was in the slot; all else is meaningless where not
    ``terminated``       bool [T, W, A]         the person's episode ended in this tick: no value beyond it
    ``truncated``        bool [T, W, A]         the episode was cut by its time limit: bootstrap beyond it
    ===================  =====================  ================================================================

    ``cut_ticks`` lists, in order, the ticks after which anybody's trajectory is cut: those in which somebody was
    truncated, and always the last one, where the buffer is full. ``cut_observation[i]``, float32 [W, A, F], is what
    people saw after tick ``cut_ticks[i]``, before any reset; only the rows of those who are cut there are read. Towns
    are in step, so all their worlds are truncated at once; other environments need not be.

    ``totals`` holds the event totals and rivalry averages of this data under their telemetry field names.

    Raises InputError for one that does not fit into memory.
    """

    def __init__(self, ticks: int, worlds: int, agents: int, features: int, actions: int) -> None:
        step = (ticks, worlds, agents)
        self.ticks, self.worlds, self.agents = step
        self.features, self.actions = features, actions
        what = f"a rollout of {ticks:,} ticks × {worlds:,} worlds × {agents:,} people"
        with memory_for(self.bytes_for(*step, features, actions), what, FEWER):
            self._allocate(step)
        self.cut_ticks: list[int] = []
        self.cut_observation: list[NDArray[np.float32]] = []
        self.totals: dict[str, float] = {}

    def _allocate(self, step: tuple[int, int, int]) -> None:
        self.observation: NDArray[np.float32] = aligned_zeros((*step, self.features), np.float32)
        self.mask: NDArray[np.bool_] = aligned_zeros((*step, self.actions), np.bool_)
        self.action: NDArray[np.int32] = aligned_zeros(step, np.int32)
        self.log_prob: NDArray[np.float32] = aligned_zeros(step, np.float32)
        self.value: NDArray[np.float32] = aligned_zeros(step, np.float32)
        self.reward: NDArray[np.float32] = aligned_zeros(step, np.float32)
        self.reward_parts: NDArray[np.float32] = aligned_zeros((*step, len(REWARD_PARTS)), np.float32)
        self.clipped: NDArray[np.bool_] = aligned_zeros(step, np.bool_)
        self.alive: NDArray[np.bool_] = aligned_zeros(step, np.bool_)
        self.terminated: NDArray[np.bool_] = aligned_zeros(step, np.bool_)
        self.truncated: NDArray[np.bool_] = aligned_zeros(step, np.bool_)

    @staticmethod
    def bytes_for(ticks: int, worlds: int, agents: int, features: int, actions: int) -> int:
        """What a buffer of this shape takes."""
        return ticks * worlds * agents * (4 * features + actions + 4 * (4 + len(REWARD_PARTS)) + 4)

    @property
    def agent_steps(self) -> int:
        """Number of real agent-steps: those in which somebody was in the slot."""
        return int(np.count_nonzero(self.alive))
