"""How a policy learns: the network, PPO's constants and the amount of data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from townlet.config.base import AsTuple, Section

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class NetworkConfig(Section):
    """The actor-critic network: two perceptrons' trunk shared by a policy head and a value head."""

    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], AsTuple, Field(min_length=1, max_length=8)] = (
        128,
        128,
    )
    """Units of each hidden layer."""
    activation: Literal["tanh", "relu"] = "tanh"
    """Non-linearity after each hidden layer."""


class PPOConfig(Section):
    """Constants of proximal policy optimisation (Schulman et al. 2017), under their usual names."""

    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 1e-3
    """Adam's step size."""
    gamma: Fraction = 0.99
    """Discount per tick."""
    gae_lambda: Fraction = 0.95
    """Decay of generalised advantage estimation."""
    clip_epsilon: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """The ratio is clipped to 1 ± this."""
    entropy_coef: Annotated[float, Field(ge=0.0, le=1.0)] = 0.01
    """Weight of the entropy bonus."""
    value_coef: Annotated[float, Field(ge=0.0, le=10.0)] = 0.5
    """Weight of the value loss (mean squared error without a half, as in Stable-Baselines3)."""
    max_grad_norm: Annotated[float, Field(gt=0.0)] = 0.5
    """Gradients are scaled down to this global norm."""
    minibatch_size: Annotated[int, Field(ge=1)] = 2048
    """Agent-steps per optimizer step."""
    normalize_advantage: bool = True
    """Whether advantages get mean 0 and standard deviation 1 in each minibatch."""


class ReplayConfig(Section):
    """How recorded data of another policy is used."""

    rho_bar: Annotated[float, Field(gt=0.0)] = 1.0
    """Upper bound of V-trace's importance weight in the value target and policy gradient."""
    c_bar: Annotated[float, Field(gt=0.0)] = 1.0
    """Upper bound of V-trace's importance weight along the trace."""
    cloning_coef: Annotated[float, Field(ge=0.0)] = 1.0
    """Weight of the behaviour-cloning loss for data of a deterministic (scripted) behaviour."""


class TrainingConfig(Section):
    """Amounts: how much is simulated per capture, how often it is learnt from, and with which constants."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the network's first weights, of the people's draws and of the minibatch order."""
    worlds: Annotated[int, Field(ge=1, le=65536)] = 64
    """Worlds simulated side by side in a rollout."""
    rollout_ticks: Annotated[int, Field(ge=1)] = 40
    """Ticks per world in one rollout capture."""
    cycles: Annotated[int, Field(ge=1)] = 1
    """Rollout captures (and, in mixed mode, replay phases) in one training."""
    epochs: Annotated[int, Field(ge=1)] = 4
    """Passes over each batch of data; each is one telemetry line."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads of the matrix library; part of the seed, since it changes the order of sums."""
    network: NetworkConfig = NetworkConfig()
    ppo: PPOConfig = PPOConfig()
    replay: ReplayConfig = ReplayConfig()
