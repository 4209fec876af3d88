"""How a policy is trained: what the launchpad offers, and live progress while it runs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

from dagster import AssetExecutionContext, AssetKey, AssetObservation, Config, Failure
from pydantic import Field

if TYPE_CHECKING:
    from townlet.config import Scenario


class Mode(Enum):
    """Where the experience comes from; the names are what one types in the launchpad."""

    mixed = "mixed"
    rollout = "rollout"
    replay = "replay"


class TrainerConfig(Config):
    """Options of a training; what is left empty is as the scenario's `training` section says."""

    mode: Mode = Field(
        default=Mode.mixed,
        description="mixed: a replay phase before each rollout phase; rollout or replay: only that.",
    )
    cycles: int | None = Field(default=None, description="Phases of each kind.")
    epochs: int | None = Field(default=None, description="Passes over each batch of data.")
    rollout_ticks: int | None = Field(default=None, description="Ticks per world in one rollout.")
    worlds: int | None = Field(default=None, description="Worlds simulated side by side.")
    seed: int | None = Field(default=None, description="Seed of weights, draws and minibatch order.")
    learning_rate: float | None = Field(default=None, description="Adam's step size, above 0 to 1.")
    entropy_coef: float | None = Field(default=None, description="Weight of the entropy bonus, 0 to 1.")
    clip_epsilon: float | None = Field(default=None, description="PPO's clip range, between 0 and 1.")
    minibatch_size: int | None = Field(default=None, description="Agent-steps per optimizer step.")
    progress_seconds: float = Field(
        default=10.0, description="Least seconds between two live observations on the asset page.", ge=0.0
    )


#: Options that live in the `ppo` part of a scenario's training section.
_PPO = ("learning_rate", "entropy_coef", "clip_epsilon", "minibatch_size")
_AMOUNTS = ("cycles", "epochs", "rollout_ticks", "worlds", "seed")


def configured(scenario: "Scenario", config: TrainerConfig) -> "Scenario":
    """The scenario with the options in its training section. Raises InputError naming each bad option."""
    from townlet.training.run import override

    ppo = {name: getattr(config, name) for name in _PPO if getattr(config, name) is not None}
    options = {name: getattr(config, name) for name in _AMOUNTS}
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
