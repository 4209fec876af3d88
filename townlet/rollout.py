"""The rollout buffer: a batch of experience in preallocated arrays, for simulation, captures and training."""

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
    """Zeros whose data begin on a 64-byte boundary.

    Matrix libraries choose kernels by alignment, and kernels round differently, so a fixed alignment keeps two runs
    byte-identical.
    """
    element = np.dtype(dtype)
    size = math.prod(shape) * element.itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    zeros: NDArray[Any] = raw[start : start + size].view(element).reshape(shape)
    return zeros


class RolloutBuffer:
    """Observations, actions and rewards of ``A`` people in ``W`` worlds over ``T`` ticks.

    ===================  =====================  ================================================================
    ``observation``      float32 [T, W, A, F]   the observation that the action was chosen on
    ``mask``             bool [T, W, A, N]      the actions that the policy chose among: all that were legal then,
                                                or the only one that continues what a committed policy has begun
    ``action``           int32 [T, W, A]        the chosen action
    ``log_prob``         float32 [T, W, A]      ln of the policy's probability of the action; 0 if deterministic
    ``state``            float32 [T, W, A, H]   the hidden state before the choice, if the policy remembers; else H = 0
    ``value``            float32 [T, W, A]      the policy's value estimate; NaN if it makes none
    ``reward``           float32 [T, W, A]      the reward of the tick that followed, clipped as configured
    ``reward_parts``     float32 [T, W, A, 9]   the parts of the reward before clipping, as in REWARD_PARTS
    ``clipped``          bool [T, W, A]         the reward reached its clip
    ``alive``            bool [T, W, A]         somebody was in the slot; if not, ignore all other arrays
    ``terminated``       bool [T, W, A]         the person's episode ended in this tick, with no value beyond it
    ``truncated``        bool [T, W, A]         the time limit cut the episode, which has value beyond it
    ===================  =====================  ================================================================

    ``cut_ticks`` lists, in order, the ticks after which a trajectory is cut: those in which somebody was truncated, and
    always the last, where the buffer ends. ``cut_observation[i]``, float32 [W, A, F], is the observation after tick
    ``cut_ticks[i]``, before any reset; only the rows of people who are cut there are read. All worlds of a town are
    truncated at once, but those of other environments need not be.

    ``totals`` holds the event totals and rivalry averages of these ticks under their telemetry names.

    Raises InputError for a buffer that does not fit into memory.
    """

    def __init__(self, ticks: int, worlds: int, agents: int, features: int, actions: int, state_units: int = 0) -> None:
        step = (ticks, worlds, agents)
        self.ticks, self.worlds, self.agents = step
        self.features, self.actions, self.state_units = features, actions, state_units
        what = f"a rollout of {ticks:,} ticks × {worlds:,} worlds × {agents:,} people"
        with memory_for(self.bytes_for(*step, features, actions, state_units), what, FEWER):
            self._allocate(step)
        self.cut_ticks: list[int] = []
        self.cut_observation: list[NDArray[np.float32]] = []
        self.totals: dict[str, float] = {}

    def _allocate(self, step: tuple[int, int, int]) -> None:
        self.observation: NDArray[np.float32] = aligned_zeros((*step, self.features), np.float32)
        self.mask: NDArray[np.bool_] = aligned_zeros((*step, self.actions), np.bool_)
        self.action: NDArray[np.int32] = aligned_zeros(step, np.int32)
        self.state: NDArray[np.float32] = aligned_zeros((*step, self.state_units), np.float32)
        self.log_prob: NDArray[np.float32] = aligned_zeros(step, np.float32)
        self.value: NDArray[np.float32] = aligned_zeros(step, np.float32)
        self.reward: NDArray[np.float32] = aligned_zeros(step, np.float32)
        self.reward_parts: NDArray[np.float32] = aligned_zeros((*step, len(REWARD_PARTS)), np.float32)
        self.clipped: NDArray[np.bool_] = aligned_zeros(step, np.bool_)
        self.alive: NDArray[np.bool_] = aligned_zeros(step, np.bool_)
        self.terminated: NDArray[np.bool_] = aligned_zeros(step, np.bool_)
        self.truncated: NDArray[np.bool_] = aligned_zeros(step, np.bool_)

    @staticmethod
    def bytes_for(ticks: int, worlds: int, agents: int, features: int, actions: int, state_units: int = 0) -> int:
        """The size in bytes of a buffer of this shape."""
        return ticks * worlds * agents * (4 * (features + state_units) + actions + 4 * (4 + len(REWARD_PARTS)) + 4)

    @property
    def agent_steps(self) -> int:
        """The number of agent-steps: pairs of tick and slot with somebody in the slot."""
        return int(np.count_nonzero(self.alive))
