"""Scenarios: a town, its people, and their training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    PrivateAttr,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from townlet.config.base import AsTuple, Section, Seed, SomeTicks
from townlet.config.blueprint import Blueprint, expand_blueprint
from townlet.config.rules import ObservationConfig, RulesConfig
from townlet.config.soak import SoakSizes
from townlet.config.telemetry import TelemetryConfig
from townlet.config.town import (
    MOST_OBJECTS,
    MOST_PEOPLE,
    AffordanceConfig,
    Instruction,
    JobConfig,
    MapConfig,
    Name,
    ObjectConfig,
    PersonConfig,
)
from townlet.config.training import TrainingConfig


class CaptureConfig(Section):
    """Size of a capture, unless options override it."""

    worlds: Annotated[int, Field(ge=1, le=65536)] = 1
    worlds_per_shard: Annotated[int, Field(ge=1, le=65536)] = 64


def _people_or_blueprint(schema: dict[str, Any]) -> None:
    schema["required"].remove("people")
    schema["anyOf"] = [{"required": ["people"]}, {"required": ["blueprint"]}]


class Scenario(Section):
    """A scenario, as in one file of ``configs/scenarios``."""

    model_config = ConfigDict(json_schema_extra=_people_or_blueprint)

    name: Name
    """The file's name without ``.yaml``."""
    description: Annotated[str, Field(min_length=1, max_length=10_000)]
    ticks: Annotated[int, Field(ge=1, le=10_000_000)]
    """Length of an episode, which is truncated at this tick."""
    ticks_per_day: SomeTicks = 1000
    seed: Seed = 0
    blueprint: Annotated[Blueprint | None, Field(exclude=True)] = None
    """Building blocks from which walls, objects, jobs and people are made; a loaded scenario holds those instead."""
    map: MapConfig
    objects: Annotated[dict[Name, ObjectConfig], Field(max_length=MOST_OBJECTS)] = {}
    affordances: Annotated[dict[Name, AffordanceConfig], Field(max_length=62)] = {}
    jobs: Annotated[dict[Name, JobConfig], Field(max_length=MOST_PEOPLE)] = {}
    people: Annotated[dict[Name, PersonConfig], Field(min_length=1, max_length=MOST_PEOPLE)]
    rules: RulesConfig = RulesConfig()
    observations: ObservationConfig = ObservationConfig()
    schedule: dict[Name, Annotated[tuple[Instruction, ...], AsTuple]] = {}
    capture: CaptureConfig = CaptureConfig()
    training: TrainingConfig = TrainingConfig()
    soak: SoakSizes = SoakSizes()
    telemetry: TelemetryConfig = TelemetryConfig()
    _settings: dict[str, JsonValue] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _expand_blueprint(cls, content: Any, validate: ModelWrapValidatorHandler[Scenario]) -> Scenario:
        if not isinstance(content, dict) or content.get("blueprint") is None:
            return validate(content)
        try:
            expanded = expand_blueprint(content)
        except ValidationError:
            # Report the faults of other sections too; a stand-in replaces the people that the blueprint did not make.
            validate({"people": {"anyone": {"at": (0, 0)}}} | content)
            raise
        return validate(expanded)

    @model_serializer(mode="wrap")
    def _without_an_empty_soak(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Most scenarios have no such section; their hashes and their files are the same as without it.
        content: dict[str, Any] = serialize(self)
        if self.soak == SoakSizes():
            content.pop("soak", None)
        return content

    @property
    def settings(self) -> Mapping[str, JsonValue]:
        """The settings that distinguish it from its file, by full key; see :func:`townlet.config.settings`.

        They are no part of the configuration: its hashes cover what they change.
        """
        return MappingProxyType(self._settings)

    def with_record_of(self, settings: Mapping[str, JsonValue]) -> Scenario:
        """Return the scenario, unchanged, with the record that these settings made it."""
        recorded = self.model_copy()
        recorded._settings = dict(settings)
        return recorded

    @property
    def object_types(self) -> tuple[str, ...]:
        """Types of objects, in the order in which affordances first name them."""
        return tuple(dict.fromkeys(affordance.object for affordance in self.affordances.values()))

    @property
    def town_digest(self) -> str:
        """SHA-256 of what makes experience comparable: map, objects, affordances, jobs, people, rules and observations.

        Length, seed, schedule, capture, training, soak and telemetry options are left out.
        """
        return self._hash({"ticks_per_day", "map", "objects", "affordances", "jobs", "people", "rules", "observations"})

    @property
    def digest(self) -> str:
        """SHA-256 of the complete configuration, with defaults and without comments.

        Keys keep their order, because people and objects are numbered by it.
        """
        return self._hash(None)

    def _hash(self, fields: set[str] | None) -> str:
        content = json.dumps(self.model_dump(mode="json", include=fields), separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(content.encode()).hexdigest()
