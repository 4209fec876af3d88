"""Further fields of a training in an environment that is not a town, and the fields that only a town has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from townlet.telemetry.record import FIELDS, Field

#: Names the environment; a log that has it is not of a town.
NAME_FIELD = "environment.name"
RETURN_FIELD = "environment.return_mean"

#: Further fields of such a log, by name. Those of what ended are absent while nothing did.
ENVIRONMENT_FIELDS = {
    field.name: field
    for field in (
        Field(NAME_FIELD, "str", "", "the environment of a training that is not in a town", None, role="count"),
        Field(RETURN_FIELD, "float", "reward", "mean undiscounted return of the agents whose time ended", None),
        Field("environment.return_min", "float", "reward", "least return among them", None),
        Field("environment.return_max", "float", "reward", "largest return among them", None),
        Field("environment.reward_scale", "float", "", "factor on the rewards that are learnt from", None, low=0),
        Field("environment.episodes_ended", "int", "episodes", "episodes that ended in the rollout", None, low=0),
        Field(
            "environment.episode_steps_mean", "float", "steps", "mean length of the episodes that ended", None, low=0
        ),
    )
}

#: What a schema requires and only a town has, as such a log holds it: there is no town, so nothing can happen in it.
NO_TOWN = {field.name: 0.0 for field in FIELDS if field.since is not None and field.town}


def without_a_town(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record without the fields that only a town has, unless it is of a town."""
    if NAME_FIELD not in record:
        return record
    return {name: value for name, value in record.items() if name not in NO_TOWN}
