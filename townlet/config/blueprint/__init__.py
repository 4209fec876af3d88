"""Blueprints: numbers of buildings, people and jobs, expanded into a scenario that lists each of them."""

from townlet.config.blueprint.expand import expand_blueprint
from townlet.config.blueprint.model import (
    Blueprint,
    BuildingBlueprint,
    JobBlueprint,
    PeopleBlueprint,
    PersonalityRanges,
)

__all__ = [
    "Blueprint",
    "BuildingBlueprint",
    "JobBlueprint",
    "PeopleBlueprint",
    "PersonalityRanges",
    "expand_blueprint",
]
