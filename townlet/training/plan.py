"""The plan of a training: everything that its result depends on, except for its length."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
import torch
from pydantic import JsonValue

from townlet.behavior.compiled.kernel import arithmetic
from townlet.behavior.own.network_registry import network_factory
from townlet.config.scenario import Scenario
from townlet.config.training import Mode, NetworkConfig, TrainingConfig
from townlet.host.user_modules import source_sha256
from townlet.sources import sources_sha256


def training_plan(
    scenario: Scenario,
    mode: Mode,
    capture_sha256: str | None,
    log: Mapping[str, JsonValue],
    device: str = "cpu",
    *,
    initial_policy_sha256: str | None = None,
) -> dict[str, Any]:
    """Return what a resumption must not change, as JSON values.

    Args:
        scenario: with options applied; its description and the thresholds of ``townlet watch`` are left out.
        mode: where experience comes from.
        capture_sha256: SHA-256 of the manifest of the capture that is replayed.
        log: how the telemetry is written.
        device: where the network computes.
        initial_policy_sha256: SHA-256 of the weights that the training begins with, unless they are fresh.
    """
    town = scenario.model_dump(mode="json", exclude={"description", "telemetry", "capture", "training", "soak"})
    return {
        "mode": mode,
        "replay_manifest_sha256": capture_sha256,
        **begun_with(initial_policy_sha256),
        "device": device,
        **constants(scenario.training),
        # The order of people and objects matters, and mappings compare equal in any order; the hash depends on it.
        "scenario": {**town, "town_sha256": scenario.town_digest},
        "log": dict(log),
        "code": code("townlet.training.run", device, scenario.training.network),
    }


def begun_with(initial_policy_sha256: str | None) -> dict[str, JsonValue]:
    """The part of a plan about the weights that a training begins with; nothing for fresh ones."""
    return {} if initial_policy_sha256 is None else {"initial_policy_sha256": initial_policy_sha256}


def constants(training: TrainingConfig) -> dict[str, Any]:
    """The part of a plan that a training's configuration decides."""
    ppo = training.ppo
    return {
        "training": training.model_dump(mode="json", exclude={"cycles"}),
        "cycles_spanned_by_schedules": (
            training.cycles if "linear" in (ppo.lr_schedule, ppo.entropy_schedule) else None
        ),
    }


def code(module: str, device: str, network: NetworkConfig) -> dict[str, JsonValue]:
    """The part of a plan about the code: our own that ``module`` depends on, and the libraries that compute.

    ``device`` and ``network`` decide which these are.
    """
    return {
        "sha256": sources_sha256(module),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "kernel": arithmetic(torch.device(device), network),
        **({} if network.module is None else {"module_sha256": source_sha256(network_factory(network.module))}),
    }
