"""Building of baselines: one rollout per seed, measured, and by default recorded."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from upath import UPath

from townlet.baselines.baseline import (
    LEAST_SEEDS,
    Baseline,
    Code,
    distribution_of,
    scenario_sha256,
    write_baseline,
)
from townlet.baselines.measure import measure_seed
from townlet.baselines.promotion import BASELINES_FOLDER, promoted_baseline, promoted_scenarios
from townlet.baselines.world_metrics import WORLD_METRICS, rollout_metrics
from townlet.config import Scenario, load_scenario
from townlet.config.settings import Settings, set_words
from townlet.config.settings_use import scenario_for
from townlet.errors import InputError
from townlet.files.storage import AnyPath, as_path, exclusive
from townlet.host.installation import commit
from townlet.seeds import fold_seed

if TYPE_CHECKING:
    from townlet.behavior import Behavior
    from townlet.behavior.choose import Acting, Choice

#: Worlds per seed of a drill: enough for its conflict intensity to differ by only about 2 % between seeds.
WORLDS = 256

#: By seed, the metrics, and the hash of the rollout's manifest if it was recorded.
Measured = dict[int, tuple[dict[str, float], str | None]]


@dataclass(frozen=True)
class BaselineResult:
    """A baseline and where it was written."""

    path: Path | UPath
    baseline: Baseline


def build_baseline(
    scenario_path: AnyPath,
    output: AnyPath,
    *,
    seeds: int = LEAST_SEEDS,
    first_seed: int = 0,
    worlds: int | None = None,
    behavior: Acting | None = None,
    policy: AnyPath | None = None,
    captures: bool = True,
    settings: Settings = (),
    progress: Callable[[int, int], None] | None = None,
) -> BaselineResult:
    """Measure one rollout per seed, and write their distributions into a folder as ``baseline-<hash>.json``.

    Args:
        scenario_path: scenario file.
        output: folder for the baseline and, in its folder ``captures``, the rollouts.
        seeds: number of seeds.
        first_seed: the first of them; the others follow.
        worlds: worlds per seed, with one episode each; by default those of :func:`default_worlds`.
        behavior: who acts, as :func:`townlet.behavior.choose.choose_behavior` takes it; by default the schedule, or the
            heuristic where the scenario has none.
        policy: the place or the name of a policy; implies ``neural``. If it brings observation options of its own, the
            rollouts have those; the baseline states the hash of the scenario as it is.
        settings: values for keys of the scenario, see :func:`townlet.config.settings.with_settings`.
        captures: whether to record each rollout with a manifest; the figures are the same either way.
        progress: called with the number of seeds done and of all seeds.

    Raises InputError for unusable options, scenario or policy before anything is written.
    """
    from townlet.behavior.choose import choose_behavior
    from townlet.behavior.own.groups import words_of
    from townlet.config.options import with_options

    found = scenario_for("baseline", load_scenario(scenario_path), settings)
    worlds = default_worlds(found.name) if worlds is None else worlds
    _require_options(seeds=(seeds, 1), first_seed=(first_seed, 0), worlds=(worlds, 1))
    scenario = with_options(found, ticks=None, worlds=worlds, seed=first_seed)
    name = behavior or ("neural" if policy is not None else default_behavior(scenario))
    acting = choose_behavior(scenario, name, policy)
    numbers = list(range(first_seed, first_seed + seeds))
    with exclusive(output):
        if captures:
            measured = _record(scenario_path, scenario, as_path(output), numbers, name, policy, progress)
        else:
            measured = _measure(acting.scenario, acting.behavior, numbers, worlds, progress)
        command = _command(scenario_path, output, seeds, first_seed, worlds, words_of(name), policy, captures)
        command = shlex.join([*shlex.split(command), *set_words(scenario.settings)])
        baseline = assemble(scenario, acting, measured, command)
        return BaselineResult(write_baseline(output, baseline), baseline)


def default_behavior(scenario: Scenario) -> str:
    """The behaviour that acts by default: the schedule, or the heuristic where there is none."""
    return "scripted" if scenario.schedule else "heuristic"


def default_worlds(scenario: str, folder: AnyPath = BASELINES_FOLDER) -> int:
    """Worlds per seed: as many as a scenario's promoted baseline has, so that the two compare, else ``WORLDS``."""
    return promoted_baseline(scenario, folder)[1].worlds if scenario in promoted_scenarios(folder) else WORLDS


def assemble(scenario: Scenario, acting: Choice, measured: Measured, command: str) -> Baseline:
    """The sealed baseline of measured rollouts.

    Args:
        scenario: the town, with the number of worlds.
        acting: who acted.
        measured: metrics and manifest hash by seed.
        command: the command that makes the baseline again.
    """
    from townlet.capture.record import code_sha256

    found = {name for metrics, _ in measured.values() for name in metrics}
    content = {
        "scenario": scenario.name,
        "scenario_sha256": scenario_sha256(scenario),
        "settings": dict(scenario.settings),
        "behavior": acting.behavior.name,
        "policy_sha256": acting.policy_sha256,
        "origin": acting.origin,
        "worlds": scenario.capture.worlds,
        "ticks": scenario.ticks,
        "seeds": list(measured),
        "manifests": {str(seed): manifest for seed, (_, manifest) in measured.items() if manifest},
        "metrics": {
            name: distribution_of([metrics[name] for metrics, _ in measured.values()])
            for name in WORLD_METRICS
            if name in found
        },
        "code": Code(sha256=code_sha256(), commit=commit()),
        "made_with": command,
    }
    return Baseline.model_validate(content).sealed()


def _measure(
    scenario: Scenario,
    behavior: Behavior,
    seeds: list[int],
    worlds: int,
    progress: Callable[[int, int], None] | None,
) -> Measured:
    from townlet.simulation import SimulationLoop

    loop, measured = SimulationLoop(scenario, worlds=worlds, seed=seeds[0]), Measured()
    for done, seed in enumerate(seeds, start=1):
        measured[seed] = measure_seed(scenario, behavior, worlds, seed, loop), None
        if progress:
            progress(done, len(seeds))
    return measured


def _record(
    scenario_path: AnyPath,
    scenario: Scenario,
    folder: Path | UPath,
    seeds: list[int],
    behavior: Acting,
    policy: AnyPath | None,
    progress: Callable[[int, int], None] | None,
) -> Measured:
    from townlet.capture import capture_rollout

    measured = Measured()
    for done, seed in enumerate(seeds, start=1):
        worlds = scenario.capture.worlds
        result = capture_rollout(
            scenario_path,
            rollout_folder(folder, seed),
            worlds=worlds,
            seed=seed,
            behavior=behavior,
            policy=policy,
            settings=scenario.settings,
        )
        measured[seed] = rollout_metrics(result.metrics, jobs=bool(scenario.jobs)), result.manifest_sha256
        if progress:
            progress(done, len(seeds))
    return measured


def rollout_folder(folder: Path | UPath, seed: int) -> Path | UPath:
    """The folder of the rollout under a seed, for a baseline built into ``folder``."""
    return folder / "captures" / f"seed-{fold_seed(seed):05d}"


def _require_options(**options: tuple[int, int]) -> None:
    for name, (value, least) in options.items():
        if value < least:
            raise InputError.of("options", f"--{name.replace('_', '-')}", str(value), f"at least {least}")


def _command(
    scenario_path: AnyPath,
    output: AnyPath,
    seeds: int,
    first_seed: int,
    worlds: int,
    behavior: str,
    policy: AnyPath | None,
    captures: bool,
) -> str:
    words = ["townlet", "baselines", "build", str(scenario_path), "--output", str(output), "--seeds", str(seeds)]
    words += ["--first-seed", str(first_seed)] if first_seed else []
    words += ["--worlds", str(worlds)]
    words += ["--policy", str(policy)] if policy is not None else ["--behavior", behavior]
    return shlex.join(words if captures else [*words, "--no-captures"])
