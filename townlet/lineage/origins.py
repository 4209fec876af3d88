"""Files that a behaviour made outside Townlet was made from, as claims of the artefacts that name it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from townlet.config.validate import validated
from townlet.files.artefact_names import WEIGHTS_NAME
from townlet.lineage.artefact import Claim
from townlet.policies.origin import Origin


def origin_in(entry: dict[str, Any], path: Path) -> Origin | None:
    """The origin in a manifest's entry; None if there is none. Raises InputError for one that is damaged."""
    found = entry.get("origin")
    return None if found is None else validated(found if isinstance(found, dict) else {"origin": found}, Origin, path)


def weights_claimed(origin: Origin | None, says: Path) -> tuple[Claim, ...]:
    """The claims about the files that a behaviour read, and those of its members if it is mixed company."""
    return tuple(_weights(origin, str(says))) if origin else ()


def policies_claimed(policy_sha256: str | None, origin: Origin | None, says: Path) -> tuple[Claim, ...]:
    """The claims about the weights of the Townlet policies that acted, alone or in mixed company, each once."""
    members = origin.members.values() if origin else ()
    hashes = dict.fromkeys([policy_sha256, *(member.policy_sha256 for member in members)])
    return tuple(Claim(Path(WEIGHTS_NAME), digest, str(says), located=False) for digest in hashes if digest is not None)


def words_of(origin: Origin | None) -> str:
    """The words that named a behaviour, as a shell takes them; empty where none are known."""
    return shlex.quote(origin.given) if origin and origin.given else ""


def code_claimed(origin: Origin | None, says: Path) -> tuple[Claim, ...]:
    """The claim about the file of Python that made a behaviour; nothing for a module, which has no place of its own."""
    return tuple(_code(origin, str(says))) if origin else ()


def _weights(origin: Origin, says: str) -> Iterator[Claim]:
    yield from (Claim(Path(file), digest, says, located=False) for file, digest in origin.files.items())
    for member in origin.members.values():
        yield from _weights(member.origin, says) if member.origin else ()


def _code(origin: Origin, says: str) -> Iterator[Claim]:
    file = origin.given.rpartition(":")[0]
    if origin.code_sha256 is not None and file.endswith(".py"):
        yield Claim(Path(file), origin.code_sha256, says, located=False)
    for member in origin.members.values():
        yield from _code(member.origin, says) if member.origin else ()
