"""Overview of a training log: a verdict of one or two sentences, and remarks on what a practitioner checks first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from townlet.telemetry.formatting import count, number

Records = Sequence[Mapping[str, Any]]

#: Values beyond which a remark is made: a reason to look closer. ``townlet watch`` has bounds of its own.
CLIPPED_REWARDS = 0.05
FAR_KL = 0.1
CLIPPED_RATIOS = 0.4
NO_ENTROPY = 0.05
FEW_EFFECTIVE = 0.1


def own_rollouts(records: Records) -> Records:
    """The records of the policy's own rollouts, or all if there are none.

    A replay phase reports on the recorded data, so its records cannot be compared or averaged with those of rollouts.
    """
    return [record for record in records if record.get("data_mode") == "rollout"] or records


def overview_of(records: Records) -> str:
    """Describe the course of a training: its extent, and how reward, loss, entropy and KL divergence developed.

    If a training also replays, only its own rollouts are compared: the reward of a replay is the recorded one.
    """
    epochs = count(len(records), "epoch")
    steps = count(int(records[-1]["steps"]), "agent-step")
    own = own_rollouts(records)
    parts = [
        _course(own, "reward_mean", "mean reward per agent-step", ""),
        _course(records, "cloning_accuracy", "cloning accuracy", ""),
        _course(own, "loss_total", "total loss", ""),
        _course(own, "batch_entropy_mean", "policy entropy", " nats"),
        _peak(records),
    ]
    course = ", ".join(part for part in parts if part)
    remarks = len(remarks_on(records))
    closing = f"{count(remarks, 'thing')} to look at." if remarks else "Nothing stands out as wrong."
    return f"All numbers are finite over {epochs} ({steps} so far): {course}. {closing}"


def remarks_on(records: Records) -> tuple[str, ...]:
    """Return one sentence on each value that stands out."""
    last = records[-1]
    remarks = []
    if (share := last.get("reward_clipped_share", 0.0)) > CLIPPED_REWARDS:
        remarks.append(f"{share:.1%} of the rewards were clipped in the last epoch; clipped rewards teach nothing.")
    if constant := sum(
        int(r["adv_zero_std_batches"]) for r in records if r.get("replay_method") not in ("cloning", "awr")
    ):
        remarks.append(f"{count(constant, 'minibatch', 'minibatches')} had constant advantages: nothing to learn from.")
    # Cloning is meant to move the policy, and clips nothing.
    stepped = [record for record in records if record.get("replay_method") not in ("cloning", "awr")] or records
    furthest = max(stepped, key=lambda record: float(record["kl_divergence"]))
    if furthest["kl_divergence"] > FAR_KL:
        moved = number(furthest["kl_divergence"])
        remarks.append(f"The policy moved {moved} nats in epoch {furthest['epoch']}; PPO steps usually stay near 0.01.")
    if (share := last["clip_fraction"]) > CLIPPED_RATIOS:
        remarks.append(f"{share:.0%} of the ratios were clipped in the last epoch; the learning rate may be too high.")
    if (entropy := last.get("batch_entropy_mean", 1.0)) < NO_ENTROPY:
        remarks.append(
            f"The policy is nearly deterministic ({number(entropy)} nats of entropy) and no longer explores."
        )
    if (share := last.get("effective_sample_share", 1.0)) < FEW_EFFECTIVE:
        remarks.append(f"Only {share:.1%} of the recorded samples carry weight: the recording policy is too different.")
    return tuple(remarks)


def _course(records: Records, name: str, noun: str, unit: str) -> str:
    values = [float(record[name]) for record in records if name in record]
    if not values:
        return ""
    first, last = number(values[0]), number(values[-1])
    if first == last:
        return f"{noun} {'stayed at' if len(values) > 1 else 'is'} {last}{unit}"
    return f"{noun} {'rose' if values[-1] > values[0] else 'fell'} from {first} to {last}{unit}"


def _peak(records: Records) -> str:
    return f"KL divergence per epoch at most {number(max(float(r['kl_divergence']) for r in records))} nats"
