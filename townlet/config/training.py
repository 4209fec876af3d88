"""Options of training: the network, PPO's constants, the amounts of data, and the phases of a cycle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from townlet.config.base import Amount, AsTuple, Positive, Section, Seed, SomeTicks, Weight
from townlet.config.validate import validated
from townlet.errors import InputError, nearest_name

Mode = Literal["replay", "rollout", "mixed"]
"""Where experience comes from: a capture, the network's own rollouts, or both."""
PhaseKind = Literal["replay", "rollout", "joint"]
#: Ticks of a day in a drawn town: see townlet.config.drawn.
DRAWN_DAY = 1000
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class NetworkConfig(Section):
    """The actor-critic network: a perceptron trunk shared by a policy head and a value head."""

    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...], AsTuple, Field(min_length=1, max_length=8)] = (
        128,
        128,
    )
    """Units of each hidden layer."""
    activation: Literal["tanh", "relu"] = "tanh"
    """Non-linearity after each hidden layer."""
    commitment_ticks: Annotated[int, Field(ge=0, le=1000)] = 0
    """Ticks after which people reconsider what they are doing: until then they walk on to what they have requested, go
    on waiting in a queue, and go on using. At 0 they choose anew in every tick."""
    layer_norm: bool = False
    """Whether each hidden layer's sums are normalised before the non-linearity (Ba, Kiros and Hinton 2016)."""
    recurrent: Literal["none", "gru"] = "none"
    """``gru``: people remember. A gated recurrent unit (Cho et al. 2014) follows the hidden layers, and both heads read
    the last hidden layer and its state."""
    recurrent_units: Annotated[int, Field(ge=1, le=4096)] = 64
    """Units of the state, if the network is recurrent."""
    bptt_ticks: SomeTicks = 32
    """Choices of one person through which gradients flow back, if the network is recurrent. Minibatches consist of
    such segments."""
    module: Annotated[str, Field(min_length=1, max_length=200, pattern="^[^,\\s]+$")] | None = None
    """A ``torch.nn.Module`` of one's own in place of the hidden layers, by ``package.module:factory``. It runs only if
    ``$TOWNLET_MODULES`` names it too, or ``townlet.register_network``. ``hidden``, ``activation`` and ``layer_norm``
    then are for its factory alone."""

    @property
    def state_units(self) -> int:
        """Numbers in the hidden state that is carried from choice to choice; 0 without a memory."""
        return 0 if self.recurrent == "none" else self.recurrent_units

    @property
    def is_plain(self) -> bool:
        """Whether it is a perceptron without memory, normalisation or module, which the compiled passes compute."""
        return self.recurrent == "none" and not self.layer_norm and self.module is None

    @model_serializer(mode="wrap")
    def _without_unused_options(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Hashes and files of scenarios and policies without them stay what they were before these existed.
        content: dict[str, Any] = serialize(self)
        for name in ("commitment_ticks", "layer_norm", "recurrent", "recurrent_units", "bptt_ticks", "module"):
            if getattr(self, name) == type(self).model_fields[name].default:
                content.pop(name, None)
        return content


class PPOConfig(Section):
    """Constants of proximal policy optimisation (Schulman et al. 2017), under their usual names."""

    learning_rate: Annotated[float, Field(ge=1e-12, le=1.0)] = 1e-3
    """Adam's step size."""
    gamma: Fraction = 0.99
    """Discount per tick."""
    gae_lambda: Fraction = 0.95
    """Decay of generalised advantage estimation."""
    clip_epsilon: Annotated[float, Field(ge=1e-12, lt=1.0)] = 0.2
    """The ratio is clipped to 1 ± this."""
    entropy_coef: Annotated[float, Field(ge=0.0, le=1.0)] = 0.01
    """Weight of the entropy bonus."""
    value_coef: Annotated[float, Field(ge=0.0, le=10.0)] = 0.5
    """Weight of the value loss (mean squared error without a half, as in Stable-Baselines3)."""
    max_grad_norm: Positive = 0.5
    """Gradients are scaled down to this global norm."""
    diverged_above: Positive = 1e8
    """A loss term, KL divergence or gradient norm (before scaling) above this in magnitude stops the training."""
    minibatch_size: Amount = 2048
    """Agent-steps per optimizer step."""
    value_clip: Positive | None = None
    """The largest distance of the value estimate from that at the start of the phase (``clip_range_vf`` in
    Stable-Baselines3); by default unlimited."""
    target_kl: Positive | None = None
    """A phase ends before a step at which the KL divergence exceeds 1.5 times this; by default never. Cloning and
    regression, which are meant to move the policy, ignore it."""
    lr_schedule: Literal["constant", "linear"] = "constant"
    """``linear``: the step size falls from ``learning_rate`` towards 0 over the training."""
    entropy_schedule: Literal["constant", "linear"] = "constant"
    """``linear``: the weight of the entropy bonus falls from ``entropy_coef`` towards 0 over the training."""
    normalize_advantage: bool = True
    """Whether advantages get mean 0 and standard deviation 1 in each minibatch."""


class ReplayConfig(Section):
    """How recorded data of another policy is used."""

    method: Literal["auto", "cloning", "awr", "vtrace"] = "auto"
    """``cloning``; ``awr``, advantage-weighted regression; ``vtrace``, which needs log-probabilities; ``auto``: cloning
    for data of a deterministic behaviour, else V-trace."""
    mixing: Literal["alternate", "joint"] = "alternate"
    """In mode mixed: ``alternate``, a replay phase and then a rollout phase; ``joint``, recorded and fresh agent-steps
    in the same minibatches."""
    fresh_share: Annotated[float, Field(ge=0.001, le=1.0)] = 0.5
    """The least share of fresh agent-steps in joint mixing; recorded segments are drawn anew in every cycle."""
    segment_ticks: SomeTicks = 32
    """Joint mixing draws recorded data in segments of one person's experience; this is their length."""
    min_effective_share: Fraction = 0.3
    """In joint mixing, segments whose effective sample share is below this are dropped and counted."""
    awr_beta: Positive = 1.0
    """Temperature of advantage-weighted regression, in units of the advantage (normalised, if advantages are)."""
    awr_max_weight: Annotated[float, Field(ge=1.0, le=1e12)] = 20.0
    """Upper bound of the weights in advantage-weighted regression."""
    held_out_share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.1
    """Share of worlds (or of ticks at the end, if there is one world) held out of cloning to evaluate it."""
    rho_bar: Positive = 1.0
    """Upper bound of V-trace's importance weight in the value target and policy gradient."""
    c_bar: Positive = 1.0
    """Upper bound of V-trace's importance weight along the trace."""
    cloning_coef: Weight = 1.0
    """Weight of the behaviour-cloning loss for data of a deterministic (scripted) behaviour."""


class HandoverConfig(Section):
    """A hand-over: a script controls people at first, and the network takes over step by step."""

    script: Literal["none", "scripted", "heuristic"] = "none"
    """The behaviour that drives everybody at first: the scenario's schedule (``scripted``) or the heuristic."""
    steps: Amount = 10
    """The share of people whom the script drives falls by 1 / ``steps`` after every cycle with an open gate."""
    accuracy_margin: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.05
    """While the script drives everybody, the gate opens if the held-out accuracy of cloning exceeds the majority
    class's rate by this share of the distance from that rate to 1."""
    reward_margin: Annotated[float, Field(ge=0.0, le=1e12)] = 0.02
    """Afterwards, the gate is open if the mean reward per agent-step of the people whom the network drives is at most
    this far below that of the people whom the script drives."""


class ImitationConfig(Section):
    """Rollouts at the start of a training in which the network learns to choose as the heuristic would."""

    rollouts: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """The number of such rollouts. In the first, the heuristic acts; in the others the network does, and learns what
    the heuristic would have chosen in its place (Ross, Gordon and Bagnell 2011, "DAgger")."""
    epochs: Amount = 4
    """Passes over the data of each."""


class TownsConfig(Section):
    """Training in many drawn towns at once instead of the scenario's own; a rollout is a day, so ``rollout_ticks`` is
    1000."""

    count: Annotated[int, Field(ge=0, le=4096)] = 0
    """Towns in a rollout, each with ``worlds`` worlds; 0 trains in the scenario's own town."""
    rollouts: Amount = 4
    """Rollouts for which a town stays before another is drawn in its place."""


class TrainingConfig(Section):
    """The ``training`` section of a scenario: amounts, constants and the ways to learn."""

    seed: Seed = 0
    """Seed of the network's first weights, of the town's draws and of the minibatch order."""
    worlds: Annotated[int, Field(ge=1, le=65536)] = 64
    """Worlds simulated side by side in a rollout."""
    rollout_ticks: Annotated[int, Field(ge=1, le=10_000_000)] = 40
    """Ticks per world in one rollout."""
    cycles: Amount = 1
    """Rollouts (and, in mixed mode, replay phases) in one training."""
    epochs: Amount = 4
    """Passes over each batch of data; each is one telemetry line."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """The least number of threads that share worlds and minibatches; otherwise there is one per core. It changes the
    time alone, and no result, unless torch computes the network: then there are so many, and they change the bits."""
    network: NetworkConfig = NetworkConfig()
    ppo: PPOConfig = PPOConfig()
    replay: ReplayConfig = ReplayConfig()
    handover: HandoverConfig = HandoverConfig()
    imitation: ImitationConfig = ImitationConfig()
    towns: TownsConfig = TownsConfig()

    @model_serializer(mode="wrap")
    def _without_unused_sections(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Hashes and files of scenarios without them stay what they were before these sections existed.
        content: dict[str, Any] = serialize(self)
        for name, default in (("imitation", ImitationConfig()), ("towns", TownsConfig())):
            if getattr(self, name) == default:
                content.pop(name, None)
        return content


def combination_faults(config: TrainingConfig, mode: Mode | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield what keeps options of a training from working together: a dotted name, what was found, what was expected.

    ``mode``, if it is known, counts as one of them.
    """
    towns, imitation = config.towns.count, config.imitation.rollouts
    segment, size = config.network.bptt_ticks, config.ppo.minibatch_size
    if config.network.recurrent != "none" and segment > size:
        expected = f"at most ppo.minibatch_size, {size}: a minibatch consists of whole segments"
        yield "network.bptt_ticks", str(segment), expected
    if towns and config.rollout_ticks != DRAWN_DAY:
        expected = f"{DRAWN_DAY} with towns.count: in a rollout, drawn towns live a day"
        yield "rollout_ticks", str(config.rollout_ticks), expected
    for name, amount in (("towns.count", towns), ("imitation.rollouts", imitation)):
        if amount and config.handover.script != "none":
            yield name, f"{amount} with handover.script: {config.handover.script}", "0, or handover.script: none"
    if towns and mode not in (None, "rollout"):
        yield "towns.count", f"{towns} with mode {mode}", "0, or mode rollout: a capture is of the scenario's own town"
    if imitation and (mode == "replay" or (mode == "mixed" and config.replay.mixing == "joint")):
        found = f"{imitation} with mode {mode}" + (", replay.mixing: joint" if mode == "mixed" else "")
        yield "imitation.rollouts", found, "0, or a mode with rollouts of their own"


def mode_named(name: str) -> Mode:
    """The mode of this name. Raises InputError for another name."""
    for mode in get_args(Mode):
        if name == mode:
            return cast(Mode, mode)
    raise InputError.of("training options", "mode", repr(name), nearest_name(name, get_args(Mode)))


def phase_kinds(mode: Mode, config: TrainingConfig) -> tuple[PhaseKind, ...]:
    """The phases of one cycle, in order."""
    if mode == "mixed":
        return ("joint",) if config.replay.mixing == "joint" else ("replay", "rollout")
    return (mode,)


def planned_phases(mode: Mode, config: TrainingConfig) -> int:
    """The number of phases in a whole training."""
    return len(phase_kinds(mode, config)) * config.cycles


def planned_epochs(mode: Mode, config: TrainingConfig) -> int:
    """The number of epochs in a whole training, not counting those that a hand-over adds."""
    lessons = min(config.imitation.rollouts, config.cycles) if "rollout" in phase_kinds(mode, config) else 0
    return planned_phases(mode, config) * config.epochs + lessons * (config.imitation.epochs - config.epochs)


def with_training_options(config: TrainingConfig, options: Mapping[str, Any]) -> TrainingConfig:
    """Replace fields of a training configuration by the options that are not None.

    Raises InputError naming each option whose value is out of range.
    """
    given = {name: value for name, value in options.items() if value is not None}
    return validated(config.model_dump() | given, TrainingConfig, "training options")
