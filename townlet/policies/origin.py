"""Origin of a behaviour that is made outside Townlet: the code and the files that decide what it does, by their hashes.

Captures, evaluations, baselines and soaks record it, since such a behaviour has no policy card that could be named.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

from townlet.config.base import Section
from townlet.files.storage import canonical_json, sha256

#: Digits of a hash in a sentence.
_SHORT = 12

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Member(Section):
    """One of several behaviours that act in the same town, and the people for whom it does."""

    people: Annotated[list[str], Field(min_length=1)]
    behavior: str
    """The behaviour's own name."""
    policy_sha256: Sha256 | None = None
    """Of the weights, if it is a Townlet policy."""
    origin: Origin | None = None
    """If it is made outside Townlet."""
    observations: dict[str, JsonValue] = {}
    """The observation options that it sees, if they are not those of the town."""

    @model_serializer(mode="wrap")
    def _without_what_is_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value}

    def sentence(self) -> str:
        """Who acts, and for whom, in words without a full stop."""
        weights = f", weights {self.policy_sha256[:_SHORT]}" if self.policy_sha256 else ""
        made = f", {self.origin.sentence()}" if self.origin else ""
        return f"{self.behavior}{weights}{made} for {', '.join(self.people)}"

    @property
    def acting(self) -> str | None:
        """The hash of the policy's weights, or of the origin of a behaviour made outside Townlet."""
        return self.policy_sha256 or (self.origin.sha256 if self.origin else None)

    @property
    def identity(self) -> list[Any]:
        """All that decides what the group does, as JSON values."""
        return [self.people, self.behavior, self.policy_sha256, self.origin.sha256 if self.origin else None]


class Origin(Section):
    """What a behaviour was made from, as far as Townlet can know it."""

    given: str = ""
    """The words that named it: ``package.module:factory``, ``FILE.py:factory`` or ``FILE.onnx``; empty for an object
    that was handed over in Python."""
    code_sha256: Sha256 | None = None
    """Of the file that defines the factory or the function; the modules that it imports are not covered. None for code
    without a file, such as that of a notebook."""
    files: dict[str, Sha256] = {}
    """SHA-256 of each file that it read, by its path as given."""
    members: dict[str, Member] = {}
    """Of mixed company: who acts for whom, by the group's name."""

    @model_serializer(mode="wrap")
    def _without_what_is_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value}

    @property
    def sha256(self) -> str:
        """SHA-256 of the hashes of the code, of the files in any place, and of the members.

        Equal hashes mean that equal code read equal files, wherever they lay. Files count in the order of their names,
        so that two that have changed places are others.
        """
        members = {name: member.identity for name, member in self.members.items()}
        content = {"code": self.code_sha256, "files": in_order_of_names(self.files), "members": members}
        return sha256(canonical_json(content).encode())

    def sentence(self) -> str:
        """The origin in words, without a full stop."""
        if self.members:
            return "; ".join(f"{name}: {member.sentence()}" for name, member in self.members.items())
        code = [f"code {self.code_sha256[:_SHORT]}"] if self.code_sha256 else []
        files = [f"{file} {digest[:_SHORT]}" for file, digest in self.files.items()]
        return f"{self.given or 'handed over in Python'} ({', '.join([*code, *files]) or 'no code with a file'})"


Member.model_rebuild()


def in_order_of_names(files: Mapping[str, str]) -> list[str]:
    """The hashes of files in the order of the files' names; of equal names, in that of the nearest folders'."""
    return [files[file] for file in sorted(files, key=lambda file: Path(file).parts[::-1])]


def origin_of(behavior: object) -> Origin | None:
    """The origin that a behaviour states in its attribute ``origin``; for any other, None."""
    found = getattr(behavior, "origin", None)
    return found if isinstance(found, Origin) else None
