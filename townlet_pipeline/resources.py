"""What every run can be told in the launchpad: where artefacts go, how much is simulated, and how to train."""

from enum import Enum
from pathlib import Path

from dagster import ConfigurableResource
from pydantic import Field, field_validator

from townlet_pipeline.project import project_root


class StoreResource(ConfigurableResource):  # type: ignore[type-arg]
    """The folder of all artefacts: ``<root>/<scenario>/<asset>/…``."""

    root: str = Field(
        default="runs/store",
        min_length=1,
        description="Folder for artefacts; a relative path starts at the project's folder.",
    )

    @field_validator("root")
    @classmethod
    def _local(cls, root: str) -> str:
        if "://" in root:
            raise ValueError("a local folder: training logs are appended to, which object stores cannot do")
        return root

    def folder(self, scenario: str, asset: str) -> Path:
        """Where an asset of a scenario keeps its files; it need not exist yet."""
        return project_root() / self.root / scenario / asset


class SimulatorResource(ConfigurableResource):  # type: ignore[type-arg]
    """How much a rollout capture simulates, and who acts; what is left empty is as the scenario says."""

    ticks: int | None = Field(default=None, ge=1, description="Ticks of an episode; empty: the scenario's.")
    worlds: int | None = Field(default=None, ge=1, description="Worlds recorded side by side; empty: the scenario's.")
    seed: int | None = Field(default=None, ge=0, description="Seed of the worlds; empty: the scenario's.")
    behavior: str | None = Field(
        default=None, description="Who acts: scripted or random; empty: the scenario's schedule (scripted)."
    )

    def options(self) -> dict[str, int | str]:
        """The options that are given, under the names that ``townlet capture`` has for them."""
        given = {"ticks": self.ticks, "worlds": self.worlds, "seed": self.seed, "behavior": self.behavior}
        return {name: value for name, value in given.items() if value is not None}


class Mode(Enum):
    """Where the experience comes from; the names are what one types in the launchpad."""

    mixed = "mixed"
    rollout = "rollout"
    replay = "replay"


class TrainerResource(ConfigurableResource):  # type: ignore[type-arg]
    """Options of a training; what is left empty is as the scenario's `training` section says."""

    mode: Mode = Field(
        default=Mode.mixed,
        description="mixed: a replay phase before each rollout phase; rollout or replay: only that.",
    )
    cycles: int | None = Field(default=None, ge=1, description="Phases of each kind.")
    epochs: int | None = Field(default=None, ge=1, description="Passes over each batch of data.")
    rollout_ticks: int | None = Field(default=None, ge=1, description="Ticks per world in one rollout.")
    worlds: int | None = Field(default=None, ge=1, description="Worlds simulated side by side.")
    seed: int | None = Field(default=None, ge=0, description="Seed of weights, draws and minibatch order.")
    learning_rate: float | None = Field(default=None, gt=0.0, le=1.0, description="Adam's step size, above 0 to 1.")
    entropy_coef: float | None = Field(default=None, ge=0.0, le=1.0, description="Weight of the entropy bonus, 0 to 1.")
    clip_epsilon: float | None = Field(default=None, gt=0.0, lt=1.0, description="PPO's clip range, between 0 and 1.")
    minibatch_size: int | None = Field(default=None, ge=1, description="Agent-steps per optimizer step.")
    progress_seconds: float = Field(
        default=10.0, description="Least seconds between two live observations on the asset page.", ge=0.0
    )
