"""Amounts of the study, in full and in a quick version."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from townlet.config.drawn import VALIDATION
from townlet.study.unseen.amounts import FULL_AMOUNTS, QUICK_AMOUNTS, Amounts
from townlet.study.unseen.arms import ABLATIONS, MAIN, SCRIPTS, Arm

#: The study's first training seed. Smaller ones are for its design.
FIRST_SEED = 11
Split = Literal["test", "validation"]


@dataclass(frozen=True)
class Settings:
    """Amounts of one version of the study."""

    split: Split = "test"
    """The towns that answer the questions. Test towns are looked at once; everything else is tried on validation
    towns."""
    seeds: int = 10
    """Training seeds of the conflict-aware arm, the conflict-blind arm and the placebo."""
    ablation_seeds: int = 0
    """Training seeds of each ablation of the reward; by default they are left out, as in the published run."""
    towns: int = 50
    """Towns in which everybody is evaluated; validation towns are at most 20."""
    worlds: int = 8
    """Worlds of each town, one day each."""
    large_towns: int = 5
    """Towns of :attr:`large_people` people."""
    large_worlds: int = 2
    """Worlds of each large town."""
    large_people: int = 200
    company_people: int = 8
    """People of a town with mixed company."""
    jumpers: int = 2
    """Queue-jumpers among them."""
    choosing_towns: int = 20
    """Validation towns on which the policy to be shipped is chosen."""
    training: Amounts = FULL_AMOUNTS

    def seed_numbers(self, arm: Arm) -> range:
        """The training seeds of an arm; those of an arm that does not learn are a single 0."""
        if arm.script:
            return range(1)
        count = min(self.ablation_seeds, self.seeds) if arm in ABLATIONS else self.seeds
        return range(FIRST_SEED, FIRST_SEED + count)

    def arms(self) -> tuple[Arm, ...]:
        """All arms that have seeds."""
        return tuple(arm for arm in (*SCRIPTS, *MAIN, *ABLATIONS) if self.seed_numbers(arm))

    def as_json(self) -> dict[str, Any]:
        """Plain values for a report."""
        return asdict(self)


FULL = Settings()
QUICK = Settings(
    split="validation",
    seeds=3,
    ablation_seeds=0,
    towns=6,
    worlds=2,
    large_towns=1,
    large_worlds=1,
    choosing_towns=4,
    training=QUICK_AMOUNTS,
)


def settings_for(
    *, quick: bool, validation: bool, seeds: int | None = None, towns: int | None = None, cycles: int | None = None
) -> Settings:
    """The full or the quick version, in test or in validation towns, with some of its amounts replaced.

    There are fewer validation towns than test towns; then all of them are taken.
    """
    settings = QUICK if quick else FULL
    if validation:
        settings = replace(settings, split="validation")
    if seeds is not None:
        settings = replace(settings, seeds=seeds)
    if towns is not None:
        settings = replace(settings, towns=towns)
    if cycles is not None:
        settings = replace(settings, training=replace(settings.training, cycles=cycles))
    if settings.split == "validation":
        settings = replace(settings, towns=min(settings.towns, len(VALIDATION)))
    return settings
