"""Walk from a file back to its scenario: every hash is checked, and the first wrong one ends the walk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from glob import escape
from pathlib import Path

from townlet.baselines.promotion import LEDGER_NAME
from townlet.baselines.review import BaselineReview
from townlet.config.find import scenarios_folder
from townlet.config.settings import setting_texts
from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME, WEIGHTS_NAME
from townlet.lineage.artefact import Artefact, Claim, Hashed, LineageError
from townlet.lineage.kinds import artefact_of
from townlet.lineage.node import Node
from townlet.lineage.promotions import require_told, reviewed
from townlet.lineage.record import artefact_on_record
from townlet.policies import policies_folder
from townlet.project import shipped_files

#: Digits of a hash in a sentence.
_SHORT = 12
#: What a message calls that which a claim's hash covers.
_COVERED: dict[Hashed, str] = {"bytes": "SHA-256", "content": "content with SHA-256"}
_WHO_AND_WHY = f"who promoted it and why stand in {LEDGER_NAME}, which has no hash: its history in git vouches for them"


def trace(file: Path, search: Sequence[Path] = ()) -> Node:
    """Walk from an artefact's file back to its scenario.

    A parent known only by its hash is searched for in ``search``, near the file that names it, among the scenarios of
    the current folder and Townlet's own, and among the policies that come with Townlet.

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
        self._hashes: dict[tuple[Path, Hashed, str], str] = {}
        #: By name, the files that were claimed and found so far.
        self._found: dict[str, list[Path]] = {}

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
        main = recorded.file
        return replace(
            own, kind=recorded.kind, file=main, made_by=recorded.made_by, files=files, made_from=made_from, notes=()
        )

    def node(self, artefact: Artefact, below: tuple[Path, ...]) -> Node:
        """The node of an artefact; its ancestors are checked first."""
        if artefact.file in below:
            raise LineageError.of(artefact.file, "itself among what it was made from", "older files")
        if artefact.file not in self._done:
            read, unread = self._behaviors_files(artefact)
            claims, notes, review = (
                [*artefact.files, *read],
                (*_with_settings(artefact), *artefact.notes, *unread),
                None,
            )
            for claim in artefact.files:
                self._check(claim)
            if artefact.is_baseline:
                review, promoted = self._review(artefact)
                recorded, said = self._rollouts(artefact)
                unhashed = (_WHO_AND_WHY,) if promoted else ()
                claims, notes = [*claims, *promoted, *recorded], (*notes, said, *unhashed)
            parents = self._parents(artefact, (*below, artefact.file))
            if not parents and artefact.kind != "scenario" and not artefact.has_no_town:
                raise LineageError.of(artefact.file, "no parent", "the files that it was made from")
            hashes = {file: self._bytes(file) for file in (*(claim.file for claim in claims), artefact.file)}
            own = artefact.own_sha256 or hashes[artefact.file]
            self._done[artefact.file] = Node(
                artefact.kind, artefact.file, own, artefact.made_by, hashes, parents, notes, review
            )
        return self._done[artefact.file]

    def _behaviors_files(self, artefact: Artefact) -> tuple[list[Claim], list[str]]:
        """The checked claims about files of a behaviour made outside Townlet, and sentences about the others.

        Raises LineageError if another file lies where the weights were: whatever the artefact says is not about it.
        """
        checked: list[Claim] = []
        notes: list[str] = []
        for claim in (*artefact.weights, *artefact.code):
            # A path that is not absolute was given in the folder in which the artefact was made.
            given = Path.cwd() / claim.file
            near = (given, artefact.file.with_name(claim.file.name), *self._in_search(claim.file.name))
            found = next((file for file in near if _is_file(file) and self._holds(claim, file)), None)
            if found is not None:
                checked.append(claim.at(found))
            elif not _is_file(given):
                notes.append(f"{claim.file} is not on disk here, so its hash was not checked")
            elif claim in artefact.weights:
                self._check(claim.at(given))
            else:
                notes.append(f"{claim.file} has changed since: its SHA-256 was {claim.sha256[:_SHORT]}…")
        return checked, notes

    def _review(self, artefact: Artefact) -> tuple[BaselineReview, list[Claim]]:
        """The review of a baseline, and the checked claims of the ledger that names it."""
        review, claims = reviewed(artefact.file, self._search)
        for claim in claims:
            self._check(claim)
        require_told(review, claims)
        return review, claims

    def _rollouts(self, artefact: Artefact) -> tuple[list[Claim], str]:
        """The checked claims about the rollouts on disk, each with its tables, and a sentence about how many are."""
        names = {claim.file.name for claim in artefact.rollouts if not claim.located}
        elsewhere = {self._bytes(file): file for name in names for file in self._rollouts_near(artefact, name)}
        checked: list[Claim] = []
        found = 0
        for claim in artefact.rollouts:
            if not claim.located and claim.sha256 not in elsewhere:
                continue
            manifest = claim if claim.located else claim.at(elsewhere[claim.sha256])
            self._check(manifest)
            capture = artefact_of(manifest.file)
            tables = capture.files if capture else ()
            for table in tables:
                self._check(table)
            checked += [manifest, *tables]
            found += 1
        return checked, _on_disk(len(artefact.rollouts), found)

    def _rollouts_near(self, artefact: Artefact, name: str) -> Iterator[Path]:
        """The files of a name in the folders to search and in the folder that a baseline was built into."""
        for place in (*self._search, *artefact.places):
            yield from (file for file in sorted(place.rglob(escape(name))) if file.is_file())

    def _parents(self, artefact: Artefact, below: tuple[Path, ...]) -> list[Node]:
        own = {claim.file for claim in artefact.files}
        parents: dict[Path, Node] = {}
        for claim in artefact.made_from:
            found = claim if claim.located else self._locate(claim, artefact)
            self._check(found)
            self._found.setdefault(found.file.name, []).append(found.file)
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
        found = [file for file in dict.fromkeys(self._candidates(claim, artefact)) if _is_file(file)]
        right = next((file for file in found if self._holds(claim, file)), None)
        return claim.at(right or (found[0] if found else artefact.file.parent / claim.file))

    def _candidates(self, claim: Claim, artefact: Artefact) -> Iterator[Path]:
        name = claim.file.name
        for known in (*artefact.files, *artefact.made_from):
            if known.located and known.file.name == name:
                yield known.file
        folder = artefact.file.parent
        for place in (folder, Path.cwd(), shipped_files()) if len(claim.file.parts) > 1 else ():
            yield place / claim.file
        yield folder / name
        yield from self._in_search(name)
        yield from sorted(folder.parent.glob(f"*/{escape(name)}"))
        if name in (CARD_NAME, WEIGHTS_NAME):
            yield from sorted(policies_folder().glob(f"*/{name}"))
        if name.endswith(".yaml"):
            yield Path("configs", "scenarios", name).absolute()
            yield scenarios_folder() / name
        yield from self._found.get(name, ())

    def _in_search(self, name: str) -> Iterator[Path]:
        for place in self._search:
            yield from sorted(place.rglob(escape(name)))

    def _check(self, claim: Claim) -> None:
        """Raise LineageError unless the file of a claim exists and has the hash."""
        what = _COVERED.get(claim.hashed, "a configuration with SHA-256")
        if not _is_file(claim.file):
            raise LineageError.of(claim.file, "no such file", f"{what} {claim.sha256}", claim.says)
        try:
            found = self._hash(claim)
        except InputError as error:
            if claim.hashed != "content":
                raise
            raise LineageError.of(claim.file, error.faults[0].found, f"{what} {claim.sha256}", claim.says) from None
        if found != claim.sha256:
            raise LineageError.of(claim.file, f"{what} {found}", claim.sha256, claim.says)

    def _holds(self, claim: Claim, file: Path) -> bool:
        try:
            return self._hash(claim.at(file)) == claim.sha256
        except InputError:
            return False

    def _hash(self, claim: Claim) -> str:
        """The hash of a claim's file, computed once per walk."""
        key = (claim.file, claim.hashed, claim.settings)
        if key not in self._hashes:
            self._hashes[key] = claim.hash()
        return self._hashes[key]

    def _bytes(self, file: Path) -> str:
        return self._hash(Claim(file, "", ""))


def _with_settings(artefact: Artefact) -> list[str]:
    """A sentence about the settings that an artefact's scenario had beside its file, if it had any."""
    texts = setting_texts(artefact.settings)
    return [f"with {', '.join(texts)} set beside the scenario's file"] if texts else []


def _is_file(file: Path) -> bool:
    """Whether a file exists; a name that is too long for the file system has none."""
    try:
        return file.is_file()
    except OSError:
        return False


def _on_disk(recorded: int, found: int) -> str:
    """How many of a baseline's recorded rollouts are on disk, as a sentence without its full stop."""
    if not recorded:
        return "no rollout was recorded; the figures can be measured again by its command"
    if found == recorded:
        return f"all {recorded} rollouts are on disk, with the manifests that it names"
    if not found:
        return f"none of its {recorded} rollouts is on disk here, so the hashes of their manifests were not checked"
    return f"{found} of its {recorded} rollouts are on disk; the hashes of the other manifests were not checked"
