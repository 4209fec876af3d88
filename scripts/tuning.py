"""Measurements behind the page on tuning: trainings with one change each, and the curves of some of them.

``python scripts/tuning.py --work tmp/tuning`` trains and evaluates every case with several seeds, one after the other,
and writes ``docs/results/tuning.json`` and ``docs/images/tuning-curves.png``. Trainings that are done in WORK are not
done again.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from townlet.config import Scenario
from townlet.config.find import scenario_of
from townlet.config.settings import with_settings
from townlet.evaluation import evaluate
from townlet.files.artefact_names import TRAINING_LOG_NAME
from townlet.files.storage import pretty_json, write_atomically
from townlet.metrics import ATTENDANCE, COMPLETED_USES, CONFLICT_PER_USE, NEEDS_OF_RESIDENTS, REWARD
from townlet.telemetry.reader import read_log
from townlet.training import TrainingOptions, train
from townlet.view.style import PALETTE, Plot, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Seeds of the trainings of a drill, and of those of a whole town.
SEEDS, SEEDS_OF_A_TOWN = (0, 1, 2), (0, 1)
WORLDS = 64
SCORES = (REWARD, CONFLICT_PER_USE, COMPLETED_USES, NEEDS_OF_RESIDENTS, ATTENDANCE)
#: Fields of telemetry of which the median over the epochs is kept.
MEDIANS = ("kl_divergence", "clip_fraction", "grad_norm")
#: Fields of which the mean over the first and over the last tenth of the epochs is kept.
ENDS = ("batch_entropy_mean", "loss_value", "adv_std", "reward_mean")


class Case(NamedTuple):
    """A training: the scenario, and what is set in it."""

    scenario: str
    settings: tuple[str, ...] = ()
    start: str | None = None
    """Policy whose weights the training begins with."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of its trainings."""
        return SEEDS_OF_A_TOWN if self.scenario == DAY else SEEDS

    @property
    def name(self) -> str:
        """A name for the case's folder."""
        return "_".join([self.scenario, *(each.replace("=", "_") for each in self.settings), *([self.start or ""])])

    def configured(self) -> Scenario:
        """The scenario with the settings."""
        return with_settings(scenario_of(self.scenario), self.settings)


DRILL, BREAKFAST, GRUDGE, DAY = "queue_conflict", "kitchen_breakfast", "rivalry_decay", "town_day"
SHORT = "cycles=60"
CASES = (
    Case(DRILL),
    Case(DRILL, ("ppo.learning_rate=0.1",)),
    Case(DRILL, ("ppo.learning_rate=0.00003",)),
    Case(DRILL, ("ppo.entropy_coef=0.3", "ppo.entropy_schedule=constant")),
    Case(DRILL, ("ppo.gamma=0.99",)),
    Case(DRILL, ("ppo.gamma=0.99", "ppo.value_coef=0.01")),
    Case(DRILL, ("training.worlds=4",)),
    Case(DRILL, ("epochs=1", "ppo.minibatch_size=15360")),
    Case(BREAKFAST),
    Case(BREAKFAST, ("imitation.rollouts=0",)),
    Case(GRUDGE),
    Case(GRUDGE, ("imitation.rollouts=0",)),
    Case(DAY, (SHORT,)),
    Case(DAY, (SHORT,), "generalist"),
)
#: Cases whose curves are drawn, by what the legend says; all with the first seed.
DRAWN = {
    "learning rate 0.003, the scenario's": CASES[0],
    "learning rate 0.1": CASES[1],
    "learning rate 0.00003": CASES[2],
    "entropy weight 0.3": CASES[3],
}

#: Fields of the figure by their titles.
PANELS = {
    "Mean reward": "reward_mean",
    "Entropy, nats": "batch_entropy_mean",
    "KL divergence, nats": "kl_divergence",
    "Value loss": "loss_value",
}


def records_of(log: Path) -> list[dict[str, Any]]:
    """The records of a training's log."""
    return [line.record for line in read_log(log).lines if line.record is not None]


def summary_of(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The curves of a training in a few numbers."""
    tenth = max(len(records) // 10, 1)
    summary = {name: {"median": statistics.median(float(r[name]) for r in records)} for name in MEDIANS}
    for name in ENDS:
        first, last = (statistics.fmean(float(r[name]) for r in part) for part in (records[:tenth], records[-tenth:]))
        summary[name] = {"first": first, "last": last}
    return summary


def measured(case: Case, seed: int, work: Path) -> dict[str, Any]:
    """The scores and curves of one training, from its file if it is done."""
    folder = work / case.name / f"seed-{seed}"
    result = folder / "result.json"
    if not result.exists():
        options = TrainingOptions(mode="rollout", output=folder, seed=seed, from_policy=case.start, resume=True)
        done = train(case.configured(), options)
        evaluation = evaluate(folder, scenario_of(case.scenario), worlds=WORLDS)
        means = {
            who: {name: means[name]["mean"] for name in SCORES if name in means}
            for who, means in evaluation["behaviors"].items()
        }
        curves = summary_of(records_of(done.log))
        write_atomically(result, pretty_json({"behaviors": means, "curves": curves, "agent_steps": done.steps}))
    content: dict[str, Any] = json.loads(result.read_text())
    return content


def row(result: Mapping[str, Any]) -> str:
    """A case as a row of the page's tables: settings, reward, conflict, and its curves in numbers.

    Rewards and conflict are means over seeds, with the lowest and the highest in brackets; the rest are means.
    """
    runs = result["runs"]

    def scored(metric: str, form: str) -> str:
        values = [run["behaviors"]["policy"][metric] for run in runs]
        return f"{statistics.fmean(values):{form}} [{min(values):{form}}, {max(values):{form}}]"

    def curve(name: str, part: str) -> str:
        return f"{statistics.fmean(run['curves'][name][part] for run in runs):.2g}"

    entropy, loss = ("→".join(curve(name, end) for end in ("first", "last")) for name in ENDS[:2])
    set_to = " ".join(f"`{each}`" for each in result["settings"]) or "the scenario's own"
    start = f" `--from {result['start']}`" if result["start"] else ""
    cells = (f"{set_to}{start}", scored(REWARD, ".3f"), scored(CONFLICT_PER_USE, ".1f"))
    return f"| {' | '.join([*cells, *(curve(name, 'median') for name in MEDIANS), entropy, loss])} |"


def draw(work: Path) -> bytes:
    """The curves of the drawn cases, as PNG."""

    def panel(title: str, field: str) -> Plot:
        def draw_lines(axes: Axes) -> None:
            for color, (label, case) in zip(PALETTE, DRAWN.items(), strict=False):
                records = records_of(work / case.name / f"seed-{SEEDS[0]}" / TRAINING_LOG_NAME)
                values = [float(record[field]) for record in records]
                axes.plot([record["epoch"] for record in records], values, color=color, linewidth=1.0, label=label)
            if field in ("kl_divergence", "loss_value"):
                axes.set_yscale("log")
            if field == "reward_mean":
                axes.legend()
            axes.set_xlabel("epoch")

        return Plot(title, title, draw_lines)

    return png([panel(title, field) for title, field in PANELS.items()])


def main(
    work: Annotated[Path, typer.Option(help="Folder of the trainings; those that are done are not done again.")],
    output: Annotated[Path, typer.Option(help="Folder of the documentation.")] = Path("docs"),
) -> None:
    """Train and evaluate every case, write the page's figures, and print the rows of its tables."""
    results: list[dict[str, Any]] = []
    for case in CASES:
        runs = []
        for seed in case.seeds:
            typer.echo(f"{case.name} seed {seed}", err=True)
            runs.append({"seed": seed, **measured(case, seed, work)})
        content = {"scenario": case.scenario, "settings": list(case.settings), "start": case.start, "runs": runs}
        results.append(content)
        typer.echo(row(content))
    write_atomically(output / "results" / "tuning.json", pretty_json(results))
    write_atomically(output / "images" / "tuning-curves.png", draw(work))


if __name__ == "__main__":
    typer.run(main)
