"""Options in the launchpad: of simulation and of training; and an IO manager without any.

``townlet``'s own models check ranges when an asset applies the options. Their message names the option, what was found
and what was expected; a bound declared here would end the run in a traceback.
"""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import (
    ConfigurableResource,
    DagsterInvariantViolationError,
    InitResourceContext,
    InputContext,
    IOManager,
    OutputContext,
    io_manager,
)
from pydantic import Field

if TYPE_CHECKING:
    from townlet.config import Scenario

#: Options that belong to the `ppo` part of a scenario's training section, and those of the section itself.
PPO_OPTIONS = ("learning_rate", "entropy_coef", "clip_epsilon", "minibatch_size")
SECTION_OPTIONS = ("cycles", "epochs", "rollout_ticks", "worlds", "seed")


class SimulatorResource(ConfigurableResource):  # type: ignore[type-arg]
    """Size of a rollout capture, and who acts. An empty option leaves the scenario's value."""

    ticks: int | None = Field(default=None, description="Ticks of an episode, at least 1; empty: the scenario's.")
    worlds: int | None = Field(
        default=None, description="Number of worlds recorded, at least 1; empty: the scenario's."
    )
    seed: int | None = Field(default=None, description="Seed of the worlds; empty: the scenario's.")
    behavior: str | None = Field(
        default=None, description="Who acts: scripted, heuristic or random; empty: the scenario's schedule (scripted)."
    )
    policy: str | None = Field(
        default=None,
        description="A policy that comes with Townlet and acts instead: generalist. People then observe what it was "
        "trained with; to learn from the capture, a training must begin with that policy, too (trainer, from_policy).",
    )

    def options(self) -> dict[str, int | str]:
        """The options that are set, under their names in ``townlet capture``."""
        given = {
            "ticks": self.ticks,
            "worlds": self.worlds,
            "seed": self.seed,
            "behavior": self.behavior,
            "policy": self.policy,
        }
        return {name: value for name, value in given.items() if value is not None}


class Mode(Enum):
    """Source of the experience, by the name typed in the launchpad.

    A test holds it equal to :data:`townlet.config.training.Mode`, which would take half a second to load here.
    """

    mixed = "mixed"
    rollout = "rollout"
    replay = "replay"


class Device(Enum):
    """Device on which the network acts and learns, by the name typed in the launchpad."""

    cpu = "cpu"
    cuda = "cuda"
    auto = "auto"


class TrainerResource(ConfigurableResource):  # type: ignore[type-arg]
    """Options of a training. An empty option leaves the value of the scenario's `training` section."""

    mode: Mode = Field(
        default=Mode.mixed,
        description="mixed: a replay phase before each rollout phase; rollout or replay: that phase alone.",
    )
    from_policy: str | None = Field(
        default=None,
        description="A policy to begin with, for fine-tuning: generalist, which comes with Townlet, or the path of "
        "one; empty: fresh weights.",
    )
    cycles: int | None = Field(default=None, description="Phases of each kind.")
    epochs: int | None = Field(default=None, description="Passes over each batch of data.")
    rollout_ticks: int | None = Field(default=None, description="Ticks per world in one rollout.")
    worlds: int | None = Field(default=None, description="Number of worlds simulated.")
    seed: int | None = Field(default=None, description="Seed of weights, draws and minibatch order.")
    learning_rate: float | None = Field(default=None, description="Adam's step size, above 0 to 1.")
    entropy_coef: float | None = Field(default=None, description="Weight of the entropy bonus, 0 to 1.")
    clip_epsilon: float | None = Field(default=None, description="PPO's clip range, between 0 and 1.")
    minibatch_size: int | None = Field(default=None, description="Agent-steps per optimizer step.")
    checkpoint_every: int | None = Field(
        default=None, description="Phases between checkpoints; empty: as few as keep checkpoints under 2 % of the time."
    )
    device: Device = Field(
        default=Device.cpu, description="Where the network acts and learns. auto: on a CUDA device if there is one."
    )
    track: list[str] = Field(
        default=[],
        description="Tools in which the training can be followed while it runs: tensorboard, mlflow; none by default.",
    )
    track_to: str | None = Field(
        default=None,
        description="A folder, or MLflow's tracking URI; empty: $MLFLOW_TRACKING_URI, else runs/tracking.",
    )
    progress_seconds: float = Field(
        default=10.0, description="Shortest time between two live observations on the asset's page, in seconds.", ge=0.0
    )

    def configured(self, scenario: "Scenario") -> "Scenario":
        """The scenario with these options in its training section. Raises InputError naming each bad option."""
        from townlet.config.training import with_training_options
        from townlet.tracking import destinations

        # Raises what the training would raise much later.
        destinations(self.track, Path(), self.track_to)
        own = scenario.training
        ppo = {name: value for name in PPO_OPTIONS if (value := getattr(self, name)) is not None}
        options = {name: getattr(self, name) for name in SECTION_OPTIONS}
        training = with_training_options(own, {**options, "ppo": {**own.ppo.model_dump(), **ppo}})
        return scenario.model_copy(update={"training": training})


class NoValues(IOManager):
    """An IO manager that refuses everything. Assets hand on files, which they write themselves, and no values."""

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Refuse a value, which nobody would find again."""
        raise DagsterInvariantViolationError(f"{context.step_key}: steps hand on no values; they write files")

    def load_input(self, context: InputContext) -> Any:
        """Refuse to load a value: assets read files."""
        raise DagsterInvariantViolationError(f"{context.name}: steps load no values; they read files")


@io_manager(config_schema={}, description="Without effect: assets write and read files, and hand on no values.")
def no_values(context: InitResourceContext) -> NoValues:
    """The IO manager of every job, without options; Dagster's own would offer a folder for pickled values."""
    return NoValues()


#: Resources that every job without assets must have of its own: for the lack of any that it needs, the IO manager
#: included, Dagster would offer it all those of the code location.
NEEDED_BY_ALL: dict[str, Any] = {"io_manager": no_values}
