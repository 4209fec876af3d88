"""Amounts of the study, in full and in a ten-minute version, and the configuration of its trainings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from townlet.config.training import NetworkConfig, PPOConfig, TrainingConfig
from townlet.study.conflict.arms import PENALTY
from townlet.study.conflict.town import StudyTown

#: First seeds of evaluations, of cloning and of continued trainings. Other trainings use the study's own seeds.
EVALUATION_SEED, CLONING_SEED, CONTINUATION_SEED = 10_000, 5_000, 20_000
#: The study's first seed. Smaller ones were used to design it.
FIRST_SEED = 11


@dataclass(frozen=True)
class Settings:
    """Amounts of one version of the study."""

    seeds: int = 10
    """Number of seeds of every arm in the training town."""
    curve_seeds: int = 10
    """Number of seeds of the dose and the penalty curves."""
    cycles: int = 100
    """Rollouts of one training."""
    further_cycles: int = 200
    """Rollouts of a continued training, for the comparison with the heuristic beyond the claim."""
    worlds: int = 8
    """Worlds of one rollout."""
    rollout_ticks: int = 1000
    """Ticks of one rollout: a day, so that every rollout has all times of day."""
    cloning_worlds: int = 20
    """Worlds of each recording that warm starts learn from, one day each."""
    cloning_epochs: int = 4
    """Passes over the recordings so far; twice as many after the last one."""
    evaluation_worlds: int = 64
    """Worlds of an evaluation, one day each."""
    demands: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5)
    """Points of the dose curve: demands for the shower, as shares of its capacity."""
    penalties: tuple[float, ...] = (1.0, 20.0, PENALTY, 1000.0)
    """Points of the penalty curve: factors of the penalty for causing conflicts."""
    layouts: tuple[int, ...] = (101, 102, 103)
    """Seeds of the held-out blueprints."""
    capacities: tuple[tuple[int, int], ...] = ((6, 1), (10, 1), (12, 2))
    """People and showers of the other held-out towns."""

    def seed_numbers(self) -> range:
        """The seeds of every arm."""
        return range(FIRST_SEED, FIRST_SEED + self.seeds)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a report."""
        return asdict(self) | {"training": training_config(self, 0).model_dump(mode="json")}

    def further(self) -> Settings:
        """Settings of the comparison with the heuristic beyond the claim: eight times as many worlds per evaluation,
        because the remaining conflicts are rare."""
        return replace(self, evaluation_worlds=8 * self.evaluation_worlds)

    def continuing(self) -> Settings:
        """Settings of a training that continues another."""
        return replace(self, cycles=self.further_cycles)

    def held_out(self) -> dict[str, StudyTown]:
        """Towns other than the training town in which policies are evaluated, by name."""
        layouts = {f"layout {seed}": StudyTown(layout=seed) for seed in self.layouts}
        capacities = {
            f"{people} people, {showers} shower{'s' * (showers > 1)}": StudyTown(people=people, showers=showers)
            for people, showers in self.capacities
        }
        return layouts | capacities


FULL = Settings()
QUICK = Settings(
    seeds=3,
    curve_seeds=2,
    cycles=14,
    further_cycles=14,
    cloning_worlds=12,
    cloning_epochs=2,
    evaluation_worlds=32,
    demands=(0.5, 1.0, 1.5),
    penalties=(20.0, PENALTY),
    layouts=(101,),
    capacities=((10, 1),),
)


def training_config(settings: Settings, seed: int) -> TrainingConfig:
    """The training configuration of every learning arm."""
    return TrainingConfig(
        seed=seed,
        worlds=settings.worlds,
        rollout_ticks=settings.rollout_ticks,
        cycles=settings.cycles,
        epochs=2,
        network=NetworkConfig(hidden=(128, 128), activation="relu"),
        ppo=PPOConfig(learning_rate=5e-4, gamma=0.995, gae_lambda=0.9, entropy_coef=0.003, minibatch_size=2048),
    )
