"""Constants of the town's rules; one section per rule, all of them with working defaults.

What a small town can do without is off by default: money, ties between people, what befalls the town, moving away.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from townlet.config.base import Amount, Positive, Section, SomeTicks, Ticks, Weight
from townlet.config.town import Level, Name, Need


class NeedsRules(Section):
    """Needs fall linearly; whoever lacks one for too long faints and is replaced by a newcomer."""

    decay: dict[Need, Level] = {"hunger": 0.005, "hygiene": 0.005, "energy": 0.004}
    """Fall of each need per tick; a need that is not named does not fall."""
    start_jitter: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    """Each starting need is lowered by a uniform draw from 0 to this."""
    faint_after: SomeTicks = 40
    """Ticks with any need at 0 after which the person's episode terminates."""
    newcomer_after: SomeTicks = 10
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
    ghost_step_after: SomeTicks = 2
    """Ticks of holding a reserved object unused, while others wait, until the holder must go to the tail."""
    fair_use_ticks: SomeTicks = 8
    """Ticks of starting over while others wait that make one overstay conflict."""
    age_priority_weight: Weight = 0.0
    """Places in the queue that one tick of waiting is worth; above 0 long waiters resist being passed."""
    intensity: ConflictBase = ConflictBase()
    intensity_per_waiter: Weight = 0.25
    """Added to the intensity for each waiting person beyond the first; the sum is clamped to 0.1 to 5."""
    patience_ticks: Ticks = 0
    """Ticks of waiting after which a person of average patience begrudges the holder its turn, and again after as
    many; a patient one waits up to twice as long, an impatient one hardly at all. 0 turns this off."""
    impatience: Level = 0.1
    """Rise of the grudge at each such moment; no more than ``rivalry.drop_below`` leaves nothing behind."""


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
    late_help: bool = False
    """Whether chatting with a colleague whose shift is due, or waking it, helps: its lateness then costs nothing."""
    takeover: bool = False
    """Whether a colleague of another shift may do the work, and have the wage, of somebody late or absent."""

    @field_validator("absent_after")
    @classmethod
    def _after_the_grace(cls, absent_after: int, info: ValidationInfo) -> int:
        grace = info.data.get("grace_ticks", -1)
        if absent_after <= grace:
            raise ValueError(f"more than grace_ticks, {grace}")
        return absent_after


class PersonalityRules(Section):
    """How much the four traits change; a trait of 0.5 changes nothing, and at strength 1 the factor is 0 to 2."""

    strength: Level = 1.0
    """0 makes everybody average."""


class EconomyRules(Section):
    """Money: wages come in, prices and rent go out, shelves run empty."""

    start_wallet: Weight = 0.0
    """Money of everybody who comes to town."""
    rent_per_day: Weight = 0.0
    """Paid at the end of each day; a wallet may fall below 0."""
    stock_per_day: dict[Name, Annotated[int, Field(ge=1, le=30_000)]] = {}
    """Units that each object of a type has to sell; refilled at the start of each day. Affordances with
    ``uses_stock`` take one each."""


class RelationshipRules(Section):
    """Ties: trust and familiarity, which grow with chats, shared meals and help, and fade."""

    max_ties: Annotated[int, Field(ge=0, le=32)] = 0
    """Ties a person can have at once; the weakest goes. 0 turns chats, shared meals and help off."""
    decay_per_tick: Level = 0.0005
    """Fall of trust and familiarity per tick."""
    chat_cooldown_ticks: SomeTicks = 20
    """Ticks until a person can start the next chat."""
    chat_base: Level = 0.5
    """Probability that two average strangers' chat succeeds; extroversion and familiarity raise it."""
    chat_gain: Level = 0.1
    """Familiarity gained by a successful chat, and trust by one of quality 1; a failed one costs half as much trust."""
    shared_meals: bool = True
    """Whether two people who eat next to each other share a meal."""
    meal_gain: Level = 0.15
    """Familiarity and trust gained by a shared meal."""
    help_gain: Level = 0.3
    """Trust that a late colleague gains in whoever helps it."""
    reconciliation: Level = 0.1
    """Fall of grudges on both sides after a chat of quality 1."""


class OutageRules(Section):
    """Something that befalls the whole town: at most once a day, at a tick of the day that is drawn."""

    per_day: Level = 0.0
    """Probability of it on any day."""
    ticks: SomeTicks = 50
    """How long it lasts."""


class PriceSpikeRules(OutageRules):
    """A time of higher prices."""

    factor: Annotated[float, Field(gt=1.0, le=100.0)] = 2.0
    """What prices are multiplied by."""


class ClosureRules(OutageRules):
    """One object, drawn among those of a type, is closed."""

    object: Name = "shower"
    """The type of object."""


class PerturbationRules(Section):
    """What befalls the town from outside, by the events stream."""

    power_outage: OutageRules = OutageRules()
    """Affordances with ``utility: power`` are interrupted and cannot start."""
    water_outage: OutageRules = OutageRules()
    price_spike: PriceSpikeRules = PriceSpikeRules()
    closure: ClosureRules = ClosureRules()


class LifecycleRules(Section):
    """Moving away, being evicted, and arriving."""

    eviction_debt: Weight = 0.0
    """Debt at which a person is evicted when the rent is due; 0 turns eviction off."""
    departure_after: Ticks = 0
    """Ticks in a row with needs below ``departure_mood`` on average after which a person moves away; 0: never."""
    departure_mood: Level = 0.2
    most_leaving_per_day: Amount = 2
    """Evictions and departures in a day, at most; fainting is not counted."""
    most_arriving_per_day: Amount = 1000
    """Newcomers in a day, at most."""


class RewardRules(Section):
    """Reward per tick = survival − Σ weight × (1 − need)² + wages − lateness − conflict terms + social − leaving."""

    survival: Weight = 0.1
    need_weights: dict[Need, Weight] = {"hunger": 0.5, "hygiene": 0.5, "energy": 0.5}
    wage: Weight = 1.0
    """Per unit of wage paid."""
    social: Weight = 0.0
    """Per unit of quality of a chat, a shared meal or help given."""
    faint: Weight = 0.0
    """Paid once, by whoever faints; without it, fainting ends misery for free."""
    eviction: Weight = 0.0
    """Paid once, by whoever is evicted."""
    conflict_actor: Weight = 0.05
    """Per unit of intensity of a conflict the person caused."""
    conflict_suffered: Weight = 0.05
    """Per unit of intensity of a conflict the person suffered."""
    rivalry: Weight = 0.02
    """Per tick and unit of all rivalry held."""
    clip: Positive = 2.0
    """The sum is clipped to ± this; the share of clipped rewards is reported and belongs near 0."""


class RulesConfig(Section):
    """All rules of the town."""

    needs: NeedsRules = NeedsRules()
    queue: QueueRules = QueueRules()
    rivalry: RivalryRules = RivalryRules()
    employment: EmploymentRules = EmploymentRules()
    personality: PersonalityRules = PersonalityRules()
    economy: EconomyRules = EconomyRules()
    relationships: RelationshipRules = RelationshipRules()
    perturbations: PerturbationRules = PerturbationRules()
    lifecycle: LifecycleRules = LifecycleRules()
    reward: RewardRules = RewardRules()


class ObservationConfig(Section):
    """What a person sees."""

    mode: Literal["compact", "hybrid", "full"] = "compact"
    """``compact``: numbers only; ``hybrid``: and a map of the surroundings; ``full``: and hints at the way."""
    neighbors: Annotated[int, Field(ge=0, le=16)] = 4
    """Nearest people described one by one."""
    view_radius: Annotated[int, Field(ge=1, le=8)] = 3
    """Tiles in each direction in which others are seen."""
    map_radius: Annotated[int, Field(ge=1, le=8)] = 5
    """Tiles in each direction that the map shows."""
    conflict_features: bool = True
    """Whether features about queues and rivalry show anything; if not, they are 0, and all others stay in place."""
