"""Analysis that the protocol prescribes: the outcome of every row, and the policy in the middle of its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from townlet.metrics import METRICS
from townlet.statistics.crossed import by_seed, crossed_interval, crossed_test, estimate, superiority
from townlet.statistics.intervals import Interval
from townlet.statistics.multiple_tests import holm
from townlet.study.unseen.arms import AWARE
from townlet.study.unseen.findings import Answer, Findings
from townlet.study.unseen.rows import AIMS, CLAIM, TABLE, Row

#: Family-wise error rate of the rows of the claim, and of the aims.
ALPHA = 0.05


@dataclass(frozen=True)
class Outcome:
    """A row and what was found."""

    row: Row
    towns: int
    """Towns that count; with none, the row cannot be answered."""
    ours: float
    """The row's statistic of the conflict-aware scores."""
    theirs: float
    """The same of the other arm's."""
    difference: Interval
    """The statistic of the paired differences, margin included, with its 95 % interval: above 0 where the row holds."""
    seeds: NDArray[np.float64]
    """float64 [S]: the same of each seed by itself."""
    share: float
    """Share of all pairs of a seed and a town that meet the row by themselves."""
    improvement: Interval
    """Probability that a conflict-aware policy is better in a random town, without any margin."""
    p_value: float
    adjusted: float
    """p-value after Holm's correction over the family."""

    @property
    def meeting(self) -> int:
        """Number of seeds that meet the row by themselves."""
        return int((self.seeds >= 0.0).sum())

    @property
    def by_every_seed(self) -> bool:
        """Whether every seed meets the row by itself."""
        return self.towns > 0 and self.meeting == len(self.seeds)

    @property
    def shown(self) -> bool:
        """Whether the row is shown for a new seed in a new town."""
        if self.row.test == "every seed":
            return self.by_every_seed
        return self.towns > 0 and self.adjusted < ALPHA

    @property
    def reached(self) -> bool:
        """Whether the row is shown, and every seed meets it."""
        return self.shown and self.by_every_seed


def outcomes_of(findings: Findings, rows: Sequence[Row] = CLAIM) -> list[Outcome]:
    """Outcomes of a family of rows, with Holm's correction over it."""
    first = [_outcome(row, findings.answers[row.question]) for row in rows]
    tested = [outcome for outcome in first if outcome.row.test == "crossed"]
    adjusted = dict(zip((o.row.name for o in tested), holm([o.p_value for o in tested]), strict=True))
    return [replace(outcome, adjusted=adjusted.get(outcome.row.name, outcome.p_value)) for outcome in first]


def aims_of(findings: Findings) -> list[Outcome]:
    """Outcomes of the aims beyond the claim, a family of their own."""
    return outcomes_of(findings, AIMS)


def claim_stands(outcomes: Sequence[Outcome]) -> bool:
    """Whether every row is reached."""
    return all(outcome.reached for outcome in outcomes)


def paired(row: Row, answer: Answer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Our scores and the other arm's, float64 [S, K] and [S, K] or [1, K], in the towns that count for a row.

    Those are the ones in which both have scores, and in which showers are scarce if the row says so. Arms that learn
    are paired by seed.
    """
    ours, theirs = answer.arms[AWARE.name][row.metric], answer.arms[row.other][row.metric]
    if len(theirs) > 1:
        shared = min(len(ours), len(theirs))
        ours, theirs = ours[:shared], theirs[:shared]
    counts = np.isfinite(ours).all(axis=0) & np.isfinite(theirs).all(axis=0)
    if row.only_scarce:
        counts &= answer.scarce()
    return ours[:, counts], theirs[:, counts]


def _outcome(row: Row, answer: Answer) -> Outcome:
    ours, theirs = paired(row, answer)
    towns = ours.shape[1]
    if towns == 0:
        nothing = Interval(np.nan, np.nan, np.nan)
        return Outcome(row, 0, np.nan, np.nan, nothing, np.full(len(ours), np.nan), np.nan, nothing, 1.0, 1.0)
    difference = row.difference(ours, theirs)
    sign = 1.0 if METRICS[row.metric].more_is_better else -1.0
    # What every seed must meet has no test.
    p_value = crossed_test(difference, row.statistic) if row.test == "crossed" else np.nan
    return Outcome(
        row=row,
        towns=towns,
        ours=estimate(ours, row.statistic),
        theirs=estimate(theirs, row.statistic),
        difference=crossed_interval(difference, row.statistic),
        seeds=by_seed(difference, row.statistic),
        share=float((difference >= 0.0).mean()),
        improvement=superiority(sign * ours, sign * theirs),
        p_value=p_value,
        adjusted=p_value,
    )


@dataclass(frozen=True)
class Choice:
    """The conflict-aware seed in the middle, by validation towns alone; its policy is the one to ship."""

    seed: int
    mean_ranks: dict[int, float]
    """By seed: the mean over the table's rows of its rank among the seeds, 1 for the best."""


def choose_seed(findings: Findings) -> Choice:
    """The seed in the middle by its mean rank over the rows of the table.

    In each row, seeds are ranked by their statistic in the validation towns, ties sharing their mean rank. If the
    number of seeds is even, it is the worse of the two in the middle. Seeds of equal mean rank are taken in order.
    """
    from scipy.stats import rankdata  # type: ignore[import-untyped]

    answer = findings.answers["choice"]
    numbers = list(findings.settings.seed_numbers(AWARE))
    ranks = []
    for row in TABLE:
        ours, theirs = paired(row, answer)
        if ours.shape[1]:
            ranks.append(rankdata(-by_seed(row.difference(ours, theirs), row.statistic)))
    means = np.mean(ranks, axis=0)
    order = sorted(range(len(numbers)), key=lambda index: (means[index], index))
    middle = numbers[order[len(numbers) // 2]]
    return Choice(middle, {seed: float(mean) for seed, mean in zip(numbers, means, strict=True)})
