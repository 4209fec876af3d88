"""Words of the report that follow from the numbers: which rows are reached, how close the others are."""

from __future__ import annotations

from collections.abc import Sequence

from townlet.metrics import METRICS
from townlet.study.rounded import number
from townlet.study.unseen.analysis import Choice, Outcome, claim_stands
from townlet.study.unseen.arms import LABELS
from townlet.study.unseen.rows import CONFLICT, FAINTS, NEEDS, TABLE
from townlet.study.unseen.settings import FULL, Settings


def verdict(outcome: Outcome) -> str:
    """What was found about one row, in a few words."""
    if outcome.towns == 0:
        return "not answered: no such town"
    if outcome.reached:
        return "reached"
    seeds = f"{outcome.meeting} of {len(outcome.seeds)} seeds"
    if outcome.shown:
        return f"not reached by every seed: {seeds} meet it"
    if outcome.by_every_seed:
        return f"not shown: every seed meets it, but {_doubt(outcome)}"
    return f"**not reached**: {seeds} meet it"


def _doubt(outcome: Outcome) -> str:
    return f"the corrected p-value is {outcome.adjusted:.2g}"


def closeness(outcome: Outcome) -> str:
    """Both values of a row, and their ratio where there is one."""
    if outcome.towns == 0:
        return ""
    ratio = f"; ratio {number(outcome.ours / outcome.theirs)}" if outcome.theirs > 0.0 else ""
    return f"{number(outcome.ours)} against {number(outcome.theirs)} ({LABELS[outcome.row.other]}{ratio})"


def headline(outcomes: Sequence[Outcome], aims: Sequence[Outcome]) -> str:
    """The first paragraph: whether the claim stands, the main figures, and every row that is not reached."""
    stands = claim_stands(outcomes)
    reached = [outcome for outcome in outcomes if outcome.reached]
    first = (
        f"**The claim {'stands' if stands else 'does not stand'}: {len(reached)} of its {len(outcomes)} rows are "
        f"reached**, that is, shown for new seeds in new towns and met by every seed."
    )
    figures = "; ".join(
        f"{METRICS[outcome.row.metric].heading}: {closeness(outcome)}"
        for outcome in outcomes
        if outcome.row in TABLE and outcome.row.metric in (NEEDS, CONFLICT, FAINTS)
    )
    missing = "".join(
        f"\n- *{outcome.row.says}* – {verdict(outcome)}{_how_close(outcome)}"
        for outcome in outcomes
        if not outcome.reached
    )
    beyond = [outcome.row.says for outcome in aims if outcome.reached]
    more = (
        f"Beyond the claim, these aims are reached: {'; '.join(beyond)}." if beyond else "No aim beyond it is reached."
    )
    rest = f"\n\nNot reached:\n{missing}" if missing else ""
    return f"{first} {figures[:1].upper()}{figures[1:]}. {more}{rest}"


def _how_close(outcome: Outcome) -> str:
    found = closeness(outcome)
    return f"; {found}" if found else ""


def version(settings: Settings) -> str:
    """A warning if this is not the study of the protocol."""
    if settings == FULL:
        return ""
    where = "" if settings.split == "test" else "in validation towns, so the test towns remain unseen, "
    return (
        f"*This is not the study of the protocol: it was made {where}with {settings.seeds} seeds and {settings.towns} "
        f"towns instead of {FULL.seeds} and {FULL.towns}, and trainings of {settings.training.world_ticks:,} "
        f"world-ticks instead of {FULL.training.world_ticks:,}. Its verdict is not that of the study.* "
    )


def choice_in_words(choice: Choice, settings: Settings) -> str:
    """Which policy is shipped, and by which rule."""
    order = sorted(choice.mean_ranks.items(), key=lambda item: item[1])
    ranks = ", ".join(f"{seed}: {rank:.3g}" for seed, rank in order)
    return (
        f"The policy of **seed {choice.seed}** is the one to ship. It is in the middle of the {settings.seeds} "
        f"conflict-aware seeds by its mean rank over the six rows of the table in {settings.choosing_towns} validation "
        f"towns (of an even number, the worse of the two in the middle); test towns have no say. Mean ranks by seed, "
        f"best first: {ranks}."
    )
