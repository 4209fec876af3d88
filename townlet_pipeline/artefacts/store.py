"""The store: the folder of all artefacts, and the object store that they are published to."""

import re
from pathlib import Path

from dagster import ConfigurableResource
from pydantic import Field, field_validator

from townlet.errors import InputError
from townlet.files.artefact_names import NIGHTS, WEEKENDS
from townlet_pipeline.instance.environment import environment
from townlet_pipeline.instance.project import KEY_EXPECTED, is_key, project_root

#: The key of a soak: Dagster joins the keys of two dimensions in the order of their names.
_NIGHT = re.compile(r"(?P<when>\d{4}-\d{2}-\d{2})\|(?P<scenario>.*)")
_WEEKEND = re.compile(r"(?P<scenario>.*)\|(?P<when>\d{4}-\d{2}-\d{2})")
#: An asset, or an asset and the hash of a version.
_ASSET = r"[a-z][a-z0-9_]*(/[0-9a-f]+)?"


class StoreResource(ConfigurableResource):  # type: ignore[type-arg]
    """The folder of all artefacts, and the object store that they are published to.

    A scenario's column lies in ``<root>/<scenario>/<asset>/``, a night's soak in
    ``<root>/<scenario>/nights/<day>/<asset>/``, a weekend's in ``<root>/<scenario>/weekends/<week>/<asset>/``.
    """

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

    def folder(self, key: str, asset: str) -> Path:
        """The folder of an asset of a partition; it need not exist yet.

        Raises InputError for names that lead elsewhere: anybody can add a partition of any name in the UI.
        """
        return self.place() / self.inner_path(key, asset)

    def inner_path(self, key: str, asset: str) -> str:
        """The path of an asset's folder in the store, local or published. Raises InputError like :meth:`folder`."""
        night, weekend = _NIGHT.fullmatch(key), _WEEKEND.fullmatch(key)
        soak = night or weekend
        scenario = soak["scenario"] if soak else key
        if not is_key(scenario):
            raise InputError.of("store", "partition", repr(key), KEY_EXPECTED)
        if not re.fullmatch(_ASSET, asset):
            raise InputError.of("store", "asset", repr(asset), "the name of an asset")
        if not soak:
            return f"{scenario}/{asset}"
        return f"{scenario}/{NIGHTS if night else WEEKENDS}/{soak['when']}/{asset}"

    def place(self) -> Path:
        """The folder of all artefacts."""
        return project_root() / self.root
