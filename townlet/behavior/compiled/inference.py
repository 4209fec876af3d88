"""Inference of a network on the processor: choices for everybody in a rollout, and evaluation of recorded rows."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from townlet.behavior.compiled.choices import draw, most_probable, softmax
from townlet.behavior.compiled.kernel import processor_kernel
from townlet.behavior.compiled.packed import BLOCK, RESULT, Block, Floats, Packed, Weights
from townlet.behavior.compiled.passes import forward, gather
from townlet.behavior.compiled.tiles import WIDTH
from townlet.behavior.compiled.transposition import GROUP
from townlet.behavior.network import ActorCritic
from townlet.world.engine.compile import entry_of

_entry = entry_of(processor_kernel().name)
_ZERO = np.float32(0.0)


class Inference:
    """A network's forward passes on the processor. Several threads may use it at once.

    Each row's results depend on that row and the weights alone, to the bit: not on the other rows, their number, the
    number of threads, or the processor. Weights that torch changes, in place or as ``data``, are noticed at the next
    pass; other parameters in the place of the network's, or writes through NumPy or to ``data`` in place, are not.
    """

    def __init__(self, network: ActorCritic) -> None:
        self._packed = Packed(network)
        self._version: list[tuple[int, int]] = []
        self._lock, self._memory = threading.Lock(), threading.local()

    @classmethod
    def of(cls, network: ActorCritic) -> Inference:
        """The inference of this network, whose memory is kept as long as the network."""
        found = _INFERENCES.get(network)
        if found is None:
            found = _INFERENCES.setdefault(network, cls(network))
        return found

    def choose(
        self,
        observation: Floats,
        mask: NDArray[np.bool_],
        draws: NDArray[np.float64],
        action: NDArray[np.int32],
        log_prob: Floats,
        value: Floats,
        rows: NDArray[np.int64] | None = None,
    ) -> None:
        """Choose an action for every row, or for some.

        Args:
            observation: float32 [B, F], contiguous, like all arrays here.
            mask: bool [B, N], true for legal actions, at least one per row.
            draws: float64 [B], uniform in [0, 1); with no entries, the most probable actions are chosen.
            action: int32 [B], filled with the choices.
            log_prob: float32 [B], filled with the log-probability of each choice in nats, or 0 without draws.
            value: float32 [B], filled with values.
            rows: int64 [S], the rows to choose for, below B; the results of the others stay as they are.

        Raises ValueError for arrays of other shapes, outside which compiled code would read and write.
        """
        self._require_shapes(observation, mask)
        if {action.shape, log_prob.shape, value.shape} != {(len(mask),)} or len(draws) not in (0, len(mask)):
            raise ValueError(f"expected draws for none or all of {len(mask)} rows, and results of as many")
        self._follow_weights()
        own = self._own_memory(len(observation))
        _choose(
            observation.view(np.int32),
            mask,
            draws,
            own.range[: len(observation)] if rows is None else rows,
            self._packed.weights,
            own.block,
            action,
            log_prob,
            value,
        )

    def evaluate(self, observation: Floats, mask: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Log-probabilities of all actions, float32 [B, N], and values, float32 [B], of rows as in :meth:`choose`."""
        self._require_shapes(observation, mask)
        self._follow_weights()
        own = self._own_memory(len(observation))
        log_probs, values = np.empty(mask.shape, np.float32), np.empty(len(mask), np.float32)
        _evaluate(
            np.ascontiguousarray(observation).view(np.int32),
            np.ascontiguousarray(mask),
            own.range,
            self._packed.weights,
            own.block,
            log_probs,
            values,
        )
        return log_probs, values

    def _require_shapes(self, observation: Floats, mask: NDArray[np.bool_]) -> None:
        layout = self._packed.layout
        expected = (len(mask), layout.features), (len(mask), layout.actions)
        if (observation.shape, mask.shape) != expected:
            raise ValueError(f"found observations and masks of {observation.shape}, {mask.shape}, expected {expected}")

    def _follow_weights(self) -> None:
        """Pack the weights again if they have changed since."""
        # torch counts the changes of a tensor.
        parameters = self._packed.parameters
        version = [(parameter.data_ptr(), parameter._version) for parameter in parameters]
        with self._lock:
            if version != self._version:
                self._packed.pack([parameter.detach() for parameter in parameters], self._packed.weights.forward)
                self._version = version

    def _own_memory(self, rows: int) -> _Own:
        own: _Own | None = getattr(self._memory, "own", None)
        if own is None:
            own = self._memory.own = _Own(Block.of(self._packed.layout))
        if len(own.range) < rows:
            own.range = np.arange(rows)
        return own


_INFERENCES: WeakKeyDictionary[ActorCritic, Inference] = WeakKeyDictionary()


class _Own:
    """One thread's memory, and the numbers of rows, int64 from 0 on."""

    def __init__(self, block: Block) -> None:
        self.block, self.range = block, np.arange(0)


@_entry
def _choose(
    observation: np.ndarray,
    mask: np.ndarray,
    draws: np.ndarray,
    rows: np.ndarray,
    weights: Weights,
    block: Block,
    action: np.ndarray,
    log_prob: np.ndarray,
    value: np.ndarray,
) -> None:
    """See :meth:`Inference.choose`; the last three arrays are filled."""
    actions = mask.shape[1]
    heads = weights.table[len(weights.table) - 1, RESULT]
    for first in range(0, len(rows), BLOCK):
        count = min(BLOCK, len(rows) - first)
        gather(observation, rows, first, count, block)
        forward(weights, block, count)
        for index in range(0, count, GROUP):
            start, place, size = heads + index * WIDTH, first + index, min(GROUP, count - index)
            softmax(block, start, mask, rows, place, size)
            if len(draws) > 0:
                draw(block, actions, draws, rows, place, size)
            else:
                most_probable(block, actions)
            for lane in range(size):
                chosen, row = block.chosen[lane], rows[place + lane]
                action[row] = chosen
                log_prob[row] = block.log_probs[chosen * GROUP + lane] if len(draws) > 0 else _ZERO
                value[row] = block.log_probs[actions * GROUP + lane]


@_entry
def _evaluate(
    observation: np.ndarray,
    mask: np.ndarray,
    rows: np.ndarray,
    weights: Weights,
    block: Block,
    result: np.ndarray,
    values: np.ndarray,
) -> None:
    """See :meth:`Inference.evaluate`; the last two arrays are filled."""
    actions = mask.shape[1]
    heads = weights.table[len(weights.table) - 1, RESULT]
    for first in range(0, len(values), BLOCK):
        count = min(BLOCK, len(values) - first)
        gather(observation, rows, first, count, block)
        forward(weights, block, count)
        for index in range(0, count, GROUP):
            start, place, size = heads + index * WIDTH, first + index, min(GROUP, count - index)
            softmax(block, start, mask, rows, place, size)
            for lane in range(size):
                values[place + lane] = block.log_probs[actions * GROUP + lane]
                for action in range(actions):
                    result[place + lane, action] = block.log_probs[action * GROUP + lane]
