"""Agreement of a network with recorded actions, by which cloning is evaluated."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.evaluate import evaluate_rows
from townlet.behavior.network import ActorCritic
from townlet.behavior.torch_rows import step_rows
from townlet.training.batch import Batch

# Rows that are copied out of a batch at a time.
_CHUNK = 8192


def agreement(network: ActorCritic, batch: Batch, rows: NDArray[np.int64]) -> float:
    """The share of the agent-steps ``rows``, int64 [H], whose recorded action is the network's most probable one.

    A recurrent network's states are its own, as it is now, from those at the beginning of each sequence.
    """
    if batch.sequences is not None:
        return _agreement_in_sequences(network, batch, rows)
    agreed = 0
    for start in range(0, len(rows), _CHUNK):
        chunk = torch.from_numpy(rows[start : start + _CHUNK]).to(network.device)
        observation, mask, action = (
            column.index_select(0, chunk) for column in (batch.observation, batch.mask, batch.action)
        )
        agreed += int((evaluate_rows(network, observation, mask)[0].argmax(dim=-1) == action.cpu()).sum())
    return agreed / len(rows)


def _agreement_in_sequences(network: ActorCritic, batch: Batch, rows: NDArray[np.int64]) -> float:
    """As :func:`agreement`, step by step of all sequences."""
    assert batch.sequences is not None and batch.state is not None
    sequences, agreed = batch.sequences.segments(rows, None), 0
    sequences.sort(key=len, reverse=True)
    state = batch.state[[sequence[0] for sequence in sequences]].cpu()
    for step in range(len(sequences[0])):
        at = np.array([sequence[step] for sequence in sequences if len(sequence) > step])
        state = state[: len(at)].masked_fill(torch.from_numpy(batch.sequences.begins[at]).unsqueeze(1), 0.0)
        observation, mask, action = (column[at].cpu() for column in (batch.observation, batch.mask, batch.action))
        found = step_rows(network, observation, mask, state)
        agreed += int((found.log_probs.argmax(dim=-1) == action).sum())
        state = found.state
    return agreed / len(rows)
