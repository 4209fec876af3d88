"""What lineage is told in: artefacts, what they say of their own files and of those they were made from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from townlet.errors import RunError

#: What a claim's hash is of: the bytes of a file, the complete configuration that a scenario file means, or the part of
#: it that decides what a rollout of a fixed behaviour shows.
Hashed = Literal["bytes", "configuration", "rollout"]


class LineageError(RunError):
    """A file on the way is missing or not the one it is said to be. The command line exits with 1."""

    file: Path | None = None
    found = expected = ""

    @classmethod
    def of(cls, file: Path, found: str, expected: str, says: str) -> LineageError:
        """The error of one file, and who ``says`` what was expected of it."""
        error = cls(f"{file}: found {found}, expected {expected}, as {says} says")
        error.file, error.found, error.expected = file, found, expected
        return error


@dataclass(frozen=True, slots=True)
class Claim:
    """That some file has a hash, as another file ``says``.

    ``file`` is a path, or, where only a hash is on record, a name such as ``policy.json`` to look for.
    """

    file: Path
    sha256: str
    says: str
    hashed: Hashed = "bytes"
    located: bool = True

    def hash(self) -> str:
        """The hash that the file has. Raises InputError for a configuration that is not valid."""
        if self.hashed == "configuration":
            from townlet.config import load_scenario

            return load_scenario(self.file).digest
        if self.hashed == "rollout":
            from townlet.baselines.baseline import scenario_sha256
            from townlet.config import load_scenario

            return scenario_sha256(load_scenario(self.file))
        return file_sha256(self.file)

    def at(self, file: Path) -> Claim:
        """The same claim about a file that was found for it."""
        return replace(self, file=file, located=True)


@dataclass(frozen=True, slots=True)
class Artefact:
    """Something that was made in one go: its main file, the files that belong to it, and what it was made from.

    An artefact without ``made_from`` is a root, which only a scenario may be.
    """

    kind: str
    file: Path
    made_by: str
    files: tuple[Claim, ...] = ()
    made_from: tuple[Claim, ...] = ()


def file_sha256(file: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
