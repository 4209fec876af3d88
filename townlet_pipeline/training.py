"""How a policy is trained: the options applied to a scenario, and live progress while it runs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, AssetKey, AssetObservation, Failure

from townlet_pipeline.resources import TrainerResource

if TYPE_CHECKING:
    from townlet.config import Scenario


#: Options that live in the `ppo` part of a scenario's training section.
_PPO = ("learning_rate", "entropy_coef", "clip_epsilon", "minibatch_size")
_AMOUNTS = ("cycles", "epochs", "rollout_ticks", "worlds", "seed")


def configured(scenario: "Scenario", trainer: TrainerResource) -> "Scenario":
    """The scenario with the options in its training section. Raises InputError naming each bad option."""
    from townlet.training.run import override

    ppo = {name: getattr(trainer, name) for name in _PPO if getattr(trainer, name) is not None}
    options = {name: getattr(trainer, name) for name in _AMOUNTS}
    training = override(scenario.training, {**options, "ppo": {**scenario.training.ppo.model_dump(), **ppo}})
    return scenario.model_copy(update={"training": training})


class LiveProgress:
    """Reports epochs as observations of the telemetry asset, so that its page shows curves while training runs."""

    def __init__(self, context: AssetExecutionContext, seconds: float) -> None:
        self._context, self._seconds, self._last = context, seconds, time.monotonic()

    def __call__(self, fields: Mapping[str, Any]) -> None:
        """Take an epoch's telemetry fields; at most one observation per interval, since each costs about 40 ms."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return
        self._last = now
        names = ("epoch", "steps", "reward_mean", "loss_total", "batch_entropy_mean", "kl_divergence")
        self._context.log_event(
            AssetObservation(
                AssetKey("ppo_telemetry"),
                partition=self._context.partition_key,
                metadata={name: fields[name] for name in names if name in fields},
            )
        )


@contextmanager
def training_failures() -> Iterator[None]:
    """Turn a divergence, which says epoch, minibatch and term, into a Failure that is not tried again."""
    from townlet.training import TrainingDiverged

    try:
        yield
    except TrainingDiverged as error:
        raise Failure(f"the training diverged: {error}", allow_retries=False) from None
