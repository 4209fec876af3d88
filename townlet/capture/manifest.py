"""Manifest of a capture: what was recorded, under which rules, by which behaviour, and the hash of every file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

from townlet.behavior.memory import state_units_of
from townlet.config.base import Section
from townlet.config.town import Name
from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.filenames import FileName
from townlet.files.storage import AnyPath, read_json
from townlet.policies.origin import Origin

if TYPE_CHECKING:
    from townlet.behavior import Behavior

Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class FileEntry(Section):
    """A file of the capture, in the manifest's folder."""

    file: FileName
    bytes: Count
    sha256: Sha256


class ShardEntry(FileEntry):
    """A step table, with one row per agent-step of a range of worlds."""

    first_world: Count
    worlds: Annotated[int, Field(ge=1)]
    rows: Count


class EventsEntry(FileEntry):
    """The events table, with one row per event."""

    rows: Count


class BehaviorEntry(Section):
    """The behaviour that acted."""

    name: Name
    """``scripted``, ``random``, ``heuristic``, ``neural``, ``mixed``, or that of a behaviour made outside Townlet."""
    deterministic: bool
    """If true, recorded log-probabilities are 0 = ln 1, and only behaviour cloning and advantage-weighted regression
    can learn from the actions."""
    has_values: bool
    """Whether value estimates were recorded; Townlet's own behaviours make none, except for neural policies."""
    policy_sha256: Sha256 | None
    """Of the weights of the neural policy that acted; null for other behaviours."""
    log_probs: bool = True
    """False if a behaviour made outside Townlet draws its actions but does not say how likely they were, or if that is
    so for some of mixed company, or some of it is deterministic; their recorded log-probabilities are then 0, and the
    same can be learnt as from a deterministic behaviour."""
    origin: Origin | None = None
    """Of a behaviour made outside Townlet, or of mixed company."""
    state_units: Annotated[int, Field(ge=0, le=4096)] = 0
    """Numbers in each hidden state of a recurrent policy, which the column ``state`` holds; 0 without that column."""

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        usual = {"log_probs": True, "origin": None, "state_units": 0}
        return {name: value for name, value in handler(self).items() if name not in usual or value != usual[name]}

    @classmethod
    def of(cls, behavior: Behavior, policy_sha256: str | None, origin: Origin | None) -> BehaviorEntry:
        """The entry of a behaviour that has acted."""
        return cls(
            name=behavior.name,
            deterministic=behavior.deterministic,
            has_values=behavior.name == "neural" or bool(getattr(behavior, "has_values", False)),
            policy_sha256=policy_sha256,
            log_probs=bool(getattr(behavior, "has_log_probs", True)),
            origin=origin,
            state_units=state_units_of(behavior),
        )

    def acted_for(self, identity: str, people: Sequence[str]) -> list[str]:
        """The people, out of all, for whom a policy or behaviour acted.

        ``identity`` is the hash of its weights, or of the origin of a behaviour made outside Townlet.
        """
        if self.origin is not None and self.origin.members:
            return [name for each in self.origin.members.values() if each.acting == identity for name in each.people]
        acting = self.policy_sha256 or (self.origin.sha256 if self.origin else None)
        return list(people) if acting == identity else []

    @property
    def without_chances(self) -> bool:
        """Whether the recorded log-probabilities tell nothing, so that actions can only be cloned."""
        return self.deterministic or not self.log_probs


class ScenarioEntry(Section):
    """The scenario that was simulated."""

    name: str
    file_sha256: Sha256
    """Of the YAML file."""
    config_sha256: Sha256
    """Of the complete configuration: defaults included, command-line options applied."""
    town_sha256: Sha256
    """Of the map, objects, people, rules and observations alone, on which all data of a training must agree."""
    settings: dict[str, JsonValue] = {}
    """Settings beside the file, by full key; the other hashes cover what they change."""

    @model_serializer(mode="wrap")
    def _without_no_settings(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Manifests without settings have the bytes that they had before these existed.
        return {name: value for name, value in handler(self).items() if name != "settings" or value}


class Manifest(Section):
    """The content of ``rollout_sample_manifest.json``, whose SHA-256 identifies the whole capture."""

    format: Literal["townlet-capture"] = "townlet-capture"
    version: Literal[1] = 1
    scenario: ScenarioEntry
    code_sha256: Sha256
    """Of the sources of rules, behaviours and recording."""
    seed: Count
    ticks: Annotated[int, Field(ge=1)]
    worlds: Annotated[int, Field(ge=1)]
    people: Annotated[list[str], Field(min_length=1)]
    behavior: BehaviorEntry
    observation: Annotated[list[dict[str, JsonValue]], Field(min_length=1)]
    """One entry per feature, in order, with name, low, high and meaning."""
    actions: Annotated[list[str], Field(min_length=1)]
    """Names of the actions, in order."""
    reward_parts: list[str]
    rows: Count
    shards: Annotated[list[ShardEntry], Field(min_length=1)]
    events: EventsEntry
    metrics: FileEntry
    totals: dict[str, float]
    """Telemetry counters of the whole capture."""
    inactive_counters: dict[str, str]
    """Counters that are 0 because nothing in the scenario can raise them, with the reason."""


def parse_manifest(path: AnyPath) -> Manifest:
    """Read a manifest without its files. Raises InputError naming every bad field."""
    manifest = validated(read_json(path, "a capture manifest"), Manifest, path)
    if sum(shard.rows for shard in manifest.shards) != manifest.rows:
        raise InputError.of(path, "rows", str(manifest.rows), "the sum of the shards' rows")
    worlds = 0
    for index, shard in enumerate(manifest.shards):
        most = shard.worlds * manifest.ticks * len(manifest.people)
        if shard.rows > most:
            raise InputError.of(path, f"shards.{index}.rows", str(shard.rows), f"at most {most}, one per agent-step")
        if shard.first_world != worlds:
            raise InputError.of(path, f"shards.{index}.first_world", str(shard.first_world), str(worlds))
        worlds += shard.worlds
    if worlds != manifest.worlds:
        raise InputError.of(path, "worlds", str(manifest.worlds), f"{worlds}, as many as the shards have")
    if len(set(manifest.people)) != len(manifest.people):
        raise InputError.of(path, "people", "a name twice", "unique names")
    return manifest
