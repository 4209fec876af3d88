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


#: Keys of settings that mean the same as an option of the simulator.
_SIZES = {"ticks": "ticks", "worlds": "capture.worlds", "seed": "scenario.seed"}
_SETTINGS = (
    "Values for single keys of the scenario, as texts like those of --set: ppo.gamma=0.9, 'network.hidden=[64, 64]', "
    "rules.queue.cooldown_ticks=8."
)


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
    settings: list[str] = Field(default=[], description=f"{_SETTINGS} The trainer needs the same of the town's.")

    def options(self) -> dict[str, int | str]:
        """The options that are set, under their names in ``townlet capture``, except settings."""
        given = {
            "ticks": self.ticks,
            "worlds": self.worlds,
            "seed": self.seed,
            "behavior": self.behavior,
            "policy": self.policy,
        }
        return {name: value for name, value in given.items() if value is not None}

    def options_beside(self, scenario: "Scenario") -> dict[str, Any]:
        """The options that are set, without those that only repeat a value of the scenario which a setting replaces."""
        found = self.configured(scenario).settings
        own = {"ticks": scenario.ticks, "worlds": scenario.capture.worlds, "seed": scenario.seed}
        replaced = {name for name, key in _SIZES.items() if key in found and getattr(self, name) == own[name]}
        return {name: value for name, value in self.options().items() if name not in replaced}

    def configured(self, scenario: "Scenario") -> "Scenario":
        """The scenario with the settings. Raises InputError naming each bad one."""
        from townlet.config.settings_use import refuse_settings, scenario_for

        source = "simulator options"
        town = scenario_for("capture", scenario, self.settings, source)
        if self.policy is not None:
            expected = f"no such setting: the observations are those of {self.policy}"
            refuse_settings(town, ["observations"], expected, source)
        return town


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
    settings: list[str] = Field(default=[], description=f"{_SETTINGS} The options above are the same as settings.")
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
        """The scenario with these options and settings. Raises InputError naming each bad one."""
        from townlet.config.settings_use import OF_POLICY, refuse_settings, scenario_for
        from townlet.config.training import with_training_options
        from townlet.tracking import destinations

        # Raises what the training would raise much later.
        destinations(self.track, Path(), self.track_to)
        source = "trainer options"
        town = scenario_for("training", scenario, self.settings, source)
        if self.from_policy is not None:
            expected = f"no such setting: network and observations are those of {self.from_policy}"
            refuse_settings(town, OF_POLICY, expected, source)
        given = {name: self._beside(name, town, scenario) for name in (*SECTION_OPTIONS, *PPO_OPTIONS)}
        own = town.training
        ppo = {name: value for name in PPO_OPTIONS if (value := given.get(name)) is not None}
        options = {name: given.get(name) for name in SECTION_OPTIONS}
        training = with_training_options(own, {**options, "ppo": {**own.ppo.model_dump(), **ppo}})
        return town.model_copy(update={"training": training})

    def _beside(self, name: str, town: "Scenario", scenario: "Scenario") -> float | int | None:
        """The value of an option; None if it only repeats one of the scenario which a setting replaces.

        The launchpad fills options with the scenario's values. Raises InputError if option and setting contradict.
        """
        from townlet.errors import InputError

        value: float | int | None = getattr(self, name)
        key = f"training.ppo.{name}" if name in PPO_OPTIONS else f"training.{name}"
        if value is None or key not in town.settings:
            return value
        own = getattr(scenario.training.ppo if name in PPO_OPTIONS else scenario.training, name)
        if value not in (own, town.settings[key]):
            found = f"{value} beside {key}={town.settings[key]} in settings"
            raise InputError.of("trainer options", name, found, "one of them")
        return None


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
