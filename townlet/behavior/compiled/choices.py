"""Compiled softmax over the legal actions of a group of rows, and draws from it.

Everything is computed for GROUP rows side by side, one action after the other, so that each operation is a vector's and
no sum changes its order.
"""

from __future__ import annotations

import numpy as np

from townlet.behavior.compiled.elementary import logarithm
from townlet.behavior.compiled.lanes import keep_highest, normalize, weigh
from townlet.behavior.compiled.packed import BLOCK, Block
from townlet.behavior.compiled.tiles import WIDTH
from townlet.behavior.compiled.transposition import GROUP, transpose
from townlet.world.engine.compile import rule

_PANEL = BLOCK * WIDTH
# That of townlet.behavior.network, in float32.
_ILLEGAL = np.float32(-1e30)
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@rule
def softmax(block: Block, start: int, legal: np.ndarray, rows: np.ndarray, first: int, count: int) -> None:
    """Fill a block's log-probabilities, about −1e30 for illegal actions, probabilities, exactly 0 for them, and values.

    Args:
        block: its memory holds the outputs; the logits of illegal actions are overwritten.
        start: where the outputs of the group's first row begin.
        legal: bool [M, N], true for legal actions.
        rows: int64, rows of ``legal``.
        first, count: the group's entries of ``rows``; of GROUP results, only the first ``count`` mean anything.
    """
    actions = legal.shape[1]
    memory, log_probs, probs, lanes = block.memory, block.log_probs, block.probs, block.lanes
    for lane in range(count):
        _forbid(memory, start + lane * WIDTH, legal, rows[first + lane])
    for output in range(0, len(log_probs) // GROUP, GROUP):
        place = start + output // WIDTH * _PANEL + output % WIDTH
        transpose(memory, place, WIDTH, log_probs, output * GROUP, GROUP)
    for lane in range(GROUP):
        lanes[lane], lanes[GROUP + lane] = log_probs[lane], _ZERO
    for place in range(GROUP, actions * GROUP, GROUP):
        keep_highest(log_probs, probs, place, lanes, _ZERO)
    for place in range(0, actions * GROUP, GROUP):
        weigh(log_probs, probs, place, lanes, _ZERO)
    for lane in range(GROUP):
        lanes[lane] = logarithm(lanes[GROUP + lane])
    for lane in range(GROUP):
        lanes[GROUP + lane] = _ONE / lanes[GROUP + lane]
    for place in range(0, actions * GROUP, GROUP):
        normalize(log_probs, probs, place, lanes, _ZERO)


@rule
def _forbid(memory: np.ndarray, start: int, legal: np.ndarray, row: int) -> None:
    actions = legal.shape[1]
    for panel in range((actions + WIDTH - 1) // WIDTH):
        place, first = start + panel * _PANEL, panel * WIDTH
        for action in range(min(WIDTH, actions - first)):
            memory[place + action] = memory[place + action] if legal[row, first + action] else _ILLEGAL


@rule
def draw(block: Block, actions: int, draws: np.ndarray, rows: np.ndarray, first: int, count: int) -> None:
    """Draw an action for each row of a group: the first whose cumulative probability exceeds the uniform.

    An action of probability 0 is never drawn; the first action is where all probabilities are NaN.

    Args:
        block: its probabilities need not sum to exactly 1; its choices are filled.
        actions: the number of actions.
        draws: float64 [M], uniform in [0, 1).
        rows: int64, rows of ``draws``.
        first, count: the group's entries of ``rows``.
    """
    probs, lanes, chosen = block.probs, block.wide, block.chosen
    for lane in range(GROUP):
        lanes[lane] = 0.0
    for action in range(actions):
        for lane in range(GROUP):
            lanes[lane] += np.float64(probs[action * GROUP + lane])
    for lane in range(GROUP):
        lanes[lane] *= draws[rows[first + min(lane, count - 1)]]
        lanes[GROUP + lane] = 0.0
        chosen[lane] = 0
    # The last action of probability above 0 takes what rounding leaves.
    for action in range(actions):
        for lane in range(GROUP):
            chosen[lane] = action if probs[action * GROUP + lane] > _ZERO else chosen[lane]
    for action in range(actions):
        for lane in range(GROUP):
            prob = probs[action * GROUP + lane]
            lanes[GROUP + lane] += np.float64(prob)
            here = prob > _ZERO and lanes[GROUP + lane] > lanes[lane] and action < chosen[lane]
            chosen[lane] = action if here else chosen[lane]


@rule
def most_probable(block: Block, actions: int) -> None:
    """Fill a block's choices with the first of each row's most probable actions."""
    log_probs, chosen, lanes = block.log_probs, block.chosen, block.wide
    for lane in range(GROUP):
        chosen[lane], lanes[lane] = 0, log_probs[lane]
    for action in range(1, actions):
        for lane in range(GROUP):
            log_prob = log_probs[action * GROUP + lane]
            chosen[lane] = action if log_prob > lanes[lane] else chosen[lane]
            lanes[lane] = log_prob if log_prob > lanes[lane] else lanes[lane]
