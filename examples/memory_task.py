"""A memory task: a cue is shown at the beginning of an episode and asked for at its end, with nothing to see between.

    townlet train --env examples/memory_task.py:MemoryTask --config examples/memory_task.yaml --output runs/memory

A policy without a memory can only guess: in the last step all cues look the same. So its mean return is at most 1
divided by the number of cues.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class MemoryTask(gymnasium.Env[np.ndarray, int]):
    """One of ``cues`` is shown; ``delay`` steps later the action that names it earns 1, and all others nothing.

    Observations are float32 [cues + 1]: the cue, one-hot, in the first step, and a 1 at the end when it is asked for.
    """

    def __init__(self, cues: int = 4, delay: int = 8) -> None:
        self.cues, self.delay = cues, delay
        self.observation_space = spaces.Box(0.0, 1.0, (cues + 1,), np.float32)
        self.action_space = spaces.Discrete(cues)
        self._cue, self._step = 0, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """Draw a cue and show it."""
        super().reset(seed=seed)
        self._cue, self._step = int(self.np_random.integers(self.cues)), 0
        return self._see(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Wait, or answer in the last step."""
        over = self._step == self.delay
        reward = float(over and action == self._cue)
        self._step += 1
        return self._see(), reward, over, False, {}

    def _see(self) -> np.ndarray:
        seen = np.zeros(self.cues + 1, np.float32)
        if self._step == 0:
            seen[self._cue] = 1.0
        elif self._step == self.delay:
            seen[-1] = 1.0
        return seen
