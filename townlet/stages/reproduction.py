"""Reproduction of a capture: part of it is simulated again, and compared with the recording."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np

from townlet.behavior.choose import BehaviorName, choose_behavior
from townlet.capture import read_capture
from townlet.config import load_scenario
from townlet.config.options import with_options
from townlet.config.settings import with_settings
from townlet.errors import InputError
from townlet.policies import shipped_with
from townlet.simulation import SimulationLoop

#: Arrays that are compared wherever a person was present: all recorded ones except value estimates, which only networks
#: make.
_COMPARED = (
    "observation",
    "mask",
    "action",
    "log_prob",
    "reward",
    "reward_parts",
    "clipped",
    "terminated",
)


def differences_when_repeated(
    manifest_path: Path, scenario_path: Path, *, ticks: int, worlds: int
) -> tuple[int, list[str]]:
    """Simulate the first ``ticks`` of the first ``worlds`` of a capture again, and compare.

    Returns the number of agent-steps compared, and the names of the arrays that differ.

    Raises InputError if the capture is damaged, has another configuration than the scenario, or records a neural
    policy that does not come with Townlet, which cannot act again without its weights, or a behaviour made outside it.
    """
    capture = read_capture(manifest_path)
    manifest, recorded = capture.manifest, capture.buffer
    own = with_settings(load_scenario(scenario_path), manifest.scenario.settings, str(manifest_path))
    asked = with_options(own, ticks=manifest.ticks, worlds=manifest.worlds, seed=manifest.seed)
    if manifest.behavior.name not in get_args(BehaviorName):
        # A manifest may come from anywhere, so code that it names is not run.
        mixed = manifest.behavior.origin is not None and manifest.behavior.origin.members
        found = "mixed company" if mixed else f"{manifest.behavior.name}, which is made outside Townlet"
        raise InputError.of(manifest_path, "behavior.name", found, "a behaviour of Townlet's own to act again")
    acting = choose_behavior(asked, manifest.behavior.name, shipped_with(manifest.behavior.policy_sha256))
    behavior, scenario = acting.behavior, acting.scenario
    if scenario.digest != manifest.scenario.config_sha256:
        found = f"a capture of the configuration {manifest.scenario.config_sha256}"
        raise InputError.of(manifest_path, "scenario.config_sha256", found, scenario.digest)
    loop = SimulationLoop(scenario, worlds=min(worlds, manifest.worlds), seed=manifest.seed)
    again = loop.new_buffer(min(ticks, manifest.ticks))
    loop.collect(again, behavior)
    part = (slice(0, again.ticks), slice(0, again.worlds))
    if not np.array_equal(again.alive, recorded.alive[part]):
        return again.agent_steps, ["alive"]
    present = again.alive
    different = [
        name
        for name in _COMPARED
        if not np.array_equal(getattr(again, name)[present], getattr(recorded, name)[part][present])
    ]
    return again.agent_steps, different
