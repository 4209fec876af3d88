"""Rows of the protocol: what conflict-aware policies must reach, with margins, and what they aim at beyond that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from townlet.statistics.crossed import Statistic, middle_mean, whole_mean
from townlet.study.unseen.places import Question

Values = NDArray[np.float64]
#: A difference of our scores and others', float64 [S, K] and [1, K] or [S, K]; above 0 where the row holds.
Difference = Callable[[Values, Values], Values]

NEEDS, CONFLICT, ATTENDANCE = "needs_mean_of_residents", "queue_conflict_intensity_per_100_uses", "attendance"
FAINTS, WAITING, USE = "faints_per_1000", "wait_p95", "utilisation"

#: Margins of non-inferiority, named in the protocol.
NEEDS_MARGIN, WAITING_MARGIN, WAITING_TICKS, FAINTS_MARGIN, USE_SHARE = 0.02, 0.02, 1.0, 0.01, 0.95
LEAST_ATTENDANCE, ATTENDANCE_AIM = 0.97, 0.99
#: Further allowance in towns of a size never trained on.
LARGE_MARGIN = 0.10


@dataclass(frozen=True)
class Row:
    """A statement about conflict-aware policies, tested on differences paired by town."""

    name: str
    says: str
    metric: str
    difference: Difference
    question: Question = "towns"
    other: str = "heuristic"
    """The arm that conflict-aware policies are compared with."""
    statistic: Statistic = middle_mean
    """The mean where failures are rare or bounded, since the middle half would leave them out."""
    only_scarce: bool = False
    """Whether only towns in which showers are scarce count."""
    is_aim: bool = False
    """Whether this is an aim beyond the claim."""
    test: Literal["crossed", "every seed"] = "crossed"
    """``every seed``: the row holds if every seed meets it; there is no sampling error to test for."""


def _table(question: Question, where: str = "", allowance: float = 0.0) -> tuple[Row, ...]:
    """The rows of one policy against the heuristic; ``allowance`` is a share by which every row may fall short."""
    more, less = 1.0 + allowance, 1.0 - allowance
    times = f"{more:.3g} times " if allowance else ""
    needs, attendance, use = less * (1.0 - NEEDS_MARGIN), less * LEAST_ATTENDANCE, less * USE_SHARE
    waiting = more * (1.0 + WAITING_MARGIN)
    rows = (
        Row("needs", f"needs at least {needs:.3g} of the heuristic's", NEEDS, lambda a, h: a - needs * h),
        Row(
            "conflict",
            f"conflict intensity per 100 completed uses not above {times}the heuristic's",
            CONFLICT,
            lambda a, h: more * h - a,
        ),
        Row(
            "attendance",
            f"attendance at least {attendance:.3g}",
            ATTENDANCE,
            lambda a, h: a - attendance,
            statistic=whole_mean,
        ),
        Row(
            "faints",
            f"faints per 1,000 agent-steps at most {FAINTS_MARGIN:g} above {times}the heuristic's",
            FAINTS,
            lambda a, h: more * h + FAINTS_MARGIN - a,
            statistic=whole_mean,
        ),
        Row(
            "waiting",
            f"95th percentile of queueing at most {waiting:.3g} times the heuristic's or {WAITING_TICKS:g} tick longer",
            WAITING,
            lambda a, h: np.maximum(waiting * h, h + WAITING_TICKS) - a,
        ),
        Row(
            "use",
            f"scarce showers in use at least {use:.3g} of the heuristic's time",
            USE,
            lambda a, h: a - use * h,
            only_scarce=True,
        ),
    )
    return tuple(replace(row, name=f"{row.name}{where}", says=f"{row.says}{where}", question=question) for row in rows)


#: The second column of the table, in test towns.
TABLE = _table("towns")
#: The same in towns of 200 people.
LARGE = _table("large", ", in large towns", LARGE_MARGIN)
COMPANY = Row(
    "needs in mixed company",
    f"needs beside queue-jumpers at least {1.0 - NEEDS_MARGIN:.3g} of the heuristic's in the same company",
    NEEDS,
    lambda a, h: a - (1.0 - NEEDS_MARGIN) * h,
    question="company",
)
AGAINST_BLIND = (
    Row(
        "halved",
        "at least 50 % less conflict intensity than conflict-blind policies",
        CONFLICT,
        lambda a, b: 0.5 * b - a,
        other="blind",
    ),
    Row(
        "needs kept",
        f"needs at least {1.0 - NEEDS_MARGIN:.3g} of conflict-blind policies'",
        NEEDS,
        lambda a, b: a - (1.0 - NEEDS_MARGIN) * b,
        other="blind",
    ),
    Row(
        "beyond the placebo",
        "less conflict intensity than with penalties that carry no information",
        CONFLICT,
        lambda a, p: p - a,
        other="placebo",
    ),
)
AIMS = tuple(
    replace(row, is_aim=True)
    for row in (
        Row("better needs", "needs above the heuristic's", NEEDS, lambda a, h: a - h),
        Row("half the conflict", "at most half of the heuristic's intensity", CONFLICT, lambda a, h: 0.5 * h - a),
        Row(
            "high attendance",
            f"attendance at least {ATTENDANCE_AIM}",
            ATTENDANCE,
            lambda a, h: a - ATTENDANCE_AIM,
            statistic=whole_mean,
        ),
        Row("no faints", "nobody faints", FAINTS, lambda a, h: -a, statistic=whole_mean, test="every seed"),
        Row("shorter waiting", "95th percentile of queueing shorter", WAITING, lambda a, h: h - a),
        Row(
            "as much use", "scarce showers in use as long as the heuristic's", USE, lambda a, h: a - h, only_scarce=True
        ),
    )
)
CLAIM = (*TABLE, *AGAINST_BLIND, COMPANY, *LARGE)
