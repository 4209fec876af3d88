"""Walk from a file back to its scenario: every hash is checked, and the first wrong one ends the walk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import Path
from typing import Any

from townlet.config.find import scenarios_folder
from townlet.errors import InputError
from townlet.lineage.artefact import Artefact, Claim, Hashed, LineageError, file_sha256
from townlet.lineage.kinds import artefact_of
from townlet.lineage.record import artefact_on_record


@dataclass(frozen=True)
class Node:
    """An artefact whose files were all checked, and the nodes it was made from."""

    kind: str
    file: Path
    sha256: str
    """Of the main file."""
    made_by: str
    files: dict[Path, str]
    """All files that were checked, with their hashes."""
    made_from: list[Node] = field(default_factory=list)

    def everything(self) -> Iterator[Node]:
        """Yield this node and all its ancestors, each once, nearest first."""
        seen: dict[Path, Node] = {}
        waiting = [self]
        while waiting:
            node = waiting.pop(0)
            if node.file not in seen:
                seen[node.file] = node
                waiting.extend(node.made_from)
        yield from seen.values()

    def as_json(self) -> dict[str, Any]:
        """Return all artefacts as one flat JSON object, nearest first."""
        nodes = list(self.everything())
        return {
            "file": str(self.file),
            "scenarios": [str(node.file) for node in nodes if not node.made_from],
            "files_checked": sum(len(node.files) for node in nodes),
            "artefacts": [
                {
                    "kind": node.kind,
                    "file": str(node.file),
                    "sha256": node.sha256,
                    "made_by": node.made_by,
                    "files": {str(file): digest for file, digest in node.files.items()},
                    "made_from": [str(parent.file) for parent in node.made_from],
                }
                for node in nodes
            ],
        }


def trace(file: Path, search: Sequence[Path] = ()) -> Node:
    """Walk from an artefact's file back to its scenario.

    A parent known only by its hash is searched for in ``search``, near the file that names it, and among the scenarios
    of the current folder and Townlet's own.

    Raises InputError if ``file`` is missing or nothing says what it was made from. Raises LineageError for the first
    file on the way that is missing or has another hash; it names the file and both hashes.
    """
    start = Path(file).absolute()
    if not start.is_file():
        raise InputError.of(file, "", "no such file", "an artefact: a capture, policy, log, table, alerts or report")
    walk = _Walk(search)
    artefact = walk.artefact(start)
    if artefact is None:
        expected = "an artefact with a lineage.json beside it, a capture, a policy or a scenario"
        raise InputError.of(file, "", "a file without a record of its origin", expected)
    return walk.node(artefact, ())


class _Walk:
    def __init__(self, search: Sequence[Path]) -> None:
        self._search = [Path(folder).absolute() for folder in search]
        self._done: dict[Path, Node] = {}
        self._hashes: dict[tuple[Path, Hashed], str] = {}

    def artefact(self, file: Path) -> Artefact | None:
        """The artefact of a file, from its record and from its own files, which are read once they match the record."""
        recorded = artefact_on_record(file)
        if recorded is None:
            return artefact_of(file)
        for claim in recorded.files:
            self._check(claim)
        own = artefact_of(recorded.file) if recorded.kind != "scenario" else None
        if own is None:
            return recorded
        files, made_from = (*recorded.files, *own.files), (*recorded.made_from, *own.made_from)
        return replace(recorded, files=files, made_from=made_from)

    def node(self, artefact: Artefact, below: tuple[Path, ...]) -> Node:
        """The node of an artefact; its ancestors are checked first."""
        if artefact.file in below:
            raise LineageError.of(artefact.file, "itself among what it was made from", "older files")
        if artefact.file not in self._done:
            for claim in artefact.files:
                self._check(claim)
            parents = self._parents(artefact, (*below, artefact.file))
            if not parents and artefact.kind != "scenario":
                raise LineageError.of(artefact.file, "no parent", "the files that it was made from")
            hashes = {claim.file: claim.sha256 for claim in artefact.files}
            own = hashes.setdefault(artefact.file, file_sha256(artefact.file))
            self._done[artefact.file] = Node(artefact.kind, artefact.file, own, artefact.made_by, hashes, parents)
        return self._done[artefact.file]

    def _parents(self, artefact: Artefact, below: tuple[Path, ...]) -> list[Node]:
        own = {claim.file for claim in artefact.files}
        parents: dict[Path, Node] = {}
        for claim in artefact.made_from:
            found = claim if claim.located else self._locate(claim, artefact)
            self._check(found)
            if found.file in own:
                continue  # A policy, for example, lies beside a copy of its configuration with all options applied.
            above = self.artefact(found.file)
            if above is None:
                raise LineageError.of(found.file, "no record of its origin", "a record of what it was made from")
            node = self.node(above, below)
            parents[node.file] = node
        return list(parents.values())

    def _locate(self, claim: Claim, artefact: Artefact) -> Claim:
        """The claim about the first file of that name with the hash, or else about one with another hash."""
        found = [file for file in dict.fromkeys(self._candidates(claim, artefact)) if file.is_file()]
        right = next((file for file in found if self._holds(claim, file)), None)
        return claim.at(right or (found[0] if found else artefact.file.parent / claim.file))

    def _candidates(self, claim: Claim, artefact: Artefact) -> Iterator[Path]:
        name = claim.file.name
        for known in (*artefact.files, *artefact.made_from):
            if known.located and known.file.name == name:
                yield known.file
        folder = artefact.file.parent
        yield folder / name
        for place in self._search:
            yield from sorted(place.rglob(escape(name)))
        yield from sorted(folder.parent.glob(f"*/{escape(name)}"))
        if name.endswith(".yaml"):
            yield Path("configs", "scenarios", name).absolute()
            yield scenarios_folder() / name

    def _check(self, claim: Claim) -> None:
        """Raise LineageError unless the file of a claim exists and has the hash."""
        what = "SHA-256" if claim.hashed == "bytes" else "a configuration with SHA-256"
        if not claim.file.is_file():
            raise LineageError.of(claim.file, "no such file", f"{what} {claim.sha256}", claim.says)
        found = self._hash(claim)
        if found != claim.sha256:
            raise LineageError.of(claim.file, f"{what} {found}", claim.sha256, claim.says)

    def _holds(self, claim: Claim, file: Path) -> bool:
        try:
            return self._hash(claim.at(file)) == claim.sha256
        except InputError:
            return False

    def _hash(self, claim: Claim) -> str:
        """The hash of a claim's file, computed once per walk."""
        key = (claim.file, claim.hashed)
        if key not in self._hashes:
            self._hashes[key] = claim.hash()
        return self._hashes[key]
