"""How much the study does: the full version and one of ten minutes, and how policies learn in both."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from townlet.config.training import NetworkConfig, PPOConfig, TrainingConfig
from townlet.study.conflict.arms import PENALTY
from townlet.study.conflict.town import StudyTown

#: Seeds of the towns in which policies are judged begin here; training and cloning use seeds below.
EVALUATION_SEED, CLONING_SEED, CONTINUATION_SEED = 10_000, 5_000, 20_000
#: The study's first seed. With those before it the study was designed.
FIRST_SEED = 11


@dataclass(frozen=True)
class Settings:
    """Amounts of one version of the study."""

    seeds: int = 10
    """Seeds from the first one on, of every arm in the town of the training."""
    curve_seeds: int = 10
    """Seeds of the runs that make the dose and the penalty curves."""
    cycles: int = 100
    """Rollouts of one training."""
    further_cycles: int = 200
    """Rollouts by which the comparison with the heuristic beyond the claim continues conflict-aware trainings."""
    worlds: int = 8
    """Worlds of one rollout."""
    rollout_ticks: int = 1000
    """Ticks of one rollout: a day, so that each shows all times of day."""
    cloning_worlds: int = 20
    """Days of each recording from which policies learn to begin with."""
    cloning_epochs: int = 4
    """Passes over the recordings so far, twice as many in the end."""
    evaluation_worlds: int = 64
    """Worlds of one day in which each policy is judged, per evaluation."""
    demands: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5)
    penalties: tuple[float, ...] = (1.0, 20.0, PENALTY, 1000.0)
    layouts: tuple[int, ...] = (101, 102, 103)
    """Seeds of blueprints in which nobody was trained."""
    capacities: tuple[tuple[int, int], ...] = ((6, 1), (10, 1), (12, 2))
    """People and showers with which nobody was trained."""

    def seed_numbers(self) -> range:
        """The seeds of every arm."""
        return range(FIRST_SEED, FIRST_SEED + self.seeds)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a report."""
        return asdict(self) | {"training": training_config(self, 0).model_dump(mode="json")}

    def further(self) -> Settings:
        """Those of the comparison with the heuristic beyond the claim: eight times the worlds to judge in, because what
        is left of conflict is rare."""
        return replace(self, evaluation_worlds=8 * self.evaluation_worlds)

    def continuing(self) -> Settings:
        """Those of a training that continues another."""
        return replace(self, cycles=self.further_cycles)

    def held_out(self) -> dict[str, StudyTown]:
        """Towns in which policies are judged besides the one of the training, by name."""
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
    """How every learning arm learns."""
    return TrainingConfig(
        seed=seed,
        worlds=settings.worlds,
        rollout_ticks=settings.rollout_ticks,
        cycles=settings.cycles,
        epochs=2,
        network=NetworkConfig(hidden=(128, 128), activation="relu"),
        ppo=PPOConfig(learning_rate=5e-4, gamma=0.995, gae_lambda=0.9, entropy_coef=0.003, minibatch_size=2048),
    )
