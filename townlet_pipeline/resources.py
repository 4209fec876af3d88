"""What every run can be told in the launchpad: where artefacts go, how much is simulated, and how to train.

Ranges are checked by the domain's own models, when an asset applies the options: their message names the option, what
was found and what was expected, where a bound declared here would end the run in a traceback.
"""

import re
from enum import Enum
from pathlib import Path

from dagster import ConfigurableResource
from pydantic import Field, field_validator

from townlet.errors import InputError
from townlet_pipeline.instance.environment import environment
from townlet_pipeline.instance.project import KEY_EXPECTED, is_key, project_root

#: What stands before the scenario in the key of a night or a weekend.
_DAY = r"\d{4}-\d{2}-\d{2}"
#: An asset, or a version of one by its hash.
_ASSET = r"[a-z][a-z0-9_]*(/[0-9a-f]+)?"


class StoreResource(ConfigurableResource):  # type: ignore[type-arg]
    """The folder of all artefacts, ``<root>/<scenario>/<asset>/…``, and the object store that they are published to."""

    root: str = Field(
        default="runs/store",
        min_length=1,
        description="Folder for artefacts; a relative path starts at the project's folder.",
    )

    object_store: str | None = Field(
        default=None,
        pattern=r"^s3://[^/]+",
        description="s3://bucket/prefix, where each asset is published once it is made, and taken from before anything "
        "is made of it; empty: the environment's, which has none if it is local.",
    )

    @field_validator("root")
    @classmethod
    def _local(cls, root: str) -> str:
        if "://" in root:
            raise ValueError("a local folder: training logs are appended to, which object stores cannot do")
        return root

    @property
    def published_at(self) -> str | None:
        """The object store, or None where the folder is all there is."""
        return self.object_store or environment().object_store

    def folder(self, scenario: str, asset: str) -> Path:
        """Where an asset of a scenario, or of a day or week and a scenario, keeps its files; it need not exist yet.

        Raises InputError for names that lead elsewhere: anybody can add a partition of any name in the UI.
        """
        # Dagster joins the keys of two dimensions in the order of their names: day|scenario, scenario|week.
        key = re.sub(rf"^{_DAY}\||\|{_DAY}$", "", scenario, count=1)
        if not is_key(key):
            raise InputError.of("store", "partition", repr(scenario), KEY_EXPECTED)
        if not re.fullmatch(_ASSET, asset):
            raise InputError.of("store", "asset", repr(asset), "the name of an asset")
        return self.place() / scenario / asset

    def place(self) -> Path:
        """The folder of all artefacts."""
        return project_root() / self.root


class SimulatorResource(ConfigurableResource):  # type: ignore[type-arg]
    """How much a rollout capture simulates, and who acts; what is left empty is as the scenario says."""

    ticks: int | None = Field(default=None, description="Ticks of an episode, at least 1; empty: the scenario's.")
    worlds: int | None = Field(
        default=None, description="Worlds recorded side by side, at least 1; empty: the scenario's."
    )
    seed: int | None = Field(default=None, description="Seed of the worlds; empty: the scenario's.")
    behavior: str | None = Field(
        default=None, description="Who acts: scripted, heuristic or random; empty: the scenario's schedule (scripted)."
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


class Device(Enum):
    """Where the network acts and learns; the names are what one types in the launchpad."""

    cpu = "cpu"
    cuda = "cuda"
    auto = "auto"


class TrainerResource(ConfigurableResource):  # type: ignore[type-arg]
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
    checkpoint_every: int | None = Field(
        default=None, description="Phases between checkpoints; empty: as few as keep them under 2 % of the time."
    )
    device: Device = Field(
        default=Device.cpu, description="Where the network acts and learns. auto: on a CUDA device where there is one."
    )
    progress_seconds: float = Field(
        default=10.0, description="Least seconds between two live observations on the asset page.", ge=0.0
    )
