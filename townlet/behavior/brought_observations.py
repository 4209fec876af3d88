"""Observation options that a policy brings along: those with which people are shown what it was trained to see."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from townlet.config.rules import ObservationConfig
from townlet.config.scenario import Scenario
from townlet.config.validate import validated

_NEIGHBOR, _MAP, _WAY = re.compile(r"neighbor\d+_seen"), re.compile(r"map_object_[+-]\d+_[+-]\d+"), "_way_north"
#: A feature that all observations of a town have.
_OF_EVERY_TOWN = "need_hunger"


def observation_options(observation: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The options of a scenario's section ``observations`` that a schema shows; nothing if it is of no town.

    The schema does not show ``view_radius``, nor ``map_radius`` where there is no map.
    """
    names = [str(feature.get("name")) for feature in observation]
    if _OF_EVERY_TOWN not in names:
        return {}
    tiles = sum(_MAP.fullmatch(name) is not None for name in names)
    ways = any(name.endswith(_WAY) for name in names)
    options: dict[str, Any] = {
        "mode": "compact" if not tiles else "full" if ways else "hybrid",
        "neighbors": sum(_NEIGHBOR.fullmatch(name) is not None for name in names),
        "offers": "expected" in names,
        "conflict_features": not any(str(feature.get("meaning")).startswith("always 0") for feature in observation),
    }
    return options | ({"map_radius": (math.isqrt(tiles) - 1) // 2} if tiles else {})


def with_observations(scenario: Scenario, observation: Sequence[Mapping[str, Any]], source: object) -> Scenario:
    """The scenario with the observation options that a schema of a card or a manifest, ``source``, shows.

    Nothing else changes: the options only say what people are shown. The very same scenario is returned if its options
    are these already. Raises InputError for options that no scenario can have.
    """
    own = scenario.observations
    content = own.model_dump() | observation_options(observation)
    brought = validated(content, ObservationConfig, str(source))
    return scenario if brought == own else scenario.model_copy(update={"observations": brought})


def changed_observations(scenario: Scenario, brought: Scenario) -> dict[str, Any]:
    """The observation options of ``brought`` that differ from those of ``scenario``, by name."""
    own, other = scenario.observations.model_dump(), brought.observations.model_dump()
    return {
        name: getattr(brought.observations, name)
        for name in ObservationConfig.model_fields
        if own.get(name) != other.get(name)
    }
