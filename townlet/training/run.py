"""A whole training, from its options to the policy that it saves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from upath import UPath

from townlet.behavior.compiled.kernel import arithmetic
from townlet.behavior.policy_file import load_policy
from townlet.capture import Capture, read_capture
from townlet.config.scenario import Scenario
from townlet.config.training import mode_named
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.files.storage import as_path, exclusive, exclusive_file, require_folder
from townlet.host.torch_settings import repeatable
from townlet.training.beginning import Beginning
from townlet.training.checkpoint import CHECKPOINT_NAME
from townlet.training.devices import device_named
from townlet.training.final_policy import is_saved, save_final_policy
from townlet.training.folder import forget_previous
from townlet.training.harness import TrainingHarness
from townlet.training.options import TrainingOptions
from townlet.training.plan import training_plan
from townlet.training.session import TrainingSession


@dataclass(frozen=True)
class TrainingResult:
    """The outcome of a training."""

    policy: Path | UPath
    """The policy's card, ``policy.json``; the weights lie beside it."""
    sha256: str
    """SHA-256 of the weights."""
    log: Path
    """The telemetry log."""
    epochs: int
    passed_over: int
    """Rollouts during which nobody was in town, or a committed policy had nothing to decide; there was nothing to learn
    from them, so they have no epochs."""
    steps: int
    """Agent-steps handed to epochs; each pass over the same data counts, even one that ``target_kl`` ended early."""
    first_reward_mean: float | None
    """Mean reward per agent-step in the first rollout; in mode replay, of the recorded data. None if a script drove
    everybody to the end. Rollouts in which the heuristic is imitated do not count."""
    last_reward_mean: float | None
    """The same of the last rollout."""
    seconds: float
    """Wall-clock time of this process."""
    attempt: int
    """1 for the process that began the training, one more for each that resumed it."""
    resumed_epoch: int | None
    """The epoch after which this process resumed the training; None if it began it."""
    updates_lost: int
    """Optimizer steps in the log that earlier attempts took after their last checkpoint, and that were done again."""
    already_done: bool
    """Whether the training had already finished; then nothing was changed."""


def train(
    scenario: Scenario, options: TrainingOptions, progress: Callable[[dict[str, Any]], None] | None = None
) -> TrainingResult:
    """Train a policy for a scenario and write it, with telemetry and a checkpoint, into the folder of the options.

    ``progress`` is called after each epoch with its telemetry fields, also for epochs that the log leaves out. While a
    training is not finished, an earlier policy of the folder is kept in ``previous``.

    Raises InputError for unusable options or data before anything is written, or if another process writes to the
    folder or the log; TrainingInterrupted, a KeyboardInterrupt that says where to resume; and TrainingDiverged. A
    diverged training leaves its log up to the last good epoch, its last checkpoint, and ``divergence.json``, which says
    what happened; it writes no policy.
    """
    started = time.perf_counter()
    options.require_consistent()
    options.require_agreement(scenario.settings)
    mode, options = mode_named(options.mode), replace(options, device=device_named(options.device))
    log_path = options.log_path()
    require_folder(options.output, (CARD_NAME, WEIGHTS_NAME, CHECKPOINT_NAME))
    configured = scenario.model_copy(update={"training": options.configure(scenario.training)})
    beginning = Beginning.of(configured, options.from_policy)
    capture = None if options.replay_manifest is None else read_capture(options.replay_manifest)
    with repeatable(device=options.device):
        harness = TrainingHarness.for_scenario(beginning.scenario, device=options.device)
        beginning.put_into(harness)
        harness.require_usable(mode, capture, str(options.replay_manifest))
        harness.take_memory(mode, capture)
        with exclusive(options.output), exclusive_file(log_path):
            origin = _origin(scenario, options, capture, beginning)
            replayed = None if capture is None else capture.manifest_sha256
            version = beginning.scenario.telemetry.version
            plan = training_plan(
                beginning.scenario,
                mode,
                replayed,
                options.log_options(version),
                options.device,
                initial_policy_sha256=beginning.sha256,
            )
            return train_by_plan(options, harness, capture, origin, plan, version, progress, started)


def train_by_plan(
    options: TrainingOptions,
    harness: TrainingHarness,
    capture: Capture | None,
    origin: Mapping[str, JsonValue],
    plan: Mapping[str, Any],
    version: float,
    progress: Callable[[dict[str, Any]], None] | None,
    started: float,
) -> TrainingResult:
    """Begin or resume a training in its locked folder, and save its policy unless nothing was left to do.

    Args:
        options: those of the training.
        harness: a new one, with its memory taken.
        capture: the recorded data, for the modes that replay one.
        origin: the part of the policy's provenance that the harness does not know.
        plan: see :func:`townlet.training.plan.training_plan`.
        version: of the telemetry's schema.
        progress: see :func:`train`.
        started: when the work began, by :func:`time.perf_counter`.

    Raises what :func:`train` raises.
    """
    mode, log_path, log_options = mode_named(options.mode), options.log_path(), options.log_options(version)
    session = TrainingSession(
        options.output, harness, mode, plan, every=options.checkpoint_every, resume=options.resume
    )
    already_done = session.is_done and is_saved(options.output, harness, origin)
    if already_done:
        # A finished training must be given its own log.
        session.require_log(log_path)
        card = load_policy(options.output)[1]
    else:
        with session.work.open_log(log_path, **log_options) as writer:
            session.run(writer, capture, str(options.replay_manifest), progress)
        card = save_final_policy(options.output, harness, origin)
        forget_previous(options.output)
    first, last = session.rewards
    return TrainingResult(
        policy=as_path(options.output) / CARD_NAME,
        sha256=card.sha256,
        log=log_path,
        epochs=harness.epoch,
        passed_over=harness.passed_over,
        steps=harness.steps,
        first_reward_mean=first,
        last_reward_mean=last,
        seconds=time.perf_counter() - started,
        attempt=session.attempts.attempt,
        resumed_epoch=session.resumed_epoch,
        updates_lost=session.attempts.updates_lost,
        already_done=already_done,
    )


def _origin(
    scenario: Scenario, options: TrainingOptions, capture: Capture | None, beginning: Beginning
) -> dict[str, JsonValue]:
    """The part of a policy's provenance that the scenario as it was given, the options and the parents decide."""
    parents: dict[str, JsonValue] = {}
    if capture is not None:
        parents = {
            "replay_manifest_sha256": capture.manifest_sha256,
            "replay_policy_sha256": capture.manifest.behavior.policy_sha256,
        }
    if beginning.sha256 is not None:
        parents["initial_policy_sha256"] = beginning.sha256
    return {
        "scenario": scenario.name,
        "config_sha256": scenario.digest,
        **({"settings": dict(scenario.settings)} if scenario.settings else {}),
        **beginning.provenance(scenario),
        "mode": options.mode,
        "log_frequency": options.log_frequency,
        "parents": parents,
        "kernel": arithmetic(torch.device(options.device), beginning.scenario.training.network),
        **({} if options.device == "cpu" else {"device": options.device}),
    }
