"""Data of the report as plain values: every row, every arm, every seed, every town."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from townlet.files.artefact_names import WEIGHTS_NAME
from townlet.files.storage import pretty_json
from townlet.lineage.artefact import file_sha256
from townlet.metrics import METRICS
from townlet.statistics.intervals import Interval
from townlet.study.unseen.analysis import Choice, Outcome, claim_stands
from townlet.study.unseen.arms import ARMS
from townlet.study.unseen.evaluating import UNSEEN_METRICS
from townlet.study.unseen.findings import Answer, Findings

#: Significant digits of scores in the file.
DIGITS = 6


def as_json(findings: Findings, outcomes: Sequence[Outcome], aims: Sequence[Outcome], choice: Choice) -> dict[str, Any]:
    """All findings. What was not measured is null; scores are ``[[town, …] of each seed]``."""
    settings = findings.settings
    return {
        "settings": settings.as_json(),
        "metrics": {
            name: {"unit": metric.unit, "meaning": metric.meaning, "more_is_better": metric.more_is_better}
            for name, metric in ((name, METRICS[name]) for name in UNSEEN_METRICS)
        },
        "claim_stands": claim_stands(outcomes),
        "rows": [_outcome(outcome) for outcome in outcomes],
        "aims": [_outcome(outcome) for outcome in aims],
        "shipped": {"seed": choice.seed, "mean_ranks": {str(seed): rank for seed, rank in choice.mean_ranks.items()}},
        "policies": {
            arm: {str(seed): {"sha256": file_sha256(folder / WEIGHTS_NAME)} for seed, folder in folders.items()}
            for arm, folders in findings.policies.items()
        },
        "seeds": {arm: list(settings.seed_numbers(ARMS[arm])) for arm in findings.answers["towns"].arms},
        "answers": {question: _answer(answer) for question, answer in findings.answers.items()},
    }


def as_text(content: dict[str, Any]) -> str:
    """The text of the file: indented, but the scores of one seed on one line."""
    lists = re.compile(r"\[([^\[\]{}\"]*)\]")
    return lists.sub(lambda found: f"[{', '.join(found[1].replace(',', ' ').split())}]", pretty_json(content))


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "towns": [asdict(town) for town in answer.towns],
        "arms": {
            arm: {
                metric: [[_plain(value) for value in row] for row in values.tolist()] for metric, values in own.items()
            }
            for arm, own in answer.arms.items()
        },
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    row = outcome.row
    return {
        "name": row.name,
        "says": row.says,
        "metric": row.metric,
        "question": row.question,
        "other": row.other,
        "towns": outcome.towns,
        "ours": _plain(outcome.ours),
        "theirs": _plain(outcome.theirs),
        "difference": _interval(outcome.difference),
        "seeds": [_plain(value) for value in outcome.seeds.tolist()],
        "share_of_seeds_and_towns": _plain(outcome.share),
        "probability_of_improvement": _interval(outcome.improvement),
        "p": _plain(outcome.p_value),
        "p_holm": _plain(outcome.adjusted),
        "met_by_every_seed": outcome.by_every_seed,
        "shown": outcome.shown,
        "reached": outcome.reached,
    }


def _interval(interval: Interval) -> list[float | None]:
    return [_plain(value) for value in interval]


def _plain(value: float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
