"""A digest of the compiled passes over networks of odd shapes, in memory next to which none may be touched.

As a program it prints the digest; it is killed by a signal where a pass reads or writes outside an array. Numba's own
checks do not see what tiles do.
"""

from __future__ import annotations

import ctypes
import faulthandler
import hashlib
import math
import mmap
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from support.made_up_batches import batch_of, network_of
from support.toy_problems import replace_ppo
from townlet.behavior.compiled.inference import Inference
from townlet.training.adam import Adam
from townlet.training.batch import Method
from townlet.training.compiled.update import CompiledUpdate

#: Features, widths of hidden layers, actions, rows, and how they are learnt from.
SHAPES: tuple[tuple[int, list[int], int, int, Method], ...] = (
    (1, [1], 1, 1, "none"),
    (2, [1], 1, 7, "cloning"),
    (31, [31, 32, 33], 31, 129, "vtrace"),
    (32, [33, 1, 16], 15, 128, "awr"),
    (33, [64], 16, 127, "none"),
    (63, [17], 63, 17, "vtrace"),
    (700, [40], 200, 513, "none"),
    (9, [8, 8], 3, 511, "none"),
    (9, [8, 8], 7, 512, "vtrace"),
    (5, [3], 2, 4097, "none"),
)
_PAGE = mmap.PAGESIZE
_kept: list[mmap.mmap] = []


def as_it_is(array: Any) -> Any:
    """The array itself."""
    return array


def before_a_wall(array: Any) -> Any:
    """A copy that ends where the memory ends."""
    return _walled(array, at_end=True)


def behind_a_wall(array: Any) -> Any:
    """A copy that begins where the memory begins."""
    return _walled(array, at_end=False)


def _walled(array: Any, at_end: bool) -> Any:
    pages = math.ceil(max(array.nbytes, 1) / _PAGE)
    memory = mmap.mmap(-1, (pages + 2) * _PAGE)
    _kept.append(memory)
    begin = _PAGE + (pages * _PAGE - array.nbytes if at_end else 0)
    copy = np.frombuffer(memory, np.uint8)[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    address = np.frombuffer(memory, np.uint8).ctypes.data
    protect = ctypes.CDLL(None).mprotect
    for page in (0, pages + 1):
        assert protect(ctypes.c_void_p(address + page * _PAGE), ctypes.c_size_t(_PAGE), 0) == 0
    return copy


def digest(place: Callable[[Any], Any], threads: int) -> str:
    """SHA-256 of records, gradients, weights and choices for all shapes."""
    found = hashlib.sha256()
    for index, (features, hidden, actions, rows, method) in enumerate(SHAPES):
        activation = "relu" if index % 2 else "tanh"
        network = network_of(activation, hidden, features, actions)
        batch = batch_of(network, method, rows=rows)
        update = CompiledUpdate(network, threads)
        update.load(Adam(network.parameters(), lr=1e-3, eps=1e-5))
        _move(update, place, rows)
        config = replace_ppo(value_clip=0.1)
        optimizer = Adam(network.parameters(), lr=1e-3, eps=1e-5)
        order = place(np.random.default_rng(0).permutation(rows))
        for _ in range(2):
            found.update(repr(update.differentiate(batch, order, config, 0.0)).encode())
            update.step(optimizer, 0.5)
        update.store(optimizer)
        for parameter in network.parameters():
            found.update(parameter.detach().numpy().tobytes())
        found.update(_acted(network, batch.observation.numpy(), batch.mask.numpy(), place))
    return found.hexdigest()


def _move(update: CompiledUpdate, place: Callable[[Any], Any], rows: int) -> None:
    update._require_parts(16 if rows > 4096 else 4)
    update.packed.weights = update.packed.weights._replace(
        **{name: place(getattr(update.packed.weights, name)) for name in ("table", "units", "forward", "back")}
    )
    update._blocks = [_moved(block, place) for block in update._blocks]
    update._moments = [place(moment) for moment in update._moments]
    update._gradients, update._sums = place(update._gradients), place(update._sums)


def _moved(block: Any, place: Callable[[Any], Any]) -> Any:
    names = ("memory", "lists", "log_probs", "probs", "lanes", "wide", "chosen", "zeros")
    moved = block._replace(**{name: place(getattr(block, name)) for name in names})
    return moved._replace(bits=moved.memory.view(np.int32))


def _acted(network: Any, observation: Any, mask: Any, place: Callable[[Any], Any]) -> bytes:
    inference, rows = Inference(network), len(mask)
    own = inference._own_memory(rows)
    own.block = _moved(own.block, place)
    action, log_prob, value = (place(np.zeros(rows, kind)) for kind in (np.int32, np.float32, np.float32))
    found = []
    for draws in (place(np.random.default_rng(1).random(rows)), np.empty(0)):
        inference.choose(place(observation), place(mask), draws, action, log_prob, value)
        found += [action.tobytes(), log_prob.tobytes(), value.tobytes()]
    found += [array.tobytes() for array in inference.evaluate(place(observation), place(mask))]
    return b"".join(found)


if __name__ == "__main__":
    faulthandler.enable()
    torch.set_num_threads(1)
    for kind in (as_it_is, before_a_wall, behind_a_wall):
        print(digest(kind, int(sys.argv[1])))
