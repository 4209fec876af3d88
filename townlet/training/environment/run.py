"""A whole training in an environment that is not a town, from its name to the policy that it saves."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

import torch
from pydantic import JsonValue

from townlet.behavior.compiled.kernel import arithmetic
from townlet.behavior.policy_file import PolicyCard, card_file, load_policy
from townlet.config.settings import Settings
from townlet.config.training import TrainingConfig
from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.files.storage import AnyPath, exclusive, exclusive_file, require_folder
from townlet.host.torch_settings import repeatable
from townlet.training.checkpoint import CHECKPOINT_NAME
from townlet.training.devices import device_named
from townlet.training.environment.find import Environment, find_environment
from townlet.training.environment.fit import require_fit
from townlet.training.environment.loop import EnvironmentLoop
from townlet.training.environment.repeatable import why_not_repeatable
from townlet.training.environment.settings import EnvironmentSettings, load_settings, require_settings_beside
from townlet.training.harness import TrainingHarness
from townlet.training.options import TrainingOptions
from townlet.training.plan import begun_with, code, constants
from townlet.training.run import TrainingResult, train_by_plan

#: Schema of the telemetry log.
_VERSION = 1.1


def train_in_environment(
    environment: Environment,
    settings: EnvironmentSettings,
    options: TrainingOptions,
    progress: Callable[[dict[str, Any]], None] | None = None,
    warn: Callable[[str], None] = warnings.warn,
) -> TrainingResult:
    """Train a policy in an environment and write it, with telemetry and a checkpoint, into the folder of the options.

    The same as :func:`townlet.training.train`, with rollouts alone: ``options.mode`` must be ``rollout``. A policy to
    begin with must have been trained with the same observations and actions.

    ``warn`` is called with a sentence if a short trial shows that a resumption will be refused.

    Raises what :func:`townlet.training.train` raises; EnvironmentFailed if the environment raises an exception or
    returns what cannot be learnt from; and InputError if a resumption finds that the environment is not a function of
    its seed and actions.
    """
    started = time.perf_counter()
    if options.mode != "rollout":
        raise InputError.of(
            "training options", "mode", options.mode, "rollout: only captures of a town can be replayed"
        )
    options.require_consistent()
    options = replace(options, device=device_named(options.device))
    require_folder(options.output, (CARD_NAME, WEIGHTS_NAME, CHECKPOINT_NAME))
    card = None if options.from_policy is None else load_policy(options.from_policy)[1]
    begun = begun_with(None if card is None else card.sha256)
    config = _configured(settings, options, card)
    doubt = why_not_repeatable(environment, config.seed)
    if doubt is not None:
        warn(f"{doubt}, so this training cannot be resumed once it has been interrupted")
    loop = EnvironmentLoop(
        environment.name,
        environment.adapt,
        worlds=config.worlds,
        seed=config.seed,
        reward_scale=settings.reward_scale,
        gamma=config.ppo.gamma,
    )
    with closing(loop.town), repeatable(device=options.device):
        harness = TrainingHarness(loop, config, seed=config.seed, device=options.device)
        if card is not None and options.from_policy is not None:
            file = card_file(options.from_policy)
            require_fit(card, loop.town, file)
            harness.network.load_state_dict(load_policy(file)[0].state_dict())
        harness.require_usable("rollout", None)
        harness.take_memory("rollout", None)
        common: dict[str, JsonValue] = {
            "mode": options.mode,
            "environment": environment.origin,
            "reward_scale": settings.reward_scale,
        }
        origin, plan = _origin(common, options, config, begun), _plan(common, options, config, begun)
        with exclusive(options.output), exclusive_file(options.log_path()):
            return train_by_plan(options, harness, None, origin, plan, _VERSION, progress, started)


def _origin(
    common: Mapping[str, JsonValue], options: TrainingOptions, config: TrainingConfig, begun: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """The part of a policy's provenance that the harness does not know."""
    return {
        **common,
        "log_frequency": options.log_frequency,
        "parents": dict(begun),
        "kernel": arithmetic(torch.device(options.device), config.network),
        **({} if options.device == "cpu" else {"device": options.device}),
    }


def _plan(
    common: Mapping[str, JsonValue], options: TrainingOptions, config: TrainingConfig, begun: Mapping[str, JsonValue]
) -> dict[str, Any]:
    """What a resumption must not change; see :func:`townlet.training.plan.training_plan`."""
    return {
        **common,
        **begun,
        "device": options.device,
        **constants(config),
        "log": options.log_options(_VERSION),
        "code": code("townlet.training.environment.run", options.device, config.network),
    }


def train_env(
    env: str | Callable[..., Any],
    output: AnyPath,
    *,
    env_options: Mapping[str, Any] | None = None,
    config: AnyPath | None = None,
    settings: Settings = (),
    progress: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> TrainingResult:
    """Train a policy in an environment that is not a town, as ``townlet train --env`` does.

    Args:
        env: a name (see :func:`find_environment`), or the class or function that makes the environment.
        output: folder for the policy, its telemetry and the checkpoint.
        env_options: keyword arguments of the environment, as JSON has them.
        config: a YAML file of settings (see :func:`load_settings`).
        settings: values beside the file, such as ``["ppo.gamma=0.9"]``.
        progress: called after each epoch with its telemetry fields.
        options: further fields of :class:`townlet.training.TrainingOptions`, such as ``worlds``, ``cycles``, ``seed``,
            ``resume``.

    Raises what :func:`train_in_environment` raises.
    """
    found, asked = load_settings(config, settings, "settings"), TrainingOptions("rollout", output, **options)
    require_settings_beside(asked, settings, "settings")
    environment = find_environment(env, {**found.options, **(env_options or {})})
    return train_in_environment(environment, found, asked, progress)


def _configured(settings: EnvironmentSettings, options: TrainingOptions, card: PolicyCard | None) -> TrainingConfig:
    """The configuration of the training, with the network of the policy that it begins with."""
    config = options.configure(settings.training)
    return config if card is None else config.model_copy(update={"network": card.network})
