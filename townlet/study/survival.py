"""Study of survival: does a behaviour keep everybody alive for several days, in a town per seed?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior, HeuristicBehavior, RandomBehavior
from townlet.config import Scenario, load_scenario
from townlet.errors import InputError, nearest_name
from townlet.files.storage import pretty_json, write_atomically
from townlet.metrics import METRICS, REWARD, per_1000_agent_steps
from townlet.rollout import aligned_zeros
from townlet.statistics.intervals import mean_and_margin, wilson_interval
from townlet.study.progress import Progress
from townlet.view.style import PALETTE, Plot, png
from townlet.world import CONFLICT_KINDS, COUNTERS, TALLY, Town

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Metrics of the registry that have no constant there.
_NEEDS, _CONFLICTS = "needs_mean_over_steps", "queue_conflict_events_per_1000"
BEHAVIORS: dict[str, Callable[[], Behavior]] = {"heuristic": HeuristicBehavior, "random": RandomBehavior}


@dataclass(frozen=True)
class SurvivalRun:
    """Events under one behaviour in S seeds of D days each."""

    behavior: str
    counter: NDArray[np.float64]
    """float64 [S, D, COUNTERS]: the town's counters of each day."""
    tally: NDArray[np.float64]
    """float64 [S, D, TALLY]: people's tallies of each day, summed over the people."""
    people: int

    def of(self, *names: str) -> NDArray[np.float64]:
        """float64 [S, D]: the sum of the counters and tallies of these names, day by day."""
        return sum(
            (
                self.counter[..., COUNTERS.index(name)] if name in COUNTERS else self.tally[..., TALLY.index(name)]
                for name in names
            ),
            np.zeros(self.counter.shape[:2]),
        )

    def per_tick(self, *names: str, scale: float = 1.0) -> tuple[float, float | None]:
        """Mean over seeds of ``scale`` times a sum per agent-step, and the half-width of its 95 % interval."""
        steps = np.maximum(self.of("alive_ticks").sum(axis=1), 1.0)
        return mean_and_margin(scale * self.of(*names).sum(axis=1) / steps)

    def per_1000(self, *names: str) -> tuple[float, float | None]:
        """Mean over seeds of a sum per 1,000 agent-steps, and the half-width of its 95 % interval."""
        sums = zip(self.of(*names).sum(axis=1), self.of("alive_ticks").sum(axis=1), strict=True)
        return mean_and_margin(np.array([per_1000_agent_steps(amount, steps) for amount, steps in sums]))


@dataclass(frozen=True)
class SurvivalStudy:
    """Runs of the compared behaviours in one scenario."""

    scenario: str
    config_sha256: str
    ticks_per_day: int
    days: int
    seeds: list[int]
    runs: list[SurvivalRun]

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "scenario": self.scenario,
            "config_sha256": self.config_sha256,
            "ticks_per_day": self.ticks_per_day,
            "days": self.days,
            "seeds": self.seeds,
            "behaviors": {run.behavior: summary_of(run, self.ticks_per_day) for run in self.runs},
        }


def summary_of(run: SurvivalRun, ticks_per_day: int) -> dict[str, Any]:
    """The figures of one behaviour. Means over seeds are ``[mean, half-width]``."""
    faints = run.of("faint").sum(axis=1)
    lived = run.of("alive_ticks").sum() / ticks_per_day
    lives = run.people * len(faints) + run.of("newcomer").sum()
    seeds_with = int((faints > 0).sum())
    shifts = run.of("on_time_arrival", "late_arrival", "absence").sum()
    return {
        "faints": int(faints.sum()),
        "faints_per_seed": [int(count) for count in faints],
        "seeds_with_a_faint": seeds_with,
        "seeds_with_a_faint_interval": list(wilson_interval(seeds_with, len(faints))),
        "evictions": int(run.of("eviction").sum()),
        "departures": int(run.of("departure").sum()),
        "person_days": float(lived),
        "lives": int(lives),
        "share_of_lives_that_fainted": float(faints.sum() / lives),
        REWARD: list(run.per_tick("reward")),
        _NEEDS: list(run.per_tick("needs_sum")),
        _CONFLICTS: list(run.per_1000(*CONFLICT_KINDS)),
        "waiting_percent": list(run.per_tick("waiting_ticks", scale=100.0)),
        "late_share_of_shifts": float(run.of("late_arrival").sum() / max(shifts, 1.0)),
        "absent_share_of_shifts": float(run.of("absence").sum() / max(shifts, 1.0)),
        "wages_per_person_day": float(run.of("wages_paid").sum() / max(lived, 1e-9)),
        "clipped_reward_share": run.per_tick("clipped_rewards")[0],
    }


def study_survival(
    scenario_path: Path,
    *,
    seeds: int,
    days: int,
    behaviors: Sequence[str] = ("heuristic", "random"),
    progress: Progress | None = None,
) -> SurvivalStudy:
    """Let each behaviour act for ``days`` days under seeds 0, 1, 2, …, in one independent world per seed.

    Raises InputError for an unknown behaviour.
    """
    for name in behaviors:
        if name not in BEHAVIORS:
            raise InputError.of("options", "--behavior", repr(name), nearest_name(name, tuple(BEHAVIORS)))
    original = load_scenario(scenario_path)
    scenario = original.model_copy(update={"ticks": days * original.ticks_per_day})
    runs = []
    for index, name in enumerate(behaviors):

        def advance(done: int, index: int = index, name: str = name) -> None:
            if progress:
                progress(index * seeds + done, len(behaviors) * seeds, name)

        runs.append(run_behavior(scenario, BEHAVIORS[name](), seeds, days, advance))
    return SurvivalStudy(original.name, original.digest, original.ticks_per_day, days, list(range(seeds)), runs)


def run_behavior(
    scenario: Scenario, behavior: Behavior, seeds: int, days: int, advance: Callable[[int], None]
) -> SurvivalRun:
    """Run one episode of all days per seed; ``advance`` is called with the number of seeds done."""
    town = Town(scenario, worlds=1, seed=0)
    people = len(town.people)
    action = aligned_zeros((1, people), np.int32)
    log_prob, value = aligned_zeros((1, people), np.float32), aligned_zeros((1, people), np.float32)
    counter = np.zeros((seeds, days, len(COUNTERS)))
    tally = np.zeros((seeds, days, len(TALLY)))
    for seed in range(seeds):
        town.reset(seed)
        for day in range(days):
            town.reset_tallies()
            for _ in range(scenario.ticks_per_day):
                behavior.act(town, action, log_prob, value)
                town.step(action)
            counter[seed, day] = town.state.counter[0]
            tally[seed, day] = town.state.tally[0].sum(axis=0)
        advance(seed + 1)
    return SurvivalRun(behavior.name, counter, tally, people)


def write_survival_report(study: SurvivalStudy, folder: Path, command: str, circumstances: str) -> Path:
    """Write ``<scenario>-survival.md``, ``.png`` and ``.json`` into a folder; returns the Markdown file."""
    stem = f"{study.scenario.replace('_', '-')}-survival"
    write_atomically(folder / f"{stem}.json", pretty_json(study.as_json()))
    persons = study.runs[0].people
    plots = [
        Plot(
            "Faints so far, per person",
            "by day",
            _curves(study, lambda run: run.of("faint").cumsum(axis=1) / persons, "faints"),
        ),
        Plot(
            "Mean level of needs",
            "by day",
            _curves(study, lambda run: run.of("needs_sum") / np.maximum(run.of("alive_ticks"), 1.0), "level"),
        ),
        Plot(
            "Reward per agent-step",
            "by day",
            _curves(study, lambda run: run.of("reward") / np.maximum(run.of("alive_ticks"), 1.0), "reward"),
        ),
    ]
    write_atomically(folder / f"{stem}.png", png(plots, columns=3))
    path = folder / f"{stem}.md"
    write_atomically(path, _markdown(study, stem, command, circumstances))
    return path


def _curves(
    study: SurvivalStudy, of: Callable[[SurvivalRun], NDArray[np.float64]], unit: str
) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        day = np.arange(1, study.days + 1)
        for index, run in enumerate(study.runs):
            values = of(run)
            axes.plot(day, values.mean(axis=0), color=PALETTE[index], marker=".", label=run.behavior)
            axes.fill_between(day, values.min(axis=0), values.max(axis=0), color=PALETTE[index], alpha=0.2)
        axes.set_xlabel("day")
        axes.set_ylabel(unit)
        axes.legend(fontsize=7)

    return draw


#: Rows of the table: label, and text from a behaviour's summary.
_ROWS: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("faints", lambda s: f"{s['faints']:,}"),
    ("seeds with a faint", lambda s: f"{s['seeds_with_a_faint']} of {len(s['faints_per_seed'])}"),
    (
        "probability that a seed has one, 95 % interval",
        lambda s: "{:.1f} % to {:.1f} %".format(*(100 * bound for bound in s["seeds_with_a_faint_interval"])),
    ),
    ("share of lives that ended in a faint", lambda s: f"{100 * s['share_of_lives_that_fainted']:.1f} %"),
    ("evictions, departures", lambda s: f"{s['evictions']:,}, {s['departures']:,}"),
    ("person-days lived", lambda s: f"{s['person_days']:,.0f}"),
    (METRICS[_NEEDS].heading, lambda s: _measured(s[_NEEDS], 3)),
    (METRICS[REWARD].heading, lambda s: _measured(s[REWARD], 4)),
    (METRICS[_CONFLICTS].heading, lambda s: _measured(s[_CONFLICTS], 3)),
    ("share of time spent in queues", lambda s: _measured(s["waiting_percent"], 2) + " %"),
    ("shifts begun late", lambda s: f"{100 * s['late_share_of_shifts']:.1f} %"),
    ("shifts missed", lambda s: f"{100 * s['absent_share_of_shifts']:.1f} %"),
    ("wages per person-day", lambda s: f"{s['wages_per_person_day']:.2f}"),
    ("clipped rewards", lambda s: f"{100 * s['clipped_reward_share']:.3f} %"),
)


def _measured(mean_and_half: tuple[float, float | None], digits: int) -> str:
    mean, half = mean_and_half
    return f"{mean:.{digits}f}" if half is None else f"{mean:.{digits}f} ± {half:.{digits}f}"


def _markdown(study: SurvivalStudy, stem: str, command: str, circumstances: str) -> str:
    summaries = {run.behavior: summary_of(run, study.ticks_per_day) for run in study.runs}
    rows = "\n".join(f"| {label} | {' | '.join(map(show, summaries.values()))} |" for label, show in _ROWS)
    verdict = "; ".join(
        f"with the {name} behaviour there were {one['faints']:,} faints in {one['person_days']:,.0f} person-days"
        for name, one in summaries.items()
    )
    return f"""# Who survives `{study.scenario}`

{verdict[0].upper()}{verdict[1:]}.

![Day by day; bands from the lowest to the highest seed]({stem}.png)

| | {" | ".join(summaries)} |
|---|{"---|" * len(summaries)}
{rows}

Each of {len(study.seeds)} seeds is one town of {study.runs[0].people} people over {study.days} days of
{study.ticks_per_day:,} ticks. Figures after ± are 1.96 standard errors of the mean over seeds. The interval of the
probability is Wilson's; a seed is one trial, because people in the same town are not independent. Newcomers
replace people who faint; their needs are those of the start. Shifts are those that somebody was due to begin.

Measured by

```console
{command}
```

{circumstances}. Configuration `{study.config_sha256[:16]}`; all figures, with the faints of every seed, are in
[{stem}.json]({stem}.json). The same code gives the same figures on any machine.
"""
