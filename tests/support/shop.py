"""A shop with a shift every day, and the ticks of that day."""

from __future__ import annotations

from typing import Any

from support.towns import Stage, merge, shower_room
from townlet.config import Scenario

DAY = 30
START, END = 10, 20


def shop(**changes: Any) -> Scenario:
    """Anna starts at the counter where she works, Ben eight steps away; both work in ticks 10 to 19 of each 30."""
    content = {
        "ticks_per_day": DAY,
        "map": {"width": 12},
        "objects": {"shower_1": None, "counter_1": {"type": "counter", "at": [1, 3]}},
        "affordances": {"wash": None, "serve": {"object": "counter", "ticks": 2, "work": True}},
        "jobs": {"clerk": {"workplace": "counter_1", "start": START, "end": END, "wage": 0.5}},
        "people": {
            "anna": {"job": "clerk"},
            "ben": {"at": [10, 3], "job": "clerk"},
            "cara": None,
            "dan": {"at": [1, 2]},
        },
        "rules": {
            "employment": {"due_before": 3, "grace_ticks": 1, "absent_after": 5, "lateness_penalty": 0.2},
            "reward": {"survival": 0.0, "need_weights": {}, "wage": 2.0},
        },
    }
    return shower_room(**merge(content, changes))


def advance_to(stage: Stage, tick: int, **actions: str) -> None:
    """Step until ``tick`` has been played."""
    while stage.town.tick <= tick:
        stage.tick(**actions)
