"""Recording of rollouts: one shard per range of worlds, then events and metrics, and the manifest last."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from townlet.behavior import Behavior
from townlet.behavior.choose import Acting, Choice, choose_behavior
from townlet.behavior.memory import state_units_of
from townlet.capture.completed_uses import USES_KEY
from townlet.capture.manifest import (
    BehaviorEntry,
    EventsEntry,
    FileEntry,
    Manifest,
    ScenarioEntry,
    ShardEntry,
)
from townlet.capture.sample_metrics import capture_metrics
from townlet.capture.tables import events_table, steps_table, to_parquet
from townlet.config import Scenario, load_scenario
from townlet.config.options import with_options
from townlet.config.rules import ObservationConfig
from townlet.config.settings import Settings
from townlet.config.settings_use import scenario_for
from townlet.files.artefact_names import MANIFEST_NAME, METRICS_NAME
from townlet.files.outputs import remove_unfinished
from townlet.files.storage import (
    AnyPath,
    as_path,
    exclusive,
    pretty_json,
    read_bytes,
    require_folder,
    sha256,
    write_atomically,
)
from townlet.host.memory import FEWER, require_memory
from townlet.host.torch_settings import repeatable
from townlet.outcomes.uses import uses_by_affordance
from townlet.rollout import REWARD_PARTS, RolloutBuffer
from townlet.simulation import SimulationLoop, inactive_counters, telemetry_totals
from townlet.sources import sources_sha256
from townlet.world import COUNTERS, TALLY, Town
from townlet.world.observation.schema import observation_schema_of
from townlet.world.rules.actions import action_names

#: Names of the files that :func:`_write` makes; nothing else in the folder may be deleted.
_OWN_FILES = re.compile(r"(steps-\d+|events|metrics)-[0-9a-f]{12}\.(parquet|json)")


@dataclass(frozen=True)
class CaptureResult:
    """A capture that was written."""

    manifest_path: Path | UPath
    manifest_sha256: str
    manifest: Manifest
    metrics: dict[str, Any]


@dataclass
class _Recording:
    """Shards, tallies and events gathered so far."""

    shards: list[ShardEntry] = field(default_factory=list)
    tally: list[NDArray[np.float64]] = field(default_factory=list)
    counter: list[NDArray[np.float64]] = field(default_factory=list)
    events: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = field(default_factory=list)
    log_prob_sum: float = 0.0


def capture_rollout(
    scenario_path: AnyPath,
    output: AnyPath,
    *,
    ticks: int | None = None,
    worlds: int | None = None,
    seed: int | None = None,
    behavior: Acting | None = None,
    policy: AnyPath | None = None,
    observations: ObservationConfig | None = None,
    settings: Settings = (),
    progress: Callable[[int, int], None] | None = None,
) -> CaptureResult:
    """Simulate one episode per world and record every agent-step and event into a folder.

    Args:
        scenario_path: the scenario file.
        output: the folder to write; an earlier capture in it stays valid until the new manifest replaces its own.
        ticks: replaces the scenario's.
        worlds: replaces the scenario's.
        seed: replaces the scenario's.
        behavior: who acts, as :func:`townlet.behavior.choose.choose_behavior` takes it; by default the schedule.
        policy: the place or the name of a trained policy; implies ``neural``. If it brings other observation options
            than the scenario's, the manifest records the scenario with these.
        observations: replaces the scenario's.
        settings: values for keys of the scenario, see :func:`townlet.config.settings.with_settings`.
        progress: called after each shard with the number of worlds done and the total.

    Raises InputError for unusable options, scenario or policy, before anything is written.
    """
    require_folder(output, (MANIFEST_NAME, METRICS_NAME))
    found = scenario_for("capture", load_scenario(scenario_path), settings)
    asked = with_options(found, ticks=ticks, worlds=worlds, seed=seed)
    if observations is not None:
        asked = asked.model_copy(update={"observations": observations})
    file_sha256 = sha256(read_bytes(scenario_path, "a scenario"))
    choice = choose_behavior(asked, behavior, policy)
    acting, scenario = choice.behavior, choice.scenario
    _require_memory(scenario, state_units_of(acting))
    with exclusive(output), repeatable(scenario.training.threads):
        recording = _Recording()
        total, per_shard = scenario.capture.worlds, scenario.capture.worlds_per_shard
        for first in range(0, total, per_shard):
            town = _record_shard(scenario, acting, first, min(per_shard, total - first), as_path(output), recording)
            if progress:
                progress(min(first + per_shard, total), total)
        return _finish(choice, file_sha256, town, recording, as_path(output))


def _require_memory(scenario: Scenario, state_units: int) -> None:
    """Raise InputError unless memory holds a shard, both as buffer and as table, and the tallies of all worlds."""
    people, capture = len(scenario.people), scenario.capture
    worlds = min(capture.worlds, capture.worlds_per_shard)
    features, actions = len(observation_schema_of(scenario)), len(action_names(scenario.object_types))
    needed = 2 * RolloutBuffer.bytes_for(scenario.ticks, worlds, people, features, actions, state_units)
    needed += 8 * capture.worlds * (people * len(TALLY) + len(COUNTERS))
    shards = f"{scenario.ticks:,} ticks × {worlds:,} worlds at a time × {people:,} people"
    require_memory(needed, f"{shards}, {capture.worlds:,} worlds in all", f"{FEWER}, or capture.worlds_per_shard,")


def code_sha256() -> str:
    """Return the SHA-256, in hexadecimal, of the sources that decide what a capture records."""
    return sources_sha256(__name__)


def _record_shard(
    scenario: Scenario,
    behavior: Behavior,
    first: int,
    worlds: int,
    folder: Path | UPath,
    recording: _Recording,
) -> Town:
    loop = SimulationLoop(scenario, worlds=worlds, seed=scenario.seed, first_world=first)
    buffer = loop.new_buffer(scenario.ticks, state_units_of(behavior))

    def keep_events(town: Town, tick: int) -> None:
        count = town.state.worlds["event_count"]
        if count.any():
            world, index = np.nonzero(np.arange(town.state.events.shape[1]) < count[:, None])
            recording.events.append((world + first, np.full(len(world), tick), town.state.events[world, index]))

    loop.collect(buffer, behavior, keep_events)
    table = steps_table(buffer, loop.town.people, first)
    entry = _write(folder, f"steps-{first:05d}", to_parquet(table))
    recording.shards.append(ShardEntry(**entry.model_dump(), first_world=first, worlds=worlds, rows=table.num_rows))
    recording.tally.append(loop.town.state.tally.copy())
    recording.counter.append(loop.town.state.counter.copy())
    recording.log_prob_sum += float(buffer.log_prob.sum(dtype=np.float64, where=buffer.alive))
    return loop.town


def _write(folder: Path | UPath, stem: str, content: bytes, suffix: str = "parquet") -> FileEntry:
    """Write a file named after its content, so that it never replaces another capture's file."""
    digest = sha256(content)
    name = f"{stem}-{digest[:12]}.{suffix}"
    write_atomically(folder / name, content)
    return FileEntry(file=name, bytes=len(content), sha256=digest)


def _finish(
    choice: Choice,
    file_sha256: str,
    town: Town,
    recording: _Recording,
    folder: Path | UPath,
) -> CaptureResult:
    scenario = choice.scenario
    acted = BehaviorEntry.of(choice.behavior, choice.policy_sha256, choice.origin)
    events = _all_events(recording, town)
    entry = _write(folder, "events", to_parquet(events))
    tally, counter = np.concatenate(recording.tally), np.concatenate(recording.counter)
    totals = telemetry_totals(tally, counter)
    metrics = {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "ticks": scenario.ticks,
        "worlds": scenario.capture.worlds,
        "behavior": acted.name,
        **capture_metrics(town.people, tally, counter, totals, recording.log_prob_sum, acted.without_chances),
    }
    if uses := uses_by_affordance((each for _, _, each in recording.events), scenario):
        metrics[USES_KEY] = uses
    metrics_content = pretty_json(metrics).encode()
    manifest = Manifest(
        scenario=ScenarioEntry(
            name=scenario.name,
            file_sha256=file_sha256,
            config_sha256=scenario.digest,
            town_sha256=scenario.town_digest,
            settings=dict(scenario.settings),
        ),
        code_sha256=code_sha256(),
        seed=scenario.seed,
        ticks=scenario.ticks,
        worlds=scenario.capture.worlds,
        people=town.people,
        behavior=acted,
        observation=town.observation_schema,
        actions=town.action_names,
        reward_parts=list(REWARD_PARTS),
        rows=sum(shard.rows for shard in recording.shards),
        shards=recording.shards,
        events=EventsEntry(**entry.model_dump(), rows=events.num_rows),
        metrics=_write(folder, "metrics", metrics_content, "json"),
        totals=totals,
        inactive_counters=inactive_counters(scenario),
    )
    digest = write_atomically(folder / MANIFEST_NAME, pretty_json(manifest.model_dump(mode="json")))
    # A copy under a fixed name, for people; programs find the metrics through the manifest, which is already in place.
    write_atomically(folder / METRICS_NAME, metrics_content)
    _remove_stale(folder, manifest)
    return CaptureResult(folder / MANIFEST_NAME, digest, manifest, metrics)


def _all_events(recording: _Recording, town: Town) -> Any:
    if recording.events:
        world, tick, events = (np.concatenate(parts) for parts in zip(*recording.events, strict=True))
    else:
        world = tick = np.zeros(0, np.int64)
        events = town.state.events[:0, 0]
    return events_table(world, tick, np.asarray(events), town.people, town.objects)


def _remove_stale(folder: Path | UPath, manifest: Manifest) -> None:
    """Delete the files of the replaced capture, and those that killed captures left behind."""
    valid = {manifest.events.file, manifest.metrics.file, *(shard.file for shard in manifest.shards)}
    for file in folder.iterdir():
        if _OWN_FILES.fullmatch(file.name) and file.name not in valid:
            file.unlink()
    if isinstance(folder, Path):
        remove_unfinished(folder, (_OWN_FILES, MANIFEST_NAME, METRICS_NAME))
