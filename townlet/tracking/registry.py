"""Registration of a training's policy in MLflow's registry."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from townlet.errors import InputError
from townlet.files.storage import read_bytes, sha256
from townlet.policies.registered import HASH_TAGS
from townlet.tracking.mlflow_run import MlflowRun

#: Aliases that MLflow gives out itself.
_RESERVED = re.compile(r"latest|v\d+", re.IGNORECASE)


class Registered(NamedTuple):
    """A version of a registered policy."""

    name: str
    version: int
    alias: str | None

    @property
    def address(self) -> str:
        """What finds it again."""
        return f"models:/{self.name}@{self.alias}" if self.alias else f"models:/{self.name}/{self.version}"


def require_names(name: str, alias: str | None) -> None:
    """Raise InputError for a name or an alias that the registry would refuse, or that no address could hold."""
    if not name or re.search(r"[/:@]", name):
        raise InputError.of("options", "--register", repr(name), "a name without / : and @")
    if alias is not None and (_RESERVED.fullmatch(alias) or not re.fullmatch(r"[\w-]+", alias)):
        expected = "letters, digits, _ and -, and neither latest nor v and a number, which MLflow gives out itself"
        raise InputError.of("options", "--alias", repr(alias), expected)


def register_policy(run: MlflowRun, folder: Path, name: str, alias: str | None = None) -> Registered:
    """Register the policy that a run keeps as a new version, or find the version that it is already.

    Args:
        run: an exported or tracked run, whose files ``policy/`` are those of ``folder``.
        folder: of the training.
        name: of the registered policy, which is created if needed.
        alias: moved to the version.

    The version's tags hold the SHA-256 of both files, by which a download is checked.

    Raises InputError for bad names, for a folder without a policy, and if the registry refuses.
    """
    require_names(name, alias)
    tags = {tag: sha256(read_bytes(folder / file, "a trained policy to register")) for file, tag in HASH_TAGS.items()}
    version = run.registered_version(name, tags) or run.register(name, tags)
    if alias is not None:
        run.give_alias(name, alias, version)
    return Registered(name, version, alias)
