"""Artefacts, and their claims about the hashes of their own files and of the files that they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import JsonValue

from townlet.errors import RunError
from townlet.files.storage import read_json
from townlet.text.terminal import printable

if TYPE_CHECKING:
    from townlet.config import Scenario

#: Content that a claim's hash covers: a file's bytes, a JSON object without its field ``sha256``, a scenario's complete
#: configuration, or the part of the configuration that decides the rollouts of a fixed behaviour.
Hashed = Literal["bytes", "content", "configuration", "rollout"]


class LineageError(RunError):
    """A file in a lineage that is missing or has another hash than claimed. The command line exits with 1."""

    file: Path | None = None
    found = expected = ""

    @classmethod
    def of(cls, file: Path, found: str, expected: str, says: str = "") -> LineageError:
        """Make the error about one file; ``says`` names the file that claimed what was expected, if one did."""
        error = cls(f"{file}: found {found}, expected {expected}" + (f", as {says} says" if says else ""))
        error.file, error.found, error.expected = file, found, expected
        return error


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that a file has a certain hash; ``says`` names the file that makes it.

    ``file`` is a path, or, unless ``located``, only a name such as ``policy.json`` to search for.
    """

    file: Path
    sha256: str
    says: str
    hashed: Hashed = "bytes"
    located: bool = True
    settings: str = ""
    """Settings beside the file of a configuration, as JSON; see :mod:`townlet.config.settings`."""

    def hash(self) -> str:
        """Compute the file's actual hash. Raises InputError for no JSON object, and for a configuration that is not
        valid, or not with the settings."""
        if self.hashed == "content":
            from townlet.baselines.baseline import own_sha256

            content = read_json(self.file, "a JSON object that carries its own hash")
            digest, carried = own_sha256(content), content.get("sha256")
            return digest if carried == digest else f"{digest}, while it says {printable(str(carried)[:64])}"
        if self.hashed == "configuration":
            return self._scenario().digest
        if self.hashed == "rollout":
            from townlet.baselines.baseline import scenario_sha256

            return scenario_sha256(self._scenario())
        return file_sha256(self.file)

    def _scenario(self) -> Scenario:
        from townlet.config import load_scenario
        from townlet.config.settings import with_settings

        return with_settings(load_scenario(self.file), json.loads(self.settings or "{}"), self.says)

    def at(self, file: Path) -> Claim:
        """Return the same claim about the file that was found for it."""
        return replace(self, file=file, located=True)


@dataclass(frozen=True, slots=True)
class Artefact:
    """A set of files made together: the main file, all files of the set, and what they were made from.

    An artefact without ``made_from`` is a root; only a scenario may be one, and what was made in an environment that
    is not a town (``has_no_town``).
    """

    kind: str
    file: Path
    made_by: str
    files: tuple[Claim, ...] = ()
    made_from: tuple[Claim, ...] = ()
    own_sha256: str | None = None
    """The hash that the main file carries and is known by; None if it carries none."""
    is_baseline: bool = False
    rollouts: tuple[Claim, ...] = ()
    """Of a baseline: its recorded rollouts by manifest; those that are not located may be gone."""
    places: tuple[Path, ...] = ()
    """Folders in which they may lie, besides the baseline's own."""
    notes: tuple[str, ...] = ()
    """Sentences about what cannot be checked."""
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    """Settings that its scenario had beside the file."""
    weights: tuple[Claim, ...] = ()
    """Files that a behaviour made outside Townlet read; they are checked where they are found."""
    code: tuple[Claim, ...] = ()
    """Files of Python that made it; it is said whether they are still the same."""
    has_no_town: bool = False
    """Whether it was made in an environment of Gymnasium or PettingZoo, to which no hash leads."""


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
