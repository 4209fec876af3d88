"""The store: the folder of all artefacts, and the object store that they are published to."""

import re
from pathlib import Path

from dagster import ConfigurableResource
from pydantic import Field, field_validator

from townlet.errors import InputError
from townlet_pipeline.instance.environment import environment
from townlet_pipeline.instance.project import KEY_EXPECTED, is_key, project_root

#: The day, or the first day of the week, in the key of a soak.
_DAY = r"\d{4}-\d{2}-\d{2}"
#: An asset, or an asset and the hash of a version.
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
        description="s3://bucket/prefix: each asset is published there once it is made, and fetched from there before "
        "anything is made from it; empty: the environment's, if it has one.",
    )

    @field_validator("root")
    @classmethod
    def _local(cls, root: str) -> str:
        if "://" in root:
            raise ValueError("a local folder: training logs are appended to, which object stores cannot do")
        return root

    @property
    def published_at(self) -> str | None:
        """The object store; None if there is only the folder."""
        return self.object_store or environment().object_store

    def folder(self, scenario: str, asset: str) -> Path:
        """The folder of an asset of a scenario, or of a day or week and a scenario; it need not exist yet.

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
