"""Rows through a network by torch's operations, so that a row's results do not depend on the other rows.

Matrix libraries take other kernels for a few rows, and torch's loops treat the last elements of an array in another
way; both round differently. So the number of rows is filled up to a multiple of 16.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from townlet.behavior.network import ActorCritic, Step

#: Rows are filled up to a multiple of this: as many float32 numbers as the widest vectors hold. Torch's sigmoid takes
#: two vectors at a time, and a memory's two gates go through it side by side.
MULTIPLE = 16
# Rows per call: enough to keep the matrix library busy, few enough to stay in the processor's caches.
_CHUNK = 8192


@torch.no_grad()
def step_rows(network: ActorCritic, observation: Tensor, mask: Tensor, state: Tensor | None) -> Step:
    """What the network finds for rows, on the processor, without gradients.

    Args:
        network: on any device.
        observation: float32 [B, F].
        mask: bool [B, N], true for legal actions, at least one per row.
        state: float32 [B, H] before the choices; None for that of an episode's beginning.
    """
    rows = len(observation)
    if state is None:
        state = torch.zeros(rows, network.state_units)
    log_probs, values, after = torch.empty(mask.shape), torch.empty(rows), torch.empty(rows, network.state_units)
    for start in range(0, rows, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        count = len(observation[chunk])
        # Rows that only fill up may choose anything.
        inputs = (filled(observation[chunk]), filled(mask[chunk], True), filled(state[chunk]))
        found = network.step(*(tensor.to(network.device) for tensor in inputs))
        log_probs[chunk], values[chunk], after[chunk] = (tensor[:count] for tensor in found)
    return Step(log_probs, values, after)


def filled(rows: Tensor, value: bool = False) -> Tensor:
    """The rows [B, …], and further ones of ``value`` up to a multiple of ``MULTIPLE``."""
    lacking = -len(rows) % MULTIPLE
    return functional.pad(rows, (0, 0, 0, lacking), value=value) if lacking else rows
