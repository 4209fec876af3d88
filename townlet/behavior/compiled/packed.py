"""A network's weights in the order in which the tiles read them, and the memory for a block of rows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from townlet.behavior.compiled.tiles import ROWS, WIDTH
from townlet.behavior.compiled.transposition import GROUP
from townlet.behavior.network import ActorCritic
from townlet.rollout import aligned_zeros

#: Rows that go through the whole network together: few enough for their activations to stay in the second-level cache.
BLOCK = 128

# Columns of a layout, one row per layer, the two heads together as the last one. Offsets count from the start of the
# weights, of the weights for errors, and of a block's memory.
INPUTS, OUTPUTS, PANELS, INPUT_ROWS, OUTPUT_ROWS, INPUT_PANELS, WEIGHT, BIAS, BACK, SOURCE, RESULT = range(11)

Floats = NDArray[np.float32]


def panels(columns: int) -> int:
    """The number of panels that hold so many columns."""
    return math.ceil(columns / WIDTH)


class Layout:
    """The places of all weights and activations of a network of this shape.

    ``table``, int64 [layers, 11], has the columns named above. ``weights``, ``back`` and ``memory`` are the numbers of
    float32 in the packed weights, in the weights for errors, and in the memory of one block.
    """

    def __init__(self, network: ActorCritic) -> None:
        hidden = [module.out_features for module in network.trunk.modules() if isinstance(module, nn.Linear)]
        self.features, self.actions = network.features, network.actions
        self.relu = network.config.activation == "relu"
        sizes = [network.features, *hidden, network.actions + 1]
        self.weights, self.back, self.memory = 0, 0, 0
        rows = []
        # One column more than the features, always 0, fills up the last tile of columns in use.
        source, self.memory = 0, panels(network.features + 1) * BLOCK * WIDTH
        for depth, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            input_panels = panels(inputs + 1 if depth == 0 else inputs)
            row = [inputs, outputs, panels(outputs), input_panels * WIDTH, panels(outputs) * WIDTH, input_panels]
            weight, bias = self.weights, self.weights + row[PANELS] * row[INPUT_ROWS] * WIDTH
            rows.append([*row, weight, bias, self.back, source, self.memory])
            self.weights = bias + row[PANELS] * WIDTH
            if depth:
                self.back += input_panels * row[OUTPUT_ROWS] * WIDTH
            source, self.memory = self.memory, self.memory + row[PANELS] * BLOCK * WIDTH
        self.table = np.array(rows, np.int64)
        widest = max(*sizes, *self.table[:, INPUT_ROWS], *self.table[:, OUTPUT_ROWS]) + ROWS
        units = np.arange(widest)
        #: Offsets of the columns of a block, and of the rows of packed weights, int32 [2, widest].
        self.units = np.array([units // WIDTH * (BLOCK * WIDTH) + units % WIDTH, units * WIDTH], np.int32)


class Block(NamedTuple):
    """The memory that one thread needs to take blocks of rows through a network."""

    memory: Floats
    """float32 [memory]: observations, activations and errors, where :class:`Layout` says."""
    bits: NDArray[np.int32]
    """The same memory as int32."""
    lists: NDArray[np.int32]
    """int32 [3, F + ROWS]: offsets of the columns in use, offsets of their weights, and the bits that any row has."""
    tiles: NDArray[np.int32]
    """int32 [BLOCK / ROWS, 3, F + ROWS]: the same for the rows of one tile."""
    used: NDArray[np.int64]
    """int64 [BLOCK / ROWS]: the number of columns in use for the rows of one tile."""
    log_probs: Floats
    """float32 [outputs · GROUP]: log-probabilities of a group, each action's side by side, then its values."""
    probs: Floats
    """float32 [outputs · GROUP]: probabilities, then zeros."""
    lanes: Floats
    """float32 [2 · GROUP]: intermediate results of a group."""
    wide: NDArray[np.float64]
    """float64 [3 · GROUP]: intermediate results of a group."""
    chosen: NDArray[np.int64]
    """int64 [GROUP]: chosen actions of a group."""
    zeros: Floats
    """float32 [WIDTH], all 0."""

    @classmethod
    def of(cls, layout: Layout) -> Block:
        """Memory for networks of this layout."""
        memory: Floats = aligned_zeros((layout.memory,), np.float32)
        outputs = panels(layout.actions + 1) * WIDTH
        return cls(
            memory,
            memory.view(np.int32),
            np.zeros((3, layout.features + ROWS), np.int32),
            np.zeros((BLOCK // ROWS, 3, layout.features + ROWS), np.int32),
            np.zeros(BLOCK // ROWS, np.int64),
            aligned_zeros((outputs * GROUP,), np.float32),
            aligned_zeros((outputs * GROUP,), np.float32),
            aligned_zeros((2 * GROUP,), np.float32),
            aligned_zeros((3 * GROUP,), np.float64),
            aligned_zeros((GROUP,), np.int64),
            aligned_zeros((WIDTH,), np.float32),
        )


class Weights(NamedTuple):
    """A network's packed weights, with what a pass needs to find its way through them."""

    table: NDArray[np.int64]
    """int64 [layers, 11]: see :class:`Layout`."""
    units: NDArray[np.int32]
    """int32 [2, widest]: see :class:`Layout`."""
    relu: bool
    """Whether the activation is relu; otherwise it is tanh."""
    forward: Floats
    """float32 [weights]: weights and biases in the order in which outputs are computed."""
    back: Floats
    """float32 [back]: weights in the order in which errors are propagated."""


class Packed:
    """The weights of a network and their packed copy, ``weights``."""

    def __init__(self, network: ActorCritic) -> None:
        # Not the network itself: whoever keeps this by network would keep the network alive.
        self.layout, self.parameters = Layout(network), list(network.parameters())
        layout = self.layout
        forward, back = (aligned_zeros((size,), np.float32) for size in (layout.weights, layout.back))
        self.weights = Weights(layout.table, layout.units, layout.relu, forward, back)

    def views(self, packed: Floats) -> list[tuple[Floats, Floats]]:
        """Views of packed weights, or of anything in their order, one per layer: [panels, inputs, WIDTH] and [outputs].

        The second view, of the biases, is as long as the layer has outputs.
        """
        found = []
        for row in self.layout.table.tolist():
            size = row[PANELS] * row[INPUT_ROWS] * WIDTH
            matrix = packed[row[WEIGHT] : row[WEIGHT] + size].reshape(row[PANELS], row[INPUT_ROWS], WIDTH)
            found.append((matrix[:, : row[INPUTS]], packed[row[BIAS] : row[BIAS] + row[OUTPUTS]]))
        return found

    def pack(self, tensors: Sequence[Tensor], into: Floats) -> None:
        """Put tensors, one per parameter of the network in their order and of their shapes, into packed order."""
        for (matrix, bias), (weight, offset) in zip(self.views(into), _layers(tensors), strict=True):
            outputs, inputs = weight.shape
            whole = np.zeros((len(matrix) * WIDTH, inputs), np.float32)
            whole[:outputs] = weight
            matrix[:] = whole.reshape(len(matrix), WIDTH, inputs).transpose(0, 2, 1)
            bias[:] = offset

    def unpack(self, packed: Floats, tensors: Sequence[Tensor]) -> None:
        """The reverse of :meth:`pack`."""
        with torch.no_grad():
            for (matrix, bias), parts in zip(self.views(packed), _parts(tensors), strict=True):
                whole = torch.from_numpy(matrix.transpose(0, 2, 1).reshape(-1, matrix.shape[1]))
                first = 0
                for weight, offset in parts:
                    last = first + len(offset)
                    weight.copy_(whole[first:last])
                    offset.copy_(torch.from_numpy(bias[first:last]))
                    first = last


def _parts(tensors: Sequence[Tensor]) -> list[list[tuple[Tensor, Tensor]]]:
    """Weight and bias of each layer; the two heads, policy and value, are one layer."""
    pairs = list(zip(tensors[::2], tensors[1::2], strict=True))
    return [*([pair] for pair in pairs[:-2]), pairs[-2:]]


def _layers(tensors: Sequence[Tensor]) -> list[tuple[Floats, Floats]]:
    return [
        (
            np.concatenate([weight.detach().numpy() for weight, _ in parts]),
            np.concatenate([bias.detach().numpy() for _, bias in parts]),
        )
        for parts in _parts(tensors)
    ]
