"""Configuration of the town's rules, one section per subject, all with working defaults.

Whatever a small town can do without is off by default: money, ties between people, outages, moving away.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, ValidationInfo, field_validator, model_serializer

from townlet.config.base import Amount, Positive, Section, SomeTicks, Ticks, Weight
from townlet.config.town import Level, Name, Need


class NeedsRules(Section):
    """Needs, which fall linearly; people who lack one for too long faint, and newcomers replace them."""

    decay: dict[Need, Level] = {"hunger": 0.005, "hygiene": 0.005, "energy": 0.004}
    """Fall of each need per tick; needs that are not listed do not fall."""
    start_jitter: Annotated[float, Field(ge=0.0, le=0.5)] = 0.0
    """Upper bound of the uniform draw by which each need is lowered at the start."""
    faint_after: SomeTicks = 40
    """Ticks with any need at 0 after which a person's episode terminates."""
    newcomer_after: SomeTicks = 10
    """Ticks until a newcomer takes an empty place."""


class ConflictBase(Section):
    """Intensity of each kind of conflict before the queue's length is added."""

    ghost_step: Weight = 1.5
    push_in: Weight = 1.5
    overstay: Weight = 1.0
    contested_arrival: Weight = 0.5


class QueueRules(Section):
    """Queues: taking turns at an object."""

    cooldown_ticks: Ticks = 4
    """Ticks after a use in which the person cannot queue for the same object."""
    ghost_step_after: SomeTicks = 2
    """Ticks for which a holder may leave the object unused while others wait, before going to the tail."""
    fair_use_ticks: SomeTicks = 8
    """Ticks of repeated use while others wait that cause one overstay conflict."""
    age_priority_weight: Weight = 0.0
    """Queue positions that one tick of waiting is worth; above 0, people who waited long resist being passed."""
    intensity: ConflictBase = ConflictBase()
    intensity_per_waiter: Weight = 0.25
    """Added to the intensity for each waiting person beyond the first; the sum is clamped to the range 0.1 to 5."""
    patience_ticks: Ticks = 0
    """Ticks of waiting after which a person of average patience takes offence at the holder, and again after each such
    span; patient people wait up to twice as long, impatient ones hardly at all. 0 turns this off."""
    impatience: Level = 0.1
    """Rise of the grudge each time; up to ``rivalry.drop_below`` it leaves nothing behind."""


class RivalryRules(Section):
    """Grudges, which conflicts leave behind and which fade."""

    increment_per_conflict: Level = 0.2
    """Rise per unit of intensity for the wronged side; half of it for the actor."""
    decay_per_tick: Level = 0.01
    polite_relief: Level = 0.05
    """Fall on both sides when an object is handed over or somebody gives way."""
    drop_below: Level = 0.05
    """Strength at or below which a grudge is forgotten."""
    avoid_threshold: Level = 0.4
    """Strength from which the other person is a rival and avoided."""
    max_edges: Annotated[int, Field(ge=1, le=32)] = 4
    """Most grudges a person can hold at once; a stronger one replaces the weakest."""


class EmploymentRules(Section):
    """Shifts, wages and lateness."""

    due_before: Ticks = 5
    """Ticks before the start from which a person's shift is due."""
    grace_ticks: Ticks = 0
    """Ticks after the start until which an arrival is on time."""
    absent_after: Annotated[Ticks, Field(validate_default=True)] = 10
    """Last tick after the start at which an arrival counts as late; after it the person is absent."""
    lateness_penalty: Weight = 0.2
    """Taken once from the wallet and from the reward at a late arrival."""
    late_help: bool = False
    """Whether chatting with a colleague whose shift is due, or waking them, helps: lateness then costs them nothing."""
    takeover: bool = False
    """Whether a colleague from another shift may do the work of somebody late or absent, for the wage."""

    @field_validator("absent_after")
    @classmethod
    def _after_the_grace(cls, absent_after: int, info: ValidationInfo) -> int:
        grace = info.data.get("grace_ticks", -1)
        if absent_after <= grace:
            raise ValueError(f"more than grace_ticks, {grace}")
        return absent_after


class PersonalityRules(Section):
    """Effect of the four traits: a trait of 0.5 changes nothing, and at strength 1 factors range from 0 to 2."""

    strength: Level = 1.0
    """Strength of the effect; 0 makes everybody average."""


class EconomyRules(Section):
    """Money and stock: wages, prices, rent, and goods that run out."""

    start_wallet: Weight = 0.0
    """Money of everybody who arrives in town."""
    rent_per_day: Weight = 0.0
    """Paid at the end of each day; a wallet may fall below 0."""
    stock_per_day: dict[Name, Annotated[int, Field(ge=1, le=30_000)]] = {}
    """Units that each object of a type can sell in a day; refilled at its start. Each use of an affordance with
    ``uses_stock`` takes one."""


class RelationshipRules(Section):
    """Ties between people: trust and familiarity, which grow with chats, shared meals and help, and fade."""

    max_ties: Annotated[int, Field(ge=0, le=32)] = 0
    """Most ties a person can have at once; a stronger one replaces the weakest. 0 turns off chats, meals and help."""
    decay_per_tick: Level = 0.0005
    """Fall of trust and familiarity per tick."""
    chat_cooldown_ticks: SomeTicks = 20
    """Ticks until a person can start another chat."""
    chat_base: Level = 0.5
    """Probability that a chat of two average strangers succeeds; extroversion and familiarity raise it."""
    chat_gain: Level = 0.1
    """Familiarity gained by a successful chat, and trust by one of quality 1; a failed one costs half as much trust."""
    shared_meals: bool = True
    """Whether two people who eat side by side share a meal."""
    meal_gain: Level = 0.15
    """Familiarity and trust gained by a shared meal."""
    help_gain: Level = 0.3
    """Trust that a late colleague gains in the helper."""
    reconciliation: Level = 0.1
    """Fall of grudges on both sides by a chat of quality 1."""


class OutageRules(Section):
    """An event that befalls the whole town, at most once a day, at a random tick of the day."""

    per_day: Level = 0.0
    """Probability of the event on any day."""
    ticks: SomeTicks = 50
    """Duration of the event."""


class PriceSpikeRules(OutageRules):
    """A period of higher prices."""

    factor: Annotated[float, Field(gt=1.0, le=100.0)] = 2.0
    """Factor by which prices rise."""


class ClosureRules(OutageRules):
    """The closure of one object, drawn among those of a type."""

    object: Name = "shower"
    """The type of object."""


class PerturbationRules(Section):
    """Events that befall the town from outside, drawn from the random stream of events."""

    power_outage: OutageRules = OutageRules()
    """Affordances with ``utility: power`` are interrupted and cannot start."""
    water_outage: OutageRules = OutageRules()
    price_spike: PriceSpikeRules = PriceSpikeRules()
    closure: ClosureRules = ClosureRules()


class LifecycleRules(Section):
    """Moving away, being evicted, and arriving."""

    eviction_debt: Weight = 0.0
    """Debt at which a person is evicted when rent is due; 0 turns eviction off."""
    departure_after: Ticks = 0
    """Successive ticks with average needs below ``departure_mood`` after which a person moves away; 0 means never."""
    departure_mood: Level = 0.2
    most_leaving_per_day: Amount = 2
    """Most evictions and departures in a day; fainting does not count."""
    most_arriving_per_day: Amount = 1000
    """Most newcomers in a day."""


class RewardRules(Section):
    """Reward per tick = survival − Σ weight × (1 − need)² + wages − lateness − conflict terms + social − leaving."""

    survival: Weight = 0.1
    need_weights: dict[Need, Weight] = {"hunger": 0.5, "hygiene": 0.5, "energy": 0.5}
    wage: Weight = 1.0
    """Per unit of wage paid."""
    social: Weight = 0.0
    """Per unit of quality of a chat, a shared meal or help given."""
    faint: Weight = 0.0
    """Taken once from a person who faints; at 0, fainting has no cost."""
    eviction: Weight = 0.0
    """Taken once from a person who is evicted."""
    absence: Weight = 0.0
    """Taken once from a person who misses a shift; at 0, staying away costs less than coming late."""
    conflict_actor: Weight = 0.05
    """Per unit of intensity of conflicts the person caused."""
    conflict_suffered: Weight = 0.05
    """Per unit of intensity of conflicts the person suffered."""
    rivalry: Weight = 0.02
    """Per tick and unit of summed grudge strength."""
    clip: Positive = 2.0
    """Bound of the reward on either side of 0; the share of clipped rewards is reported and should be near 0."""

    @model_serializer(mode="wrap")
    def _without_a_free_absence(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Hashes and files of scenarios without this cost stay what they were before it existed.
        content: dict[str, Any] = serialize(self)
        if self.absence == 0.0:
            content.pop("absence", None)
        return content


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
    """What people observe."""

    mode: Literal["compact", "hybrid", "full"] = "compact"
    """``compact`` has numbers only, ``hybrid`` adds a map of the surroundings, ``full`` adds that and route hints."""
    neighbors: Annotated[int, Field(ge=0, le=16)] = 4
    """Number of nearest people who are described one by one."""
    view_radius: Annotated[int, Field(ge=1, le=8)] = 3
    """Tiles in each direction within which others are seen."""
    map_radius: Annotated[int, Field(ge=1, le=8)] = 5
    """Tiles in each direction that the map shows."""
    offers: bool = False
    """Whether people see, for each type of object, what its use gives and takes, whether they could start it, whether
    it is their workplace, and who else is on the way there; also how fast needs fall."""
    conflict_features: bool = True
    """Whether features about queues and rivalry are filled; if not, they are 0, and other features do not change."""

    @model_serializer(mode="wrap")
    def _without_absent_offers(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Hashes and files of scenarios without offers stay what they were before these existed.
        content: dict[str, Any] = serialize(self)
        if not self.offers:
            content.pop("offers", None)
        return content
