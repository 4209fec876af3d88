"""The reference of a soak: a rollout of the baseline's own behaviour in every cycle."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from townlet.baselines.measure import measure_seed, play_episode
from townlet.simulation import SimulationLoop
from townlet.soak.options import SoakInputs
from townlet.world import Town


class Reference:
    """A town of as many worlds as the baseline's, in which the baseline's behaviour plays an episode per cycle.

    An episode depends on its seed alone. So it is played in a thread of its own, on another core if one is idle, while
    the network works. Compiled rules run outside Python's lock.
    """

    def __init__(self, inputs: SoakInputs) -> None:
        self._inputs = inputs
        self._loop = SimulationLoop(inputs.scenario, worlds=inputs.baseline.worlds, seed=0)
        # A network computes with torch, whose settings belong to the process, and so to the learner.
        self._beside = None if inputs.baseline.behavior == "neural" else ThreadPoolExecutor(1, "townlet-reference")
        self._begun = False

    @property
    def town(self) -> Town:
        """The town, as the last episode left it."""
        return self._loop.town

    def begin(self, seed: int) -> Callable[[], dict[str, float]]:
        """Begin the episode under a seed; return a function that waits for its end and returns its world metrics."""
        # The first one loads or compiles the rules, which Ctrl-C can end in the main thread only.
        if self._beside is None or not self._begun:
            self._begun = True
            inputs, loop = self._inputs, self._loop
            found = measure_seed(inputs.scenario, inputs.behavior, inputs.baseline.worlds, seed, loop)
            return lambda: found
        return self._beside.submit(play_episode, self._inputs.behavior, self.town, seed).result
