"""Registry of metrics: the name, label, unit, meaning, better direction and source of each.

Captures, baselines, evaluations, studies, soaks, plots and the pipeline take these from here. Fields of training logs
are a contract with a registry of its own, :mod:`townlet.telemetry.record`; a metric computed from one names it.

Three ways to average look alike and differ. ``…_per_1000`` and ``reward_mean`` divide a sum over all people by their
agent-steps. ``needs_mean`` and ``rivalry_max_mean`` average each person over their own ticks first, then people, so
that everybody counts alike however long they lived. ``…_mean_over_steps`` counts every agent-step alike.
"""

from __future__ import annotations

from typing import NamedTuple

#: Metrics that code asks for by name.
CONFLICT_INTENSITY = "queue_conflict_intensity_per_1000"
CONFLICT_PER_USE = "queue_conflict_intensity_per_100_uses"
NEEDS_OF_RESIDENTS = "needs_mean_of_residents"
ATTENDANCE = "attendance"
FAINTS = "faints_per_1000"
COMPLETED_USES = "uses_completed_per_1000"
SHOWERS_AND_SLEEPS = "showers_and_sleeps_completed_per_1000"
RIVALRY = "rivalry_max_mean"
SUFFERED = "suffered_intensity_per_1000"
REWARD = "reward_mean"
ENTROPY = "entropy"
MEMORY = "resident_memory_bytes"
SPEED = "agent_steps_per_yardstick"

_PER_1000 = "per 1,000 agent-steps"
_NEEDS_UNIT = "0 to 1"


class Metric(NamedTuple):
    """One metric."""

    name: str
    """The key in files and metadata."""
    label: str
    """What a sentence, a table or a plot calls it."""
    unit: str
    meaning: str
    more_is_better: bool | None
    """Which way is better; None where neither is."""
    source: str
    """What it is computed from."""

    @property
    def title(self) -> str:
        """The label at the beginning of a line."""
        return capitalized(self.label)

    @property
    def heading(self) -> str:
        """Label and unit."""
        return f"{self.label}, {self.unit}"


def capitalized(text: str) -> str:
    """The text with a capital at its beginning, and otherwise unchanged."""
    return text[:1].upper() + text[1:]


def per_1000_agent_steps(amount: float, agent_steps: float) -> float:
    """An amount, such as a number of events or a sum of intensities, per 1,000 agent-steps; none count as one."""
    return 1000.0 * amount / max(agent_steps, 1.0)


_OF_ROLLOUTS = (
    Metric(
        "queue_conflict_events_per_1000",
        "queue conflicts",
        _PER_1000,
        "conflicts in queues; in a study, those that the people evaluated caused",
        False,
        "conflict events and agent-steps",
    ),
    Metric(
        CONFLICT_INTENSITY,
        "conflict intensity",
        _PER_1000,
        "summed intensity of the queue conflicts; in a study, of those that the people evaluated caused",
        False,
        "intensities of conflict events and agent-steps",
    ),
    Metric(
        RIVALRY,
        "strongest rivalry",
        "0 to 1, mean over people",
        "strength of each person's strongest rivalry: mean over their ticks, then over people",
        False,
        "tallies per person",
    ),
    Metric(
        "late_arrivals_per_1000",
        "late arrivals",
        _PER_1000,
        "late arrivals at work, absences not counted; only where there is work",
        False,
        "late_arrival events and agent-steps",
    ),
    Metric(
        COMPLETED_USES,
        "completed uses",
        _PER_1000,
        "uses of any object that ran to their end",
        True,
        "use_completed events and agent-steps",
    ),
    Metric(
        SHOWERS_AND_SLEEPS,
        "completed showers and sleeps",
        _PER_1000,
        "the only completed uses that training logs of schema 1.1 count",
        True,
        "shower_complete_events and sleep_complete_events of a training log",
    ),
    Metric(REWARD, "mean reward", "per agent-step", "reward, clipped", True, "rewards and agent-steps"),
    Metric(
        "needs_mean",
        "needs",
        _NEEDS_UNIT,
        "each person's mean level of needs: mean over their ticks, then over people",
        True,
        "tallies per person",
    ),
    Metric(
        "waiting_ticks",
        "waiting",
        "ticks per person",
        "ticks in a queue during one episode",
        False,
        "tallies per person",
    ),
    Metric(
        SUFFERED, "conflict intensity suffered", _PER_1000, "intensity of conflicts at one's cost", False, "tallies"
    ),
    Metric(
        "late_or_missed_shifts_per_1000",
        "late or missed shifts",
        _PER_1000,
        "late arrivals at work and absences from it",
        False,
        "late_arrival and absence events and agent-steps",
    ),
    Metric(FAINTS, "faints", _PER_1000, "faints", False, "faint events and agent-steps"),
)

_OF_OUTCOMES = (
    Metric(
        "chosen_intensity_per_1000",
        "conflict intensity by choice",
        _PER_1000,
        "the part of conflict intensity from ghost steps, push-ins and overstays, which somebody chose",
        False,
        "intensities of conflict events and agent-steps",
    ),
    Metric(
        "tied_intensity_per_1000",
        "conflict intensity by coincidence",
        _PER_1000,
        "the part of conflict intensity from arrivals in the same tick, whose order is drawn by lot",
        False,
        "intensities of contested_arrival events and agent-steps",
    ),
    Metric(
        CONFLICT_PER_USE,
        "conflict intensity",
        "per 100 completed uses",
        "summed intensity of the queue conflicts that the people evaluated caused",
        False,
        "intensities of conflict events and completed uses",
    ),
    Metric(
        "queue_conflict_events_per_100_uses",
        "queue conflicts",
        "per 100 completed uses",
        "conflicts in queues that the people evaluated caused",
        False,
        "conflict events and completed uses",
    ),
    Metric(
        NEEDS_OF_RESIDENTS,
        "needs of residents",
        _NEEDS_UNIT,
        "mean level of needs of those who live in town in the morning, over all ticks of the day, 0 once they are gone",
        True,
        "states, tick by tick",
    ),
    Metric(
        "needs_mean_over_steps",
        "needs of those present",
        _NEEDS_UNIT,
        "mean level of needs of whoever is in town, over all agent-steps, newcomers included",
        True,
        "tallies of needs and agent-steps",
    ),
    Metric(
        "utilisation",
        "shower in use",
        "share of time",
        "share of the showers' time in which somebody washes, by anybody in town",
        True,
        "states, tick by tick",
    ),
    Metric(
        "washes_per_1000", "completed washes", _PER_1000, "washes that ran to their end", True, "use_completed events"
    ),
    Metric(
        "wait_mean",
        "queueing per wash, mean",
        "ticks",
        "ticks queued for a completed wash; the length of a day if nobody washed",
        False,
        "states and use_completed events",
    ),
    Metric(
        "wait_p95",
        "queueing per wash, 95th percentile",
        "ticks",
        "ticks queued for a completed wash; the length of a day if nobody washed",
        False,
        "states and use_completed events",
    ),
    Metric(
        "queueing_mean",
        "queueing per stay, mean",
        "ticks",
        "ticks waited in a stay in a queue, at any object: 0 if it was free, all of them if the person gave up",
        False,
        "states, tick by tick",
    ),
    Metric(
        "queueing_p95",
        "queueing per stay, 95th percentile",
        "ticks",
        "ticks waited in a stay in a queue, at any object: 0 if it was free, all of them if the person gave up",
        False,
        "states, tick by tick",
    ),
    Metric(
        "fairness",
        "fairness of washing",
        "Jain's index",
        "Jain's index of the ticks that each person spends under a shower",
        True,
        "states, tick by tick",
    ),
    Metric(
        ATTENDANCE,
        "attendance",
        "share of due shifts",
        "share of the shifts that were due to which somebody came, late or on time",
        True,
        "arrival and absence events",
    ),
    Metric("wages", "wages", "per person and day", "wages paid", True, "tallies of wages and agent-steps"),
    Metric(
        "rivalry_max_mean_over_steps",
        "strongest rivalry",
        "0 to 1, mean over agent-steps",
        "strength of a person's strongest rivalry, mean over all agent-steps",
        False,
        "tallies of rivalry and agent-steps",
    ),
)

_OF_LEARNING = (
    Metric(ENTROPY, "policy entropy", "nats", "entropy of the policy", None, "batch_entropy_mean"),
    Metric("kl_divergence", "KL divergence", "nats", "distance between policies", None, "kl_divergence"),
    Metric("grad_norm", "gradient norm", "norm", "global gradient norm before clipping", None, "grad_norm"),
    Metric("loss_value", "value error", "reward²", "value loss", False, "loss_value"),
)

_OF_RESOURCES = (
    Metric(MEMORY, "resident memory", "bytes", "resident memory of the process", False, "the operating system"),
    Metric("open_files", "open files", "files", "file descriptors of the process", False, "the operating system"),
    Metric(
        "agent_steps_per_second",
        "speed by the clock",
        "agent-steps per second",
        "agent-steps simulated per second of wall clock",
        True,
        "agent-steps and a monotonic clock",
    ),
    Metric(
        SPEED,
        "speed against the yardstick",
        "agent-steps",
        "agent-steps in the processor time that a fixed calculation takes, measured before and after each cycle",
        True,
        "agent-steps and processor times",
    ),
    Metric(
        "log_bytes_per_cycle", "log written per cycle", "bytes", "growth of the training log", False, "the log's size"
    ),
)

#: Every metric by name.
METRICS = {metric.name: metric for metric in (*_OF_ROLLOUTS, *_OF_OUTCOMES, *_OF_LEARNING, *_OF_RESOURCES)}
