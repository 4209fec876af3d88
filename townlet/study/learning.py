"""Study of learning: does a fresh policy learn from its own rollouts? All seeds' curves, and how far they rise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from townlet.config import load_scenario
from townlet.files.storage import pretty_json, write_atomically
from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, METRICS, REWARD
from townlet.study.progress import Progress
from townlet.telemetry import read_records
from townlet.telemetry.rates import completed_uses, conflict_intensity
from townlet.training import TrainingOptions, train
from townlet.view.style import PALETTE, Plot, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Number of rollouts at each end of a training whose means are compared.
ENDS = 3


@dataclass(frozen=True)
class LearningStudy:
    """Curves of S seeds over C rollouts. Only ``seconds`` depends on the clock."""

    scenario: str
    config_sha256: str
    seeds: list[int]
    reward: NDArray[np.float64]
    """float64 [S, C]: mean reward per agent-step in each rollout."""
    intensity: NDArray[np.float64]
    """float64 [S, C]: conflict intensity per 1,000 agent-steps in each rollout."""
    uses: NDArray[np.float64]
    """float64 [S, C]: completed uses of any object per 1,000 agent-steps."""
    agent_steps: int
    """Agent-steps simulated per seed."""
    seconds: list[float]

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        first, last = self.reward[:, :ENDS].mean(axis=1), self.reward[:, -ENDS:].mean(axis=1)
        return {
            "scenario": self.scenario,
            "config_sha256": self.config_sha256,
            "seeds": self.seeds,
            "agent_steps_per_seed": self.agent_steps,
            "reward_mean_first_rollouts": first.tolist(),
            "reward_mean_last_rollouts": last.tolist(),
            "reward_rise_mean": float((last - first).mean()),
            "reward_rise_smallest": float((last - first).min()),
            REWARD: self.reward.tolist(),
            CONFLICT_INTENSITY: self.intensity.tolist(),
            COMPLETED_USES: self.uses.tolist(),
            "seconds": self.seconds,
        }


def study_learning(
    scenario_path: Path, seeds: list[int], cycles: int | None, progress: Progress | None = None
) -> LearningStudy:
    """Train a fresh policy in rollout mode once per seed, with the scenario's own training options."""
    scenario = load_scenario(scenario_path)
    total = cycles or scenario.training.cycles
    curves: list[dict[int, tuple[float, float, float]]] = []
    steps, seconds = 0, []
    for index, seed in enumerate(seeds):
        with tempfile.TemporaryDirectory(prefix="townlet-study-") as folder:

            def advance(record: dict[str, Any], index: int = index) -> None:
                if progress:
                    done = index * total + int(record["cycle_id"])
                    progress(done, total * len(seeds), f"seed {seeds[index]}, reward {record['reward_mean']:.3f}")

            result = train(scenario, TrainingOptions(mode="rollout", output=folder, cycles=total, seed=seed), advance)
            records = read_records(result.log)
        # All epochs of a cycle learn from the same rollout, so the first record of a cycle describes its rollout.
        rollouts = {int(record["cycle_id"]): record for record in reversed(records)}
        steps = sum(int(record["transitions"]) for record in rollouts.values())
        seconds.append(round(result.seconds, 1))
        curves.append({cycle: _point(record) for cycle, record in rollouts.items()})
    # A seed lacks the cycles in which nobody was in town; seeds are compared over the cycles that all of them have.
    shared = sorted(set.intersection(*(set(curve) for curve in curves)))
    reward, intensity, uses = np.array([[curve[cycle] for cycle in shared] for curve in curves]).transpose(2, 0, 1)
    return LearningStudy(scenario.name, scenario.digest, seeds, reward, intensity, uses, steps, seconds)


def _point(record: dict[str, Any]) -> tuple[float, float, float]:
    return record["reward_mean"], conflict_intensity(record), completed_uses(record)


def write_learning_report(study: LearningStudy, folder: Path, command: str) -> Path:
    """Write ``<scenario>-learning.md``, ``.png`` and ``.json`` into a folder; returns the Markdown file."""
    stem = f"{study.scenario.replace('_', '-')}-learning"
    write_atomically(folder / f"{stem}.json", pretty_json(study.as_json()))
    curves = {REWARD: study.reward, CONFLICT_INTENSITY: study.intensity, COMPLETED_USES: study.uses}
    plots = [
        Plot(f"{METRICS[name].title} {METRICS[name].unit}", "one line per seed", _curves(values, study.seeds))
        for name, values in curves.items()
    ]
    write_atomically(folder / f"{stem}.png", png(plots, columns=3))
    return _write_markdown(study, folder, stem, command)


def _curves(values: NDArray[np.float64], seeds: list[int]) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        rollout = np.arange(1, values.shape[1] + 1)
        for index, seed in enumerate(seeds):
            axes.plot(rollout, values[index], color=PALETTE[index % len(PALETTE)], alpha=0.7, label=f"seed {seed}")
        axes.plot(rollout, values.mean(axis=0), color="black", linewidth=2.4, label="mean")
        axes.set_xlabel("rollout")
        axes.legend(fontsize=7)

    return draw


def _write_markdown(study: LearningStudy, folder: Path, stem: str, command: str) -> Path:
    first, last = study.reward[:, :ENDS].mean(axis=1), study.reward[:, -ENDS:].mean(axis=1)
    rise = last - first
    rows = "\n".join(
        f"| {seed} | {a:.3f} | {b:.3f} | {b - a:+.3f} | {ia:.1f} | {ib:.1f} | {ua:.1f} | {ub:.1f} | {s:.0f} |"
        for seed, a, b, ia, ib, ua, ub, s in zip(
            study.seeds,
            first,
            last,
            study.intensity[:, :ENDS].mean(axis=1),
            study.intensity[:, -ENDS:].mean(axis=1),
            study.uses[:, :ENDS].mean(axis=1),
            study.uses[:, -ENDS:].mean(axis=1),
            study.seconds,
            strict=True,
        )
    )
    verdict = "rises in every seed" if (rise > 0).all() else f"rises in {(rise > 0).sum()} of {len(rise)} seeds"
    text = f"""# Learning `{study.scenario}` from a fresh policy

The mean reward {verdict}: from {first.mean():.3f} to {last.mean():.3f} per agent-step on average
(smallest rise {rise.min():+.3f}), in {study.reward.shape[1]} rollouts, {study.agent_steps:,} simulated agent-steps per
seed.

![Curves of every seed]({stem}.png)

| seed | reward, first | reward, last | rise | conflict intensity, first | last | uses, first | last | seconds |
|---|---|---|---|---|---|---|---|---|
{rows}

First and last are means over {ENDS} rollouts. Conflict intensity and completed uses are per 1,000 agent-steps (a slot
whose person fainted has none until a newcomer comes). People who do not queue have no queue conflicts, so a rollout
without conflicts may just be an idle one: read the intensity together with the completed uses.

Measured by

```console
{command}
```

Configuration `{study.config_sha256[:16]}`; all figures are in [{stem}.json]({stem}.json). Seconds are by the clock of
the machine that ran it; everything else is reproducible.
"""
    path = folder / f"{stem}.md"
    write_atomically(path, text)
    return path
