"""A square where people meet, and the ties between them."""

from __future__ import annotations

from typing import Any

from support.towns import Stage, merge, shower_room
from townlet.config import Scenario

#: Anna and Ben stand side by side, Cara two tiles farther on, Dan far away. Chats between average people always
#: succeed, and have quality 0.5 between strangers.
SQUARE: dict[str, Any] = {
    "people": {"anna": {"at": [1, 5]}, "ben": {"at": [2, 5]}, "cara": {"at": [4, 5]}, "dan": {"at": [5, 0]}},
    "rules": {
        "relationships": {"max_ties": 3, "decay_per_tick": 0.0, "chat_cooldown_ticks": 5, "chat_base": 1.0},
        "reward": {"survival": 0.0, "need_weights": {}, "social": 2.0},
    },
}


def square(**changes: Any) -> Scenario:
    """The square with changes to its sections, as :func:`support.towns.merge` takes them."""
    return shower_room(**merge(SQUARE, changes))


def ties(stage: Stage, name: str) -> dict[str, tuple[float, float]]:
    """A person's remaining trust in and familiarity with each person they have a tie with."""
    state, people = stage.state, stage.town.people
    decay = stage.town.scenario.rules.relationships.decay_per_tick
    known = {}
    for tie in state.ties[0, people.index(name)]:
        if tie.other >= 0 and tie.generation == state.people[0, tie.other].generation:
            faded = decay * (state.worlds[0].clock - tie.since)
            levels = (float(tie.trust) - faded, float(tie.familiarity) - faded)
            known[people[tie.other]] = (max(levels[0], 0.0), max(levels[1], 0.0))
    return known


def set_ties(stage: Stage, name: str, **levels: tuple[float, float]) -> None:
    """Replace a person's ties; each level is trust and familiarity."""
    ledger = stage.state.ties[0, stage.town.people.index(name)]
    ledger["other"], ledger["trust"], ledger["familiarity"] = -1, 0.0, 0.0
    stage.person(name).ties = len(levels)
    for slot, (other, (trust, familiarity)) in enumerate(levels.items()):
        ledger[slot].other = stage.town.people.index(other)
        ledger[slot].generation = stage.person(other).generation
        ledger[slot].since = stage.state.worlds[0].clock
        ledger[slot].trust, ledger[slot].familiarity = trust, familiarity
