"""Promotions in a lineage: which list of promotions names a baseline, and what that list claims about files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from townlet.baselines.baseline import read_baseline
from townlet.baselines.compare import Difference, differences
from townlet.baselines.promotion import BASELINES_FOLDER, LEDGER_NAME, Ledger
from townlet.baselines.review import BaselineReview, review_of_file
from townlet.config.validate import validated
from townlet.files.storage import read_json
from townlet.lineage.artefact import Artefact, Claim, LineageError
from townlet.lineage.kinds import register
from townlet.project import shipped_files


@register("promotions", lambda file: file.name == LEDGER_NAME)
def promotions(file: Path) -> Artefact:
    """Read a ledger: it names the baseline in force, which it is traced to, and all those that were replaced."""
    ledger = _read(file)
    claims = [_claim(file, ledger, index) for index in range(len(ledger.promotions))]
    in_force, replaced = claims[-1:], tuple(claim for claim in dict.fromkeys(claims) if claim != claims[-1])
    return Artefact("promotions", file, "townlet baselines promote", files=replaced, made_from=tuple(in_force))


def reviewed(file: Path, search: Sequence[Path]) -> tuple[BaselineReview, list[Claim]]:
    """The review of a baseline's file, and what the ledger that names it claims: its own file's and its parent's hash.

    The ledger lies beside the file, in a folder of ``search``, or among the promoted baselines of the current folder or
    that come with Townlet. If none names the baseline, the review says so, and nothing is claimed.

    Raises InputError for a damaged ledger or baseline, and LineageError for a ledger whose entries do not follow from
    each other.
    """
    review = review_of_file(file)
    scenario, digest = review.baseline.scenario, review.baseline.sha256
    for path in dict.fromkeys(_ledgers(file, scenario, search)):
        if not (path.is_file() and read_json(path, "a list of promotions").get("scenario") == scenario):
            continue
        ledger = _read(path)
        named = [index for index, entry in enumerate(ledger.promotions) if entry.baseline == digest]
        if named:
            claimed = range(max(named[-1] - 1, 0), named[-1] + 1)
            found = BaselineReview(review.file, review.baseline, ledger.promotions)
            return found, [_claim(path, ledger, index) for index in claimed]
    return review, []


def require_told(review: BaselineReview, claims: Sequence[Claim]) -> None:
    """Compare what a promotion says about the baseline that it replaced with the two files, whose hashes were checked.

    ``claims`` are those of :func:`reviewed`. Raises LineageError for the first metric whose mean is another one.
    """
    if review.promotion is None or review.promotion.parent is None:
        return
    told, found = review.promotion.differences, differences(read_baseline(claims[0].file), review.baseline)
    for name in dict.fromkeys([*told, *found]):
        if not _same_means(told.get(name), found.get(name)):
            mean, expected = _means(told.get(name)), f"{_means(found.get(name))}, as in the two baselines"
            raise LineageError.of(Path(claims[0].says), f"{name} {mean}", expected)


def _same_means(told: Difference | None, found: Difference | None) -> bool:
    if told is None or found is None:
        return False
    pairs = ((told.old, found.old), (told.new, found.new))
    return all(a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9)) for a, b in pairs)


def _means(difference: Difference | None) -> str:
    return "nothing" if difference is None else f"{difference.old} → {difference.new}"


def _ledgers(file: Path, scenario: str, search: Sequence[Path]) -> Iterator[Path]:
    yield file.with_name(LEDGER_NAME)
    for place in search:
        yield from sorted(place.rglob(LEDGER_NAME))
    for home in (Path.cwd(), shipped_files()):
        yield home / BASELINES_FOLDER / scenario / LEDGER_NAME


def _read(file: Path) -> Ledger:
    """A ledger. Raises InputError if it is none, and LineageError unless each entry replaced the one before it."""
    ledger = validated(read_json(file, "a list of promotions"), Ledger, file)
    before = None
    for index, entry in enumerate(ledger.promotions):
        if entry.parent != before:
            raise LineageError.of(file, f"{entry.parent} as the parent of promotion {index}", str(before))
        before = entry.baseline
    return ledger


def _claim(file: Path, ledger: Ledger, index: int) -> Claim:
    entry = ledger.promotions[index]
    return Claim(file.with_name(entry.file), entry.baseline, str(file), "content")
