"""A policy made elsewhere, as small as one can be: fixed preferences, read from a file of weights beside this one.

The preferences are logits. Townlet leaves out illegal actions, draws, and records how likely each choice was.
``docs/PIPELINE.md`` says how this becomes an asset, ``docs/SOAK.md`` how it is soaked by command.
"""

import json
from pathlib import Path

import numpy as np

from townlet.behavior import from_logits
from townlet.world.rules.actions import action_names

WEIGHTS = Path(__file__).with_name("preferences.json")


def factory(scenario):
    """A behaviour with the same preferences in every state."""
    preferences = json.loads(WEIGHTS.read_text())
    logits = np.array([preferences.get(name.split("_")[0], 0.0) for name in action_names(scenario.object_types)])

    def same_for_everybody(observation, mask):
        return np.tile(logits, (len(mask), 1))

    return from_logits(same_for_everybody, name="preferences", files=[WEIGHTS])
