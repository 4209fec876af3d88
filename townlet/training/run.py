"""A whole training: options checked, telemetry and policy written, one result."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import torch
from pydantic import JsonValue
from upath import UPath

from townlet.behavior.policy_file import PolicyCard, load_policy, save_policy
from townlet.capture import Capture, read_capture
from townlet.config.faults import validated
from townlet.config.scenario import Scenario
from townlet.config.training import TrainingConfig
from townlet.errors import InputError, nearest_name
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.files.outputs import file_place
from townlet.files.storage import AnyPath, as_path, exclusive, exclusive_file, require_folder
from townlet.telemetry import TelemetryWriter
from townlet.training.attempt import Attempt, TrainingInterrupted, plan_of
from townlet.training.checkpoint import CHECKPOINT_NAME
from townlet.training.devices import device_named
from townlet.training.divergence import TrainingDiverged, jsonable
from townlet.training.folder import forget_previous, write_divergence
from townlet.training.harness import Mode, TrainingHarness

LOG_NAME = "ppo_telemetry.jsonl"

# Epochs before a divergence that its diagnosis repeats.
_RECENT_EPOCHS = 3


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
    passed_over: int
    """Rollouts in which nobody lived, from which there was nothing to learn; they have no epochs."""
    steps: int
    """Agent-steps handed to epochs; each pass over the same data counts, also one that ``target_kl`` ended early."""
    first_reward_mean: float | None
    """Mean reward per agent-step in the first rollout; in mode replay, of the recorded data. None if a script drove
    everybody to the end."""
    last_reward_mean: float | None
    """The same of the last rollout."""
    seconds: float
    """Wall-clock time of this process."""
    attempt: int
    """1 for the process that began the training, one more for each that resumed it."""
    resumed_epoch: int | None
    """The epoch after which this process took the training up; None if it began it."""
    updates_lost: int
    """Optimizer steps in the log that earlier attempts took after their last checkpoint, and that were done again."""
    already_done: bool
    """Whether nothing was left to do, and everything is as it was."""


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
    resume: bool = False,
    checkpoint_every: int | None = None,
    device: str = "cpu",
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> TrainingResult:
    """Train a policy and write it, with its telemetry log, into the folder ``output``.

    Args:
        scenario: what to train for; its ``training`` section holds the defaults of the options below.
        mode: ``rollout``, ``replay`` or ``mixed`` (a replay phase before each rollout phase).
        output: folder for ``policy.safetensors`` and ``policy.json``; locked while this runs.
        replay_manifest: the capture to learn from; for ``replay`` and ``mixed``, which need it.
        ppo_log: local file for the telemetry, or a pipe or device; by default ``ppo_telemetry.jsonl`` in ``output``.
        rollout_ticks: ticks per world in one rollout capture.
        epochs: passes over each batch of data.
        cycles: phases of each kind.
        worlds: worlds simulated side by side.
        seed: replaces the scenario's training seed.
        log_frequency: writes the epochs 1, 1 + N, 1 + 2N, … only.
        log_max_entries: rotates the log after so many lines.
        resume: goes on from the checkpoint in ``output``, to the very bytes that an uninterrupted training gives;
            begins where there is none. All options must be those of the checkpoint, but for a larger ``cycles``.
        checkpoint_every: phases between two checkpoints; by default as few as keep them under 2 % of the time.
        device: ``cpu``, ``cuda``, or ``auto``: ``cuda`` where torch finds one. The bits are those of the device.
        progress: called after each epoch with its telemetry fields, the ones not written included.

    ``output`` then holds ``checkpoint.safetensors`` as well. While a training is not finished, an earlier policy
    of the folder is kept in ``previous``.

    Raises InputError for unusable options or data before anything is written, or if another process writes to
    ``output`` or the log; TrainingInterrupted, a KeyboardInterrupt that says where to go on; and TrainingDiverged,
    in which case the log ends at the last good epoch, the last checkpoint stays, ``divergence.json`` says what
    happened, and no policy is written.
    """
    started = time.perf_counter()
    _require_options(
        mode,
        replay_manifest,
        {"log_frequency": log_frequency, "log_max_entries": log_max_entries, "checkpoint_every": checkpoint_every},
    )
    mode, device = cast(Mode, mode), device_named(device)
    log_path = _log_path(output, ppo_log, resume=resume, max_entries=log_max_entries)
    require_folder(output, (CARD_NAME, WEIGHTS_NAME, CHECKPOINT_NAME))
    overrides = {
        "rollout_ticks": rollout_ticks,
        "epochs": epochs,
        "cycles": cycles,
        "worlds": worlds,
        "seed": seed,
    }
    config = override(scenario.training, overrides)
    capture, parents = _read_parents(replay_manifest)
    effective = scenario.model_copy(update={"training": config})
    harness = TrainingHarness(effective, device=device)
    harness.require_usable(mode, capture, str(replay_manifest))
    harness.take_memory(mode, capture)
    writing: dict[str, Any] = {
        "version": scenario.telemetry.version,
        "frequency": log_frequency,
        "max_entries": log_max_entries,
    }
    origin: dict[str, JsonValue] = {
        "scenario": scenario.name,
        "config_sha256": scenario.digest,
        "mode": mode,
        "log_frequency": log_frequency,
        "parents": parents,
        **({} if device == "cpu" else {"device": device}),
    }
    plan = plan_of(effective, mode, None if capture is None else capture.manifest_sha256, writing, device)

    with exclusive(output), exclusive_file(log_path):
        attempt = Attempt(output, harness, plan, every=checkpoint_every, resume=resume)
        already_done = attempt.is_done and _is_published(output, harness, origin)
        if already_done:
            card = load_policy(output)[1]
            # What is said to be the log has to be it.
            attempt.require_log(log_path)
        else:
            with attempt.open_log(log_path, **writing) as writer:
                attempt.begin(writer)
                _run(attempt, writer, mode, capture, str(replay_manifest), progress)
            card = save_harness_policy(output, harness, origin)
            forget_previous(output)

    first, last = (attempt.rewards[0], attempt.rewards[-1]) if attempt.rewards else (None, None)
    return TrainingResult(
        policy=as_path(output) / CARD_NAME,
        sha256=card.sha256,
        log=log_path,
        epochs=harness.epoch,
        passed_over=harness.passed_over,
        steps=harness.steps,
        first_reward_mean=first,
        last_reward_mean=last,
        seconds=time.perf_counter() - started,
        attempt=attempt.attempts.attempt,
        resumed_epoch=attempt.resumed_epoch if attempt.resumed else None,
        updates_lost=attempt.attempts.updates_lost,
        already_done=already_done,
    )


def _run(
    attempt: Attempt,
    writer: TelemetryWriter,
    mode: Mode,
    capture: Capture | None,
    source: str,
    progress: Callable[[dict[str, Any]], None] | None,
) -> None:
    """The phases that are left, logged and saved; what interrupts or spoils them says where the training stands."""
    recent: deque[dict[str, Any]] = deque(maxlen=_RECENT_EPOCHS)

    def log(fields: dict[str, Any]) -> None:
        if (fields["data_mode"] != "replay" and not fields.get("scripted_agent_steps")) or mode == "replay":
            attempt.note_reward(fields.get("fresh_reward_mean", fields["reward_mean"]))
        recent.append(fields)
        writer.write(fields)
        if progress is not None:
            progress(fields)

    try:
        attempt.harness.run(
            mode, log, capture=capture, source=source, done=attempt.progress.phases, after_phase=attempt.after_phase
        )
    except KeyboardInterrupt:
        raise TrainingInterrupted(f"{attempt.whereabouts}; the same command with --resume goes on there") from None
    except TrainingDiverged as error:
        written = write_divergence(attempt.output, error.report() | {"epochs": jsonable(list(recent))})
        raise error.with_note(f"{written}; {attempt.whereabouts}") from None


def override(config: TrainingConfig, options: Mapping[str, Any]) -> TrainingConfig:
    """A training configuration with the options that are not None in place of its own.

    Raises InputError naming each option whose value is out of range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    return validated(config.model_dump() | given, TrainingConfig, "training options")


def save_harness_policy(folder: AnyPath, harness: TrainingHarness, origin: Mapping[str, JsonValue]) -> PolicyCard:
    """Save a harness's network with its provenance: ``origin``, and what the harness itself can say."""
    town = harness.loop.town
    return save_policy(
        folder,
        harness.network,
        observation=town.observation_schema,
        actions=town.action_names,
        provenance=_provenance(harness, origin),
    )


def _is_published(folder: AnyPath, harness: TrainingHarness, origin: Mapping[str, JsonValue]) -> bool:
    """Whether the folder's policy is the one that :func:`save_harness_policy` would write."""
    try:
        network, card = load_policy(folder)
    except InputError:
        return False
    ours, theirs = harness.network.state_dict(), network.state_dict()
    equal = ours.keys() == theirs.keys() and all(torch.equal(ours[name].cpu(), theirs[name]) for name in ours)
    return equal and card.provenance == _provenance(harness, origin)


def _provenance(harness: TrainingHarness, origin: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {
        **origin,
        "training": harness.config.model_dump(mode="json"),
        "seed": harness.seed,
        "epochs": harness.epoch,
        "agent_steps": harness.steps,
        "rollout_captures": harness.cycle,
        **({"rollouts_passed_over": harness.passed_over} if harness.passed_over else {}),
    }


def _require_options(mode: str, replay_manifest: AnyPath | None, numbers: Mapping[str, int | None]) -> None:
    file = "training options"
    if mode not in get_args(Mode):
        raise InputError.of(file, "mode", repr(mode), nearest_name(mode, get_args(Mode)))
    if mode == "rollout" and replay_manifest is not None:
        raise InputError.of(file, "replay_manifest", str(replay_manifest), "none: mode rollout replays nothing")
    if mode != "rollout" and replay_manifest is None:
        raise InputError.of(file, "replay_manifest", "nothing", f"a capture's manifest for mode {mode}")
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise InputError.of(file, name, str(value), "at least 1")


def _log_path(output: AnyPath, ppo_log: AnyPath | None, *, resume: bool, max_entries: int | None) -> Path:
    """The log's place; logs are appended to, which object stores cannot do."""
    path = as_path(output) / LOG_NAME if ppo_log is None else as_path(ppo_log)
    if not isinstance(path, Path):
        raise InputError.of("training options", "ppo_log", str(path), "a local file")
    place = file_place(path)
    if place.is_stream and resume:
        raise InputError.of("training options", "ppo_log", str(path), "a file to go on with: resume needs the log")
    if place.is_stream and max_entries is not None:
        raise InputError.of("training options", "log_max_entries", str(max_entries), "none: the log is not a file")
    return path


def _read_parents(replay_manifest: AnyPath | None) -> tuple[Capture | None, dict[str, JsonValue]]:
    """The capture, if any, and the hashes of what the training is made from."""
    if replay_manifest is None:
        return None, {}
    capture = read_capture(replay_manifest)
    return capture, {
        "replay_manifest_sha256": capture.manifest_sha256,
        "replay_policy_sha256": capture.manifest.behavior.policy_sha256,
    }
