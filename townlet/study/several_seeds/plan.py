"""Plan of a training with several seeds: which seeds, in which folders, and in which unseen worlds they are scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from townlet.behavior.policy_file import PolicyCard, load_policy
from townlet.capture import parse_manifest
from townlet.config import Scenario
from townlet.config.training import mode_named
from townlet.errors import InputError
from townlet.evaluation import WORLDS, require_options, unused_seed
from townlet.files.storage import as_path
from townlet.host.workers import available_cores
from townlet.tracking import Destination
from townlet.training import TrainingOptions

#: As many as a study may have.
MOST_SEEDS = 10_000


@dataclass(frozen=True)
class SeedsPlan:
    """A training that is done once for each of several seeds."""

    scenario: Scenario
    options: TrainingOptions
    """Of each training. ``output`` is the folder of all of them, in which each has one of its own."""
    seeds: tuple[int, ...]
    worlds: int
    """Unseen worlds in which each policy is scored."""
    world_seed: int
    """Seed of these worlds; no training used it."""
    data_seeds: tuple[int, ...] = ()
    """Seeds of the recorded data that the trainings learn from."""
    track: tuple[Destination, ...] = ()
    """Where each training is tracked."""

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        options: TrainingOptions,
        *,
        seeds: int,
        worlds: int = WORLDS,
        world_seed: int | None = None,
    ) -> SeedsPlan:
        """Plan ``seeds`` trainings; the first has the seed of the options or else of the scenario.

        Args:
            scenario: to train for.
            options: of each training.
            seeds: how many: the first seed, the next one, and so on.
            worlds: unseen worlds in which every policy is scored.
            world_seed: of these worlds; by default the first from 1,000,000 on that no training uses.

        Raises InputError for unusable options, before anything is written.
        """
        _require_usable(options, seeds)
        options.require_consistent()
        first = options.configure(scenario.training).seed
        chosen = tuple(range(first, first + seeds))
        options.planned_epochs(scenario.training)
        for seed in (chosen[0], chosen[-1]):
            replace(options, seed=seed).configure(scenario.training)
        require_options(worlds, world_seed)
        manifest = options.replay_manifest
        data = () if manifest is None else (parse_manifest(manifest).seed,)
        found, _ = unused_seed(_parents(options), scenario, world_seed, {*chosen, *data})
        return cls(scenario, options, chosen, worlds, found, data)

    @property
    def folder(self) -> Path:
        """The folder of the whole study."""
        return Path(str(self.options.output))

    def folder_of(self, seed: int) -> Path:
        """The folder of one training."""
        return self.folder / folder_name(seed)

    def options_of(self, seed: int) -> TrainingOptions:
        """The options of one training."""
        return replace(self.options, output=self.folder_of(seed), seed=seed)

    @property
    def planned_epochs(self) -> int:
        """Epochs of one training."""
        return self.options.planned_epochs(self.scenario.training)


def folder_name(seed: int) -> str:
    """The name of the folder of one training."""
    return f"seed-{seed}"


def default_jobs(seeds: int) -> int:
    """Trainings side by side by default: one per core. With a single thread each, they take the least time in all."""
    return min(seeds, available_cores())


def _require_usable(options: TrainingOptions, seeds: int) -> None:
    if not 1 <= seeds <= MOST_SEEDS:
        raise InputError.of("options", "--seeds", str(seeds), f"from 1 to {MOST_SEEDS:,}")
    output = as_path(options.output)
    if not isinstance(output, Path):
        raise InputError.of("options", "--output", str(output), "a local folder for several seeds")
    if (output / "policy.json").exists():
        expected = "a folder of its own for several seeds: this one holds a single training"
        raise InputError.of("options", "--output", str(output), expected)
    for option, value in (("--ppo-log", options.ppo_log), ("--ppo-log-max-entries", options.log_max_entries)):
        if value is not None:
            raise InputError.of(
                "options", option, str(value), "none with --seeds: each seed has a whole log of its own"
            )
    mode_named(options.mode)


def _parents(options: TrainingOptions) -> Iterator[PolicyCard]:
    """The card of the policy that the trainings begin with, if there is one."""
    if options.from_policy is not None:
        yield load_policy(options.from_policy)[1]
