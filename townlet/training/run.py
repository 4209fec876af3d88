"""A whole training: options checked, telemetry and policy written, one result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import JsonValue, ValidationError
from upath import UPath

from townlet.behavior.policy_file import CARD_NAME, PolicyCard, save_policy
from townlet.capture import Capture, read_capture
from townlet.config.faults import fault_of
from townlet.config.scenario import Scenario
from townlet.config.training import TrainingConfig
from townlet.errors import InputError, nearest_name
from townlet.storage import AnyPath, as_path, exclusive
from townlet.telemetry import TelemetryWriter
from townlet.training.harness import Mode, TrainingHarness

LOG_NAME = "ppo_telemetry.jsonl"


@dataclass(frozen=True)
class TrainingResult:
    """What a training made."""

    policy: Path | UPath
    """The policy's card, ``policy.json``; the weights lie beside it."""
    sha256: str
    """SHA-256 of the weights."""
    log: Path
    """The telemetry log."""
    epochs: int
    steps: int
    """Agent-steps learnt from; each pass over the same data counts."""
    first_reward_mean: float
    """Mean reward per agent-step in the first rollout; in mode replay, of the recorded data."""
    last_reward_mean: float
    """The same of the last rollout."""
    seconds: float
    """Wall-clock time."""


def train(
    scenario: Scenario,
    *,
    mode: str,
    output: AnyPath,
    replay_manifest: AnyPath | None = None,
    ppo_log: AnyPath | None = None,
    rollout_ticks: int | None = None,
    epochs: int | None = None,
    cycles: int | None = None,
    worlds: int | None = None,
    seed: int | None = None,
    log_frequency: int = 1,
    log_max_entries: int | None = None,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> TrainingResult:
    """Train a policy and write it, with its telemetry log, into the folder ``output``.

    Args:
        scenario: what to train for; its ``training`` section holds the defaults of the options below.
        mode: ``rollout``, ``replay`` or ``mixed`` (a replay phase before each rollout phase).
        output: folder for ``policy.safetensors`` and ``policy.json``; locked while this runs.
        replay_manifest: the capture to learn from; for ``replay`` and ``mixed``, which need it.
        ppo_log: local file for the telemetry; by default ``ppo_telemetry.jsonl`` in ``output``.
        rollout_ticks: ticks per world in one rollout capture.
        epochs: passes over each batch of data.
        cycles: phases of each kind.
        worlds: worlds simulated side by side.
        seed: replaces the scenario's training seed.
        log_frequency: writes the epochs 1, 1 + N, 1 + 2N, … only.
        log_max_entries: rotates the log after so many lines.
        progress: called after each epoch with its telemetry fields, the ones not written included.

    Raises InputError for unusable options or data before anything is written, or if another process writes to
    ``output``; and TrainingDiverged, in which case the log ends at the last good epoch and no policy is
    written.
    """
    started = time.perf_counter()
    _require_options(mode, replay_manifest, log_frequency, log_max_entries)
    log_path = _log_path(output, ppo_log)
    overrides = {
        "rollout_ticks": rollout_ticks,
        "epochs": epochs,
        "cycles": cycles,
        "worlds": worlds,
        "seed": seed,
    }
    config = override(scenario.training, overrides)
    capture, parents = _read_parents(replay_manifest)
    harness = TrainingHarness(scenario.model_copy(update={"training": config}))
    if capture is not None:
        harness.require_match(capture, str(replay_manifest))
    rewards: list[float] = []

    with (
        exclusive(output),
        TelemetryWriter(
            log_path,
            version=scenario.telemetry.version,
            frequency=log_frequency,
            max_entries=log_max_entries,
        ) as writer,
    ):

        def log(fields: dict[str, Any]) -> None:
            if fields["data_mode"] == "rollout" or mode == "replay":
                rewards.append(fields["reward_mean"])
            writer.write(fields)
            if progress is not None:
                progress(fields)

        harness.run(cast(Mode, mode), log, capture=capture, source=str(replay_manifest))
        card = save_harness_policy(output, harness, scenario, mode, parents)

    return TrainingResult(
        policy=as_path(output) / CARD_NAME,
        sha256=card.sha256,
        log=log_path,
        epochs=harness.epoch,
        steps=harness.steps,
        first_reward_mean=rewards[0],
        last_reward_mean=rewards[-1],
        seconds=time.perf_counter() - started,
    )


def override(config: TrainingConfig, options: Mapping[str, Any]) -> TrainingConfig:
    """A training configuration with the options that are not None in place of its own.

    Raises InputError naming each option whose value is out of range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return TrainingConfig.model_validate(config.model_dump() | given)
    except ValidationError as error:
        raise InputError(
            fault_of("training options", detail, TrainingConfig, ".".join(map(str, detail["loc"])))
            for detail in error.errors()
        ) from None


def save_harness_policy(
    folder: AnyPath, harness: TrainingHarness, scenario: Scenario, mode: str, parents: Mapping[str, JsonValue]
) -> PolicyCard:
    """Save a harness's network with its provenance; ``scenario`` is the one on file, before any override."""
    town = harness.loop.town
    return save_policy(
        folder,
        harness.network,
        observation=town.observation_schema,
        actions=town.action_names,
        provenance={
            "scenario": scenario.name,
            "config_sha256": scenario.digest,
            "training": harness.config.model_dump(mode="json"),
            "seed": harness.seed,
            "mode": mode,
            "epochs": harness.epoch,
            "agent_steps": harness.steps,
            "rollout_captures": harness.cycle,
            "parents": dict(parents),
        },
    )


def _require_options(
    mode: str, replay_manifest: AnyPath | None, log_frequency: int, log_max_entries: int | None
) -> None:
    file = "training options"
    if mode not in get_args(Mode):
        raise InputError.of(file, "mode", repr(mode), nearest_name(mode, get_args(Mode)))
    if mode == "rollout" and replay_manifest is not None:
        raise InputError.of(file, "replay_manifest", str(replay_manifest), "none: mode rollout replays nothing")
    if mode != "rollout" and replay_manifest is None:
        raise InputError.of(file, "replay_manifest", "nothing", f"a capture's manifest for mode {mode}")
    for name, value in (("log_frequency", log_frequency), ("log_max_entries", log_max_entries)):
        if value is not None and value < 1:
            raise InputError.of(file, name, str(value), "at least 1")


def _log_path(output: AnyPath, ppo_log: AnyPath | None) -> Path:
    """The log's place; logs are appended to, which object stores cannot do."""
    path = as_path(output) / LOG_NAME if ppo_log is None else as_path(ppo_log)
    if not isinstance(path, Path):
        raise InputError.of("training options", "ppo_log", str(path), "a local file")
    if path.is_dir():
        raise InputError.of("training options", "ppo_log", f"the folder {path}", "a file")
    return Path(path)


def _read_parents(replay_manifest: AnyPath | None) -> tuple[Capture | None, dict[str, JsonValue]]:
    """The capture, if any, and the hashes of what the training is made from."""
    if replay_manifest is None:
        return None, {}
    capture = read_capture(replay_manifest)
    return capture, {
        "replay_manifest_sha256": capture.manifest_sha256,
        "replay_policy_sha256": capture.manifest.behavior.policy_sha256,
    }
