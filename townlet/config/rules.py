"""Constants of the town's rules; one section per rule, all of them with working defaults."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from townlet.config.base import Section
from townlet.config.town import Level, Need

Ticks = Annotated[int, Field(ge=0, le=1_000_000)]
Weight = Annotated[float, Field(ge=0.0, le=1000.0)]


class NeedsRules(Section):
    """Needs fall linearly; whoever lacks one for too long faints and is replaced by a newcomer."""

    decay: dict[Need, Level] = {"hunger": 0.005, "hygiene": 0.005, "energy": 0.004}
    """Fall of each need per tick; a need that is not named does not fall."""
    start_jitter: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    """Each starting need is lowered by a uniform draw from 0 to this."""
    faint_after: Annotated[int, Field(ge=1)] = 40
    """Ticks with any need at 0 after which the person's episode terminates."""
    newcomer_after: Annotated[int, Field(ge=1)] = 10
    """Ticks until a newcomer takes the place."""


class ConflictBase(Section):
    """Intensity of a conflict before the queue's length counts."""

    ghost_step: Weight = 1.5
    push_in: Weight = 1.5
    overstay: Weight = 1.0
    contested_arrival: Weight = 0.5


class QueueRules(Section):
    """Taking turns at an object."""

    cooldown_ticks: Ticks = 4
    """Ticks after a use in which the same person cannot queue for that object again."""
    ghost_step_after: Annotated[int, Field(ge=1)] = 2
    """Ticks of holding a reserved object unused, while others wait, until the holder must go to the tail."""
    fair_use_ticks: Annotated[int, Field(ge=1)] = 8
    """Ticks of starting over while others wait that make one overstay conflict."""
    age_priority_weight: Weight = 0.0
    """Places in the queue that one tick of waiting is worth; above 0 long waiters resist being passed."""
    intensity: ConflictBase = ConflictBase()
    intensity_per_waiter: Weight = 0.25
    """Added to the intensity for each waiting person beyond the first; the sum is clamped to 0.1 to 5."""


class RivalryRules(Section):
    """Grudges: what a conflict leaves behind, and how it fades."""

    increment_per_conflict: Level = 0.2
    """Rise per unit of intensity for the wronged side; the actor's is half of it."""
    decay_per_tick: Level = 0.01
    polite_relief: Level = 0.05
    """Fall, on both sides, at a hand-over or when somebody gives way."""
    drop_below: Level = 0.05
    """A grudge at or below this is forgotten."""
    avoid_threshold: Level = 0.4
    """From this on the other is a rival, and is avoided."""
    max_edges: Annotated[int, Field(ge=1, le=32)] = 4
    """Grudges a person can hold at once; the weakest goes."""


class EmploymentRules(Section):
    """Shifts, wages and being late."""

    due_before: Ticks = 5
    """Ticks before the start in which a person's shift is due."""
    grace_ticks: Ticks = 0
    """Ticks after the start in which an arrival is still on time."""
    absent_after: Annotated[Ticks, Field(validate_default=True)] = 10
    """Last tick after the start at which an arrival still counts, though late; beyond it the person is absent."""
    lateness_penalty: Weight = 0.2
    """Paid once, on a late arrival, from the wallet and in the reward."""

    @field_validator("absent_after")
    @classmethod
    def _after_the_grace(cls, absent_after: int, info: ValidationInfo) -> int:
        grace = info.data.get("grace_ticks", -1)
        if absent_after <= grace:
            raise ValueError(f"more than grace_ticks, {grace}")
        return absent_after


class RewardRules(Section):
    """Reward per tick = survival − Σ need weight × (1 − need)² + wages − lateness − conflict terms."""

    survival: Weight = 0.1
    need_weights: dict[Need, Weight] = {"hunger": 0.5, "hygiene": 0.5, "energy": 0.5}
    wage: Weight = 1.0
    """Per unit of wage paid."""
    conflict_actor: Weight = 0.05
    """Per unit of intensity of a conflict the person caused."""
    conflict_suffered: Weight = 0.05
    """Per unit of intensity of a conflict the person suffered."""
    rivalry: Weight = 0.02
    """Per tick and unit of all rivalry held."""
    clip: Annotated[float, Field(gt=0.0)] = 2.0
    """The sum is clipped to ± this; the share of clipped rewards is reported and belongs near 0."""


class RulesConfig(Section):
    """All rules of the town."""

    needs: NeedsRules = NeedsRules()
    queue: QueueRules = QueueRules()
    rivalry: RivalryRules = RivalryRules()
    employment: EmploymentRules = EmploymentRules()
    reward: RewardRules = RewardRules()


class ObservationConfig(Section):
    """What a person sees of its surroundings."""

    neighbors: Annotated[int, Field(ge=0, le=16)] = 4
    """Nearest people described one by one."""
    view_radius: Annotated[int, Field(ge=1, le=8)] = 3
    """Tiles in each direction in which others are seen."""
