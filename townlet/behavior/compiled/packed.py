"""A network's weights in the order in which the tiles read them, and the memory for a block of rows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from townlet.behavior.compiled.tiles import GROUP, ROWS, WIDTH
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
        hidden = [module.out_features for module in network.trunk if isinstance(module, nn.Linear)]
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


class BlockMemory:
    """What one thread needs to take blocks of rows through a network of this shape."""

    def __init__(self, layout: Layout) -> None:
        #: float32 [memory]: observations, activations and errors; and the same bits as int32.
        self.memory: Floats = aligned_zeros((layout.memory,), np.float32)
        self.bits = self.memory.view(np.int32)
        #: int32 [3, F + ROWS]: see :func:`townlet.behavior.compiled.passes.gather`.
        self.lists = np.zeros((3, layout.features + ROWS), np.int32)
        #: float32 [WIDTH]: what errors are added to.
        self.zeros: Floats = aligned_zeros((WIDTH,), np.float32)
        # Outputs of a group of rows, each output's side by side: first the actions', then the value, then nothing.
        outputs = panels(layout.actions + 1) * WIDTH
        #: float32 [outputs · GROUP] each: log-probabilities and probabilities, with values and zeros after both.
        self.log_probs: Floats = aligned_zeros((outputs * GROUP,), np.float32)
        self.probs: Floats = aligned_zeros((outputs * GROUP,), np.float32)
        #: float32 [4 · GROUP], float64 [4 · GROUP] and int64 [GROUP]: intermediate results of a group of rows.
        self.lanes: Floats = aligned_zeros((4 * GROUP,), np.float32)
        self.wide = aligned_zeros((4 * GROUP,), np.float64)
        self.chosen = aligned_zeros((GROUP,), np.int64)


class Packed:
    """Weights of a network, packed: ``weights`` for its layers' outputs, ``back`` for the errors of their inputs."""

    def __init__(self, network: ActorCritic) -> None:
        # Not the network itself: whoever keeps this by network would keep the network alive.
        self.layout, self.parameters = Layout(network), list(network.parameters())
        self.weights: Floats = aligned_zeros((self.layout.weights,), np.float32)
        self.back: Floats = aligned_zeros((self.layout.back,), np.float32)

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

    def pack(self, tensors: list[Tensor], into: Floats) -> None:
        """Put tensors, one per parameter of the network in their order and of their shapes, into packed order."""
        for (matrix, bias), (weight, offset) in zip(self.views(into), _layers(tensors), strict=True):
            outputs, inputs = weight.shape
            whole = np.zeros((len(matrix) * WIDTH, inputs), np.float32)
            whole[:outputs] = weight
            matrix[:] = whole.reshape(len(matrix), WIDTH, inputs).transpose(0, 2, 1)
            bias[:] = offset

    def unpack(self, packed: Floats, tensors: list[Tensor]) -> None:
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


def _parts(tensors: list[Tensor]) -> list[list[tuple[Tensor, Tensor]]]:
    """Weight and bias of each layer; the two heads, policy and value, are one layer."""
    pairs = list(zip(tensors[::2], tensors[1::2], strict=True))
    return [*([pair] for pair in pairs[:-2]), pairs[-2:]]


def _layers(tensors: list[Tensor]) -> list[tuple[Floats, Floats]]:
    return [
        (
            np.concatenate([weight.detach().numpy() for weight, _ in parts]),
            np.concatenate([bias.detach().numpy() for _, bias in parts]),
        )
        for parts in _parts(tensors)
    ]
