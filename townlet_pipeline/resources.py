"""What every run can be told in the launchpad: where artefacts go, and how much is simulated."""

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
