"""Declaration of all telemetry fields, from which validation, tables and documentation derive."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

VERSIONS = (1.0, 1.1)
DATA_MODES = ("replay", "rollout", "mixed")
REPLAY_METHODS = ("cloning", "awr", "vtrace", "none")
GATES = ("open", "closed")

Kind = Literal["int", "float", "str"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a telemetry record.

    ``since`` is the schema version from which every record must have the field, or ``None`` if it is optional. ``role``
    is ``metric`` for measures of the training, ``count`` for bookkeeping, and ``clock`` for values that differ between
    otherwise identical runs. ``town`` marks what happens in a town alone.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    since: float | None = 1.0
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    role: Literal["metric", "count", "clock"] = "metric"
    town: bool = False


def _events(name: str, meaning: str, since: float | None = 1.1) -> Field:
    return Field(name, "float", "events", f"{meaning} in the data that fed the epoch", since, low=0, town=True)


def _source(name: str, meaning: str, unit: str = "agent-steps") -> Field:
    return Field(name, "int", unit, meaning, None, low=0, role="count")


def _rivalry(of: str, aggregate: str, unit: str, what: str) -> Field:
    name = f"conflict.rivalry_{of}_{aggregate}_avg"
    over_time = {"mean": "mean", "max": "maximum"}[aggregate]
    return Field(name, "float", unit, f"{what}: {over_time} over time, averaged over agents", low=0, town=True)


_KL = (
    "KL(old‖new), mean over minibatches: estimated by (r − 1) − ln r on the policy's own data; exact, over all "
    "actions, in batches with recorded data"
)
_STRONGEST = "strength of an agent's strongest rivalry"
_AVOIDED = "number of an agent's rivals at or above the avoid threshold"

FIELDS: tuple[Field, ...] = (
    Field("telemetry_version", "float", "", "schema of this record", role="count"),
    Field("epoch", "int", "epochs", "number of this epoch over the whole log, from 1", low=1, role="count"),
    Field("updates", "int", "optimizer steps", "optimizer steps in this epoch", low=0, role="count"),
    Field(
        "transitions",
        "int",
        "agent-steps",
        "agent-steps handed to this epoch; where `target_kl` ended it early, not all were learnt from",
        low=0,
        role="count",
    ),
    Field("steps", "int", "agent-steps", "the same, summed since the log began", low=0, role="count"),
    Field("loss_policy", "float", "", "policy loss, mean over the epoch's minibatches"),
    Field("loss_value", "float", "reward²", "value loss, mean over minibatches", low=0),
    Field("loss_entropy", "float", "nats", "entropy bonus term as added to the loss, mean over minibatches"),
    Field("loss_total", "float", "", "whole loss that was minimised, mean over minibatches"),
    Field(
        "clip_fraction",
        "float",
        "share",
        "probability ratios outside 1 ± ε, mean over minibatches",
        low=0,
        high=1,
    ),
    Field("clip_fraction_max", "float", "share", "the same in the worst minibatch", low=0, high=1),
    Field(
        "clip_triggered_minibatches",
        "int",
        "minibatches",
        "minibatches in which any ratio was clipped",
        low=0,
    ),
    Field("adv_mean", "float", "reward", "mean advantage before normalisation"),
    Field("adv_std", "float", "reward", "standard deviation of the advantages before normalisation", low=0),
    Field("adv_zero_std_batches", "int", "minibatches", "minibatches whose advantages were all equal", low=0),
    Field("adv_min_std", "float", "reward", "smallest standard deviation of a minibatch's advantages", low=0),
    Field("grad_norm", "float", "", "global gradient norm before clipping, mean over minibatches", low=0),
    Field("kl_divergence", "float", "nats", _KL, low=0),
    Field("lr", "float", "", "learning rate in use", low=0),
    _rivalry("max", "mean", "rivalry", _STRONGEST),
    _rivalry("max", "max", "rivalry", _STRONGEST),
    _rivalry("avoid_count", "mean", "rivals", _AVOIDED),
    _rivalry("avoid_count", "max", "rivals", _AVOIDED),
    Field("data_mode", "str", "", "where this epoch's data came from", 1.1, choices=DATA_MODES, role="count"),
    Field("cycle_id", "int", "cycles", "rollout captures so far; 0 while replay-only", 1.1, low=0, role="count"),
    Field("epoch_duration_sec", "float", "s", "wall-clock time of the epoch", 1.1, low=0, role="clock"),
    Field("batch_entropy_mean", "float", "nats", "entropy of the policy, mean over minibatches", 1.1, low=0),
    Field("batch_entropy_std", "float", "nats", "its standard deviation over minibatches", 1.1, low=0),
    Field("grad_norm_max", "float", "", "gradient norm of the worst minibatch", 1.1, low=0),
    Field("kl_divergence_max", "float", "nats", "KL divergence of the worst minibatch", 1.1, low=0),
    Field(
        "reward_advantage_corr",
        "float",
        "",
        "Pearson correlation of rewards and advantages; 0 where a variance is 0",
        1.1,
        low=-1,
        high=1,
    ),
    Field(
        "rollout_ticks",
        "int",
        "ticks",
        "ticks captured for this data; 0 for replay",
        1.1,
        low=0,
        role="count",
    ),
    Field(
        "log_stream_offset",
        "int",
        "lines",
        "number of this line over the log's life",
        1.1,
        low=0,
        role="count",
    ),
    _events("queue_conflict_events", "conflicts in queues"),
    Field(
        "queue_conflict_intensity_sum",
        "float",
        "intensity",
        "summed intensity of those conflicts",
        1.1,
        low=0,
        town=True,
    ),
    _events("shared_meal_events", "meals eaten together"),
    _events("late_help_events", "times somebody helped a colleague who was late"),
    _events("shift_takeover_events", "shifts taken over from somebody absent"),
    _events("chat_success_events", "chats that went well"),
    _events("chat_failure_events", "chats that went badly"),
    Field(
        "chat_quality_mean",
        "float",
        "share",
        "mean quality of the chats, 0 if there were none",
        1.1,
        low=0,
        high=1,
        town=True,
    ),
    _events("utility_outage_events", "outages of a utility"),
    _events("shower_complete_events", "showers taken to the end"),
    _events("sleep_complete_events", "sleeps slept to the end"),
    _events("use_complete_events", "uses of any object taken to the end", since=None),
    Field(
        "baseline_sample_count",
        "int",
        "samples",
        "recorded samples behind the baseline",
        None,
        low=0,
        role="count",
    ),
    Field("baseline_reward_mean", "float", "reward", "mean reward per agent-step of the recorded data", None),
    Field("baseline_reward_sum", "float", "reward", "summed reward of the recorded data", None),
    Field("baseline_reward_sum_mean", "float", "reward", "summed reward per sample, averaged over samples", None),
    Field("baseline_log_prob_mean", "float", "nats", "mean log-probability of the recorded actions", None),
    Field("reward_mean", "float", "reward", "mean reward per agent-step in this epoch's data", None),
    Field(
        "reward_clipped_share",
        "float",
        "share",
        "agent-steps whose reward sat on its clip",
        None,
        low=0,
        high=1,
    ),
    Field(
        "replay_method",
        "str",
        "",
        "how another policy's data was learnt from: behaviour cloning, advantage-weighted regression, V-trace, or "
        "none was used",
        None,
        choices=REPLAY_METHODS,
        role="count",
    ),
    Field(
        "cloning_accuracy",
        "float",
        "share",
        "recorded actions the policy finds likeliest",
        None,
        low=0,
        high=1,
    ),
    Field("importance_weight_mean", "float", "", "mean truncated importance weight of the actions", None, low=0),
    Field(
        "effective_sample_share",
        "float",
        "share",
        "effective sample size (Σw)²/Σw² of the importance weights, by number of samples",
        None,
        low=0,
        high=1,
    ),
    Field(
        "log_ratio_abs_mean",
        "float",
        "nats",
        "mean magnitude of ln π − ln μ of the replayed actions; π: the policy as the phase began, μ: who acted",
        None,
        low=0,
    ),
    _source("fresh_agent_steps", "agent-steps of the policy's own in this epoch"),
    _source("replayed_agent_steps", "recorded agent-steps of another policy in this epoch"),
    _source(
        "scripted_agent_steps", "agent-steps in this epoch that a script chose in a rollout, learnt by cloning alone"
    ),
    _source("counted_agent_steps", "agent-steps in which the counters' events happened, learnt from or not"),
    _source(
        "rollouts_passed_over",
        "rollout captures so far in which nobody lived, which have no epoch; absent while there were none",
        "cycles",
    ),
    _source("replay_segments", "segments of the recorded data that could have been drawn", "segments"),
    _source("replay_segments_dropped", "those of them that were too far from the policy to be drawn", "segments"),
    Field("fresh_reward_mean", "float", "reward", "mean reward per agent-step of the policy's own", None),
    Field(
        "cloning_accuracy_held_out",
        "float",
        "share",
        "recorded actions the policy finds likeliest after the epoch, among agent-steps kept out of learning",
        None,
        low=0,
        high=1,
    ),
    Field(
        "cloning_majority_rate",
        "float",
        "share",
        "held-out actions that are the commonest one of the rest: what copying would reach without looking",
        None,
        low=0,
        high=1,
    ),
    _source("held_out_agent_steps", "agent-steps kept out of learning to judge cloning by"),
    Field(
        "handover_share",
        "float",
        "share",
        "people whom a script drove in this epoch's rollout",
        None,
        low=0,
        high=1,
    ),
    Field(
        "handover_gate",
        "str",
        "",
        "whether the cycle before let that share fall",
        None,
        choices=GATES,
        role="count",
    ),
    Field("agent_steps_per_second", "float", "agent-steps/s", "speed of training", None, low=0, role="clock"),
)

BY_NAME = {field.name: field for field in FIELDS}

#: Fields that differ between otherwise identical runs; compare records without them.
CLOCK_FIELDS = frozenset(field.name for field in FIELDS if field.role == "clock")


@functools.cache
def required_fields(version: float) -> tuple[Field, ...]:
    """Return the fields that every record of a schema version has, in their order on the line."""
    return tuple(field for field in FIELDS if field.since is not None and field.since <= version)
