"""Report of the study: Markdown, one picture, and a JSON file with every seed and town."""

from __future__ import annotations

from pathlib import Path

from townlet.files.storage import write_atomically
from townlet.study.rounded import counted
from townlet.study.unseen.analysis import Choice, Outcome, aims_of, choose_seed, outcomes_of
from townlet.study.unseen.arms import AWARE, LABELS
from townlet.study.unseen.data import as_json, as_text
from townlet.study.unseen.findings import SCARCE, Answer, Findings
from townlet.study.unseen.plan import trainings
from townlet.study.unseen.plots import plots_of
from townlet.study.unseen.settings import Settings
from townlet.study.unseen.tables import arm_table, outcome_table, seed_table, town_table
from townlet.study.unseen.wording import choice_in_words, headline, version
from townlet.view.style import png

STEM = "unseen-towns"


def write_unseen_report(findings: Findings, folder: Path, command: str, circumstances: str) -> Path:
    """Write ``unseen-towns.md``, ``.png`` and ``.json`` into a folder; returns the Markdown file.

    Findings about validation towns are named ``unseen-towns-validation`` instead, so they never replace the study's.
    """
    stem = STEM if findings.settings.split == "test" else f"{STEM}-validation"
    outcomes, aims, choice = outcomes_of(findings), aims_of(findings), choose_seed(findings)
    write_atomically(folder / f"{stem}.json", as_text(as_json(findings, outcomes, aims, choice)))
    write_atomically(folder / f"{stem}.png", png(plots_of(findings)))
    path = folder / f"{stem}.md"
    text = _markdown(findings, outcomes, aims, choice, stem)
    write_atomically(path, f"{text}\n\n{_made(command, circumstances, stem)}\n")
    return path


def _markdown(findings: Findings, outcomes: list[Outcome], aims: list[Outcome], choice: Choice, stem: str) -> str:
    settings, answers = findings.settings, findings.answers
    large, worlds = counted(len(answers["large"].towns), "town"), counted(settings.large_worlds, "world")
    return f"""# A policy for towns nobody trained in

{headline(outcomes, aims)}

{version(settings)}Question, towns, arms, metrics, margins and tests were [written down before the
runs]({STEM}-protocol.md).

## Every row of the claim

{outcome_table(outcomes)}

{_tests(settings, len(outcomes))}

![Every town and every seed]({stem}.png)

## Aims beyond the claim

{outcome_table(aims)}

## Every arm

{arm_table(answers["towns"])}

{_scoring(settings, answers["towns"])}

## Mixed company

{arm_table(answers["company"])}

Of {settings.company_people} people in {counted(len(answers["company"].towns), "town")}, {settings.jumpers} push in
wherever they can. Only the others are scored; showers in use are everybody's.

## {settings.large_people} people

{arm_table(answers["large"])}

Towns of {settings.large_people} people, with about as much of everything per head:
{large} in {worlds} each. No policy was trained in a town of this size.

## Every seed

{seed_table(outcomes, findings)}

## Every town

{town_table(answers["towns"])}

## The policy to ship

{choice_in_words(choice, settings)}

{_method(settings)}"""


def _tests(settings: Settings, rows: int) -> str:
    return f"""Values are interquartile means over seeds and towns; of attendance and faints they are means, because the
middle half leaves rare failures out. Differences are paired by town, and include the row's margin. Their 95 %
intervals come from a bootstrap that draws {settings.seeds} seeds and all towns, each with replacement and
independently of each other (pigeonhole bootstrap; Owen 2007); so they are about a new seed in a new town. A row's
p-value is the larger of two: the share of the bootstrap's samples in which the row does not hold, and that of an exact
one-sided signed-rank test over the seeds, which with {settings.seeds} seeds is at least {0.5**settings.seeds:.2g}.
Holm's correction is over all {rows} rows. A row is *reached* if it is shown at 5 % and every seed meets it by itself.
The probability of improvement has no margin: a random seed in a random town against the other arm in the same town."""


def _scoring(settings: Settings, answer: Answer) -> str:
    scarce = int(answer.scarce().sum())
    towns, worlds = counted(len(answer.towns), "town"), counted(settings.worlds, "world")
    return f"""Interquartile mean with its 95 % interval over new seeds and towns; then the mean. Everybody is evaluated
in the same days of {towns}, in {worlds} each. In {scarce} of the towns showers are scarce: people need more than
{100 * SCARCE:.0f} % of the showers' time. Scores come from events, states and tallies, never from a reward. The
heuristic knows the whole town; policies know what they see."""


def _method(settings: Settings) -> str:
    policies = trainings(settings)
    arms = ", ".join(
        f"{LABELS[name]} {sum(policy.arm.name == name for policy in policies)}"
        for name in dict.fromkeys(policy.arm.name for policy in policies)
    )
    amounts = settings.training
    return f"""## How

{len(policies)} policies were trained ({arms}), each for {counted(amounts.cycles, "rollout")} of a day in
{counted(amounts.towns, "town")} with {counted(amounts.worlds, "world")} each, drawn from numbers that are for training
alone. In the first {counted(amounts.imitation, "rollout")} they imitate the heuristic, then they learn by PPO. A
finished training or evaluation is kept under a hash of what decides it, so a study that was killed goes on
where it was."""


def _made(command: str, circumstances: str, stem: str) -> str:
    return f"""Made by

```console
{command}
```

{circumstances}. All figures, those of every {LABELS[AWARE.name]} seed in every town included, are in
[{stem}.json]({stem}.json)."""
