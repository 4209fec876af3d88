"""Report of the study: Markdown, one picture, and a JSON file with every seed's scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from townlet.files.storage import pretty_json, write_atomically
from townlet.metrics import METRICS
from townlet.statistics.bootstrap import iqm_interval
from townlet.study.conflict.analysis import (
    ATTEMPT,
    CLAIM,
    CONFLICT,
    FURTHER,
    NEEDS,
    USE,
    Outcome,
    as_json,
    claim_stands,
    further_outcomes_of,
    held_out_together,
    intervals_apart,
    outcomes_of,
    reduction,
)
from townlet.study.conflict.arms import ARMS, AWARE, CONTINUED
from townlet.study.conflict.evaluate import STUDY_METRICS
from townlet.study.conflict.plan import HELD_OUT_ARMS, Findings, Scores, trainings
from townlet.study.conflict.plots import plots_of
from townlet.study.conflict.settings import FULL, Settings
from townlet.study.conflict.town import StudyTown
from townlet.study.rounded import chance, number, shown
from townlet.text.markdown import table
from townlet.view.style import png

STEM = "conflict-aware"
_LABELS = {arm.name: arm.label for arm in (*ARMS, CONTINUED)}


def write_conflict_report(findings: Findings, folder: Path, command: str, circumstances: str) -> Path:
    """Write ``conflict-aware.md``, ``.png`` and ``.json`` into a folder; returns the Markdown file."""
    outcomes = outcomes_of(findings.arms)
    write_atomically(folder / f"{STEM}.json", pretty_json(as_json(findings, outcomes)))
    write_atomically(folder / f"{STEM}.png", png(plots_of(findings)))
    path = folder / f"{STEM}.md"
    write_atomically(path, _markdown(findings, outcomes, command, circumstances))
    return path


def _markdown(findings: Findings, outcomes: list[Outcome], command: str, circumstances: str) -> str:
    settings = findings.settings
    return f"""# Does conflict-aware training reduce conflict?

{_verdict(findings, outcomes)}

{_version(settings)}Claim, metrics, margins and analysis were [written down before the runs]({STEM}-protocol.md).

## Hypotheses

{_hypotheses(outcomes)}

Scores are interquartile means over {settings.seeds} seeds. p-values come from one-sided Wilcoxon signed-rank tests on
pairs of equal seeds, with Holm's correction over all {len(outcomes)}; with {settings.seeds} seeds, none can be smaller
than {0.5**settings.seeds:.2g}. The 95 % intervals of the intensity of aware and blind
{"do not overlap" if intervals_apart(findings.arms) else "**overlap**"}.

![Scores of every arm and seed]({STEM}.png)

## Every arm, in the training town

{_arm_table(findings.arms)}

{_scoring(settings)}

{_further(findings)}

## Dose: how scarce the shower is

{_dose_table(findings)}

Policies are trained at each demand; a wash takes {", ".join(_washes(settings.demands))} ticks.

## Penalty: conflict against needs

{_penalty_table(findings)}

{_generalization(findings)}

## Every seed

{_seed_table(findings.arms, settings.seed_numbers())}

## How

{_method(settings)} Measured by

```console
{command}
```

{circumstances}. All figures, every seed's included, are in [{STEM}.json]({STEM}.json); the same code gives the same
figures again, whatever the number of processes.
"""


def _generalization(findings: Findings) -> str:
    return f"""\
## Held out: towns in which nobody was trained

{_place_table(findings.held_out)}

Over all of these towns: {_together(findings)}.

## Mixed populations

{_place_table(findings.mixed)}

Scores are those of the focal people, who follow the arm. The background people are two of the eight, or four with a
policy of another seed."""


def _scoring(settings: Settings) -> str:
    return f"""\
Scores are interquartile means over {settings.seeds} seeds with bootstrap 95 % intervals. Each policy is evaluated in
{settings.evaluation_worlds} worlds of one day. All arms of a seed meet the same worlds, and no training used any of
them. Scores come from events, state and tallies, never from a reward."""


def _method(settings: Settings) -> str:
    home = StudyTown()
    per_cycle = settings.worlds * settings.rollout_ticks * home.people
    return f"""\
The town is `town_day` with its rules, tick by tick, on a map of 32×32 tiles, with two homes of four people instead of
four homes of two, and {home.showers} shower for {home.people} people. A wash takes {home.wash_ticks} ticks, so that
together they need {100 * home.load:.0f} % of the shower's time. {trainings(settings)} policies were trained, each on at
most {settings.cycles * per_cycle:,} agent-steps, from a clone of the first-come-first-served script. Policies whose
training was [continued](#beyond-the-heuristic) took {settings.further_cycles * per_cycle:,} more."""


def _version(settings: Settings) -> str:
    if settings == FULL:
        return ""
    if replace(settings, curve_seeds=FULL.curve_seeds) == FULL:
        seeds = f"{settings.curve_seeds} seed{'s' * (settings.curve_seeds > 1)} instead of {FULL.curve_seeds}"
        return f"*Everything is as the protocol says, except that the curves of dose and penalty have {seeds}.* "
    amounts, whole = (f"{version.seeds} seeds of {version.cycles} rollouts" for version in (settings, FULL))
    return f"*A reduced version: {amounts}, where the protocol has {whole}. Its verdict is not that of the study.* "


def _verdict(findings: Findings, outcomes: list[Outcome]) -> str:
    stands = claim_stands(outcomes, intervals_apart(findings.arms))
    aware, blind = (findings.arms[arm] for arm in ("aware", "blind"))
    figures = (
        f"Conflict-aware policies cause {100 * reduction(findings.arms):.4g} % less conflict intensity than "
        f"conflict-blind ones ({shown(iqm_interval(aware[CONFLICT]))} against {shown(iqm_interval(blind[CONFLICT]))} "
        f"per 1,000 agent-steps) at needs of {shown(iqm_interval(aware[NEEDS]))} against "
        f"{shown(iqm_interval(blind[NEEDS]))}, with the shower in use for {shown(iqm_interval(aware[USE]))} of the "
        f"time against {shown(iqm_interval(blind[USE]))}"
    )
    failed = [f"*{outcome.hypothesis.says}*" for outcome in outcomes if not outcome.holds]
    missing = f" Not shown: {'; '.join(failed)}." if failed else ""
    beyond = all(outcome.holds for outcome in further_outcomes_of(findings.further))
    further = (
        f" After further training with {CONTINUED.penalty / AWARE.penalty:g} times the penalty, which those who tie "
        f"share, conflict-aware policies are {'' if beyond else '**not** '}shown to be "
        f"[better than the heuristic in both needs and conflict](#beyond-the-heuristic)."
    )
    return f"**The claim {'stands' if stands else 'does not stand'}.** {figures}.{missing}{further}"


def _hypotheses(outcomes: list[Outcome]) -> str:
    rows = [
        [
            outcome.hypothesis.says + (" (claim)" if outcome.hypothesis.name in CLAIM else " (aim)"),
            number(outcome.aware),
            number(outcome.other),
            f"{outcome.p_value:.2g}",
            f"{outcome.adjusted:.2g}",
            chance(outcome.improvement),
            "yes" if outcome.holds else "**no**",
        ]
        for outcome in outcomes
    ]
    return table(["conflict-aware has …", "aware", "other", "p", "p, Holm", "P(improvement)", "holds"], rows)


def _further(findings: Findings) -> str:
    settings = findings.settings.further()
    chosen, tied = (
        [shown(iqm_interval(findings.arms[arm][metric])) for arm in ("aware", "heuristic")]
        for metric in ("chosen_intensity_per_1000", "tied_intensity_per_1000")
    )
    return f"""## Beyond the heuristic

Ghost steps, push-ins and overstays are somebody's choice. That two people ask for an object in the same tick is a
coincidence, and a lot decides which of them causes the conflict. In the table above, conflict-aware people cause an
intensity of {chosen[0]} per 1,000
agent-steps by choice and {tied[0]} by coincidence; heuristic people cause {chosen[1]} and {tied[1]}. Penalties that
come so rarely, and by lot, teach little. Therefore the training of each seed's conflict-aware policy was continued for
{settings.further_cycles} rollouts with a penalty of ×{CONTINUED.penalty:,.0f}. When two people tie, each pays half of
it. These policies and the heuristic were evaluated in {settings.evaluation_worlds} worlds:

{_hypotheses(further_outcomes_of(findings.further))}

Holm's correction is over these {len(FURTHER)}; p-values are also multiplied by {ATTEMPT}, because this is attempt
{ATTEMPT}. All of this was [added to the protocol]({STEM}-protocol.md#beyond-the-heuristic) after the results above were
known and before these policies were trained.

Part of the difference comes from fewer uses: per use the difference is smaller. Intensity per 100 completed uses is
lower than the heuristic's in {_lower_per_use(findings)} of {settings.seeds} seeds.

{_arm_table(findings.further)}

{_seed_table(findings.further, settings.seed_numbers())}"""


def _lower_per_use(findings: Findings) -> int:
    """Number of seeds in which the continued arm causes less intensity per use than the heuristic."""
    mine, other = (findings.further[arm]["queue_conflict_intensity_per_100_uses"] for arm in ("continued", "heuristic"))
    return int((mine < other).sum())


def _arm_table(arms: dict[str, Scores]) -> str:
    rows = [
        [
            f"{metric.heading}{' ↑' if metric.more_is_better else ' ↓'}",
            *(shown(iqm_interval(scores[metric.name])) for scores in arms.values()),
        ]
        for metric in map(METRICS.__getitem__, STUDY_METRICS)
    ]
    return table(["", *(_LABELS[arm] for arm in arms)], rows)


def _dose_table(findings: Findings) -> str:
    rows = []
    for demand, arms in findings.doses.items():
        for metric in (CONFLICT, NEEDS, USE):
            cells = [shown(iqm_interval(scores[metric])) for scores in arms.values()]
            rows.append([f"{100 * demand:.0f} %", METRICS[metric].heading, *cells])
        rows[-3].append(f"{100 * reduction(arms):.4g} %")
        rows[-2].append("")
        rows[-1].append("")
    return table(["demand", "", *(_LABELS[arm] for arm in arms), "reduction"], rows)


def _penalty_table(findings: Findings) -> str:
    points = {0.0: findings.arms["sees"]} | findings.penalties
    rows = [
        [
            f"{penalty:g}",
            *(shown(iqm_interval(scores[metric])) for metric in (CONFLICT, NEEDS, USE, "attendance")),
        ]
        for penalty, scores in points.items()
    ]
    names = [METRICS[metric].heading for metric in (CONFLICT, NEEDS, USE, "attendance")]
    return table(["factor of the penalty for causing conflict", *names], rows)


def _place_table(places: dict[str, dict[str, Scores]]) -> str:
    rows = [
        [place, METRICS[metric].heading, *(shown(iqm_interval(scores[metric])) for scores in arms.values())]
        for place, arms in places.items()
        for metric in (CONFLICT, NEEDS, USE)
    ]
    return table(["", "", *(_LABELS[arm] for arm in next(iter(places.values())))], rows)


def _together(findings: Findings) -> str:
    return "; ".join(
        f"{arm.label} {shown(iqm_interval(held_out_together(findings, arm.name, CONFLICT)))} intensity at needs of "
        f"{shown(iqm_interval(held_out_together(findings, arm.name, NEEDS)))}"
        for arm in HELD_OUT_ARMS
    )


def _seed_table(arms: dict[str, Scores], seeds: Sequence[int]) -> str:
    def cells(row: int) -> Iterable[str]:
        for scores in arms.values():
            yield " · ".join(number(float(scores[metric][row])) for metric in (CONFLICT, NEEDS, USE))

    rows = [[str(seed), *cells(row)] for row, seed in enumerate(seeds)]
    legend = "Intensity per 1,000 agent-steps · needs · share of time in which the shower is in use."
    return f"{table(['seed', *(_LABELS[arm] for arm in arms)], rows)}\n\n{legend}"


def _washes(demands: tuple[float, ...]) -> list[str]:
    return [str(StudyTown(demand=demand).wash_ticks) for demand in demands]
