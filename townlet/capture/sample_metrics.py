"""Metrics of a capture, per person and in total: ``rollout_sample_metrics.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.metrics import per_1000_agent_steps
from townlet.rollout import REWARD_PARTS
from townlet.world import COUNTERS, EVENT_KINDS, TALLY

#: Key of the conflict intensity in a capture's metrics; everywhere else it is ``metrics.CONFLICT_INTENSITY``. Another
#: key would change the bytes of captures, whose hashes are data versions.
INTENSITY_KEY = "queue_conflict_intensity_per_1000_agent_steps"
#: Tallies that are reported as counts per world; all others are means per tick.
_PER_WORLD = (
    "waiting_ticks",
    "uses_completed",
    "conflicts_caused",
    "conflicts_suffered",
    "intensity_suffered",
    "wages_paid",
    "wages_withheld",
    "late_arrivals",
    "absences",
)


def capture_metrics(
    people: Sequence[str],
    tally: NDArray[np.float64],
    counter: NDArray[np.float64],
    totals: Mapping[str, float],
    log_prob_sum: float,
    deterministic: bool,
) -> dict[str, Any]:
    """The metrics of a rollout, as plain values.

    The ``baseline`` section has the fields that telemetry repeats. A sample there is one person's trajectory in one
    world.

    Args:
        people: names, in the order of the second axis of ``tally``.
        tally: float64 [W, A, TALLY], per world and person.
        counter: float64 [W, COUNTERS], per world.
        totals: event totals and rivalry averages by their telemetry names, from the same tallies and counters.
        log_prob_sum: summed log-probability of all actions, in nats.
        deterministic: whether the behaviour draws nothing, so that every log-probability is 0.
    """
    worlds = tally.shape[0]
    steps = float(tally[..., TALLY.index("alive_ticks")].sum())
    reward = tally[..., TALLY.index("reward")]
    counts = dict(zip(COUNTERS, counter.sum(axis=0).tolist(), strict=True))
    clipped = float(tally[..., TALLY.index("clipped_rewards")].sum())
    return {
        "agent_steps": int(steps),
        "baseline": {
            "sample_count": int(reward.size),
            "reward_mean": float(reward.sum()) / max(steps, 1.0),
            "reward_sum": float(reward.sum()),
            "reward_sum_mean": float(reward.mean()),
            "log_prob_mean": 0.0 if deterministic else log_prob_sum / max(steps, 1.0),
        },
        "total": {
            **{key: float(value) for key, value in totals.items()},
            INTENSITY_KEY: per_1000_agent_steps(totals["queue_conflict_intensity_sum"], steps),
            "clipped_reward_share": clipped / max(steps, 1.0),
            "illegal_actions": int(counts["illegal_actions"]),
        },
        "events": {kind: int(counts[kind]) for kind in EVENT_KINDS},
        "people": {name: _person(tally[:, index], worlds) for index, name in enumerate(people)},
    }


def _person(tally: NDArray[np.float64], worlds: int) -> dict[str, float]:
    """One person's metrics: means per tick alive, and counts per world. ``tally`` is float64 [W, TALLY]."""
    total = dict(zip(TALLY, tally.sum(axis=0).tolist(), strict=True))
    ticks = max(total["alive_ticks"], 1.0)
    return {
        "alive_ticks": total["alive_ticks"] / worlds,
        "reward_mean": total["reward"] / ticks,
        **{f"reward_{part}_mean": total[f"reward_{part}"] / ticks for part in REWARD_PARTS},
        "needs_mean": total["needs_sum"] / ticks,
        "rivalry_max_mean": total["rivalry_max_sum"] / ticks,
        "rivalry_max_max": float(tally[:, TALLY.index("rivalry_max_max")].max()),
        **{name: total[name] / worlds for name in _PER_WORLD},
    }
