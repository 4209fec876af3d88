"""Study of reference tasks: does the trainer reach the published scores of Gymnasium's environments?"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.wrappers import TransformReward
from numpy.typing import NDArray

from townlet.behavior.neural import NeuralBehavior
from townlet.config.training import NetworkConfig, PPOConfig, TrainingConfig
from townlet.files.storage import pretty_json, write_atomically
from townlet.host.torch_settings import repeatable
from townlet.study.progress import Progress
from townlet.training.gymnasium_loop import GymnasiumLoop, evaluate_policy
from townlet.training.harness import TrainingHarness
from townlet.view.style import PALETTE, Plot, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEM = "reference-tasks"
#: Added to a training's seed for its evaluation, so that the episodes differ from those trained on.
EVALUATION_OFFSET = 1_000_000


@dataclass(frozen=True)
class Task:
    """One environment: the score to reach, where it comes from, and the constants of its training."""

    threshold: float
    """Mean undiscounted return over the evaluation episodes."""
    source: str
    """Where the score comes from."""
    reward_scale: float
    """Factor on the rewards of training, so that the value function's targets are of order 1; scores are unscaled."""
    training: TrainingConfig


def _training(cycles: int, ticks: int, network: Sequence[int], **ppo: Any) -> TrainingConfig:
    constants = {"entropy_coef": 0.0, "minibatch_size": 512} | ppo
    return TrainingConfig(
        worlds=16,
        rollout_ticks=ticks,
        cycles=cycles,
        epochs=8,
        network=NetworkConfig(hidden=tuple(network)),
        ppo=PPOConfig.model_validate(constants),
    )


TASKS = {
    "CartPole-v1": Task(475.0, "Gymnasium's reward threshold", 0.05, _training(160, 64, (64, 64), minibatch_size=256)),
    "Acrobot-v1": Task(-100.0, "Gymnasium's reward threshold", 0.05, _training(60, 256, (64, 64))),
    # By value iteration over the environment's own table of transitions, the best policy scores 7.93.
    "Taxi-v4": Task(
        7.0,
        "the best possible, 7.93, less three standard errors of 100 episodes",
        0.05,
        _training(100, 128, (128,), gamma=0.98, entropy_coef=0.01),
    ),
}


def make_task(name: str, reward_scale: float = 1.0) -> gymnasium.Env[Any, Any]:
    """An environment by its Gymnasium name, with its rewards times ``reward_scale``."""
    with warnings.catch_warnings():
        # Gymnasium warns of newer versions of an environment and the like.
        warnings.simplefilter("ignore")
        env = gymnasium.make(name)
    return env if reward_scale == 1.0 else TransformReward(env, lambda reward: reward_scale * float(reward))


@dataclass(frozen=True)
class ReferenceRun:
    """One training of one task, and its evaluation."""

    seed: int
    curve: NDArray[np.float64]
    """float64 [cycles]: mean return of the episodes that ended in each rollout, NaN if none did."""
    sampled: NDArray[np.float64]
    """float64 [episodes]: returns with actions drawn from the policy."""
    greedy: NDArray[np.float64]
    """float64 [episodes]: returns with its most probable actions."""
    agent_steps: int
    seconds: float


@dataclass(frozen=True)
class ReferenceStudy:
    """Every run of every task."""

    episodes: int
    runs: dict[str, list[ReferenceRun]]

    def reached(self, name: str) -> int:
        """Number of seeds in which both the sampled and the greedy policy reach the score."""
        bar = TASKS[name].threshold
        return sum(bool(min(run.sampled.mean(), run.greedy.mean()) >= bar) for run in self.runs[name])

    def as_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "episodes": self.episodes,
            "tasks": {
                name: {
                    "threshold": TASKS[name].threshold,
                    "reward_scale": TASKS[name].reward_scale,
                    "training": TASKS[name].training.model_dump(mode="json"),
                    "seeds_that_reached_it": self.reached(name),
                    "runs": [
                        {
                            "seed": run.seed,
                            "agent_steps": run.agent_steps,
                            "sampled_mean": float(run.sampled.mean()),
                            "greedy_mean": float(run.greedy.mean()),
                            "sampled": run.sampled.tolist(),
                            "greedy": run.greedy.tolist(),
                            "curve": [None if np.isnan(point) else float(point) for point in run.curve],
                            "seconds": round(run.seconds, 1),
                        }
                        for run in runs
                    ],
                }
                for name, runs in self.runs.items()
            },
        }


def study_references(
    names: Sequence[str],
    *,
    seeds: int,
    episodes: int,
    progress: Progress | None = None,
) -> ReferenceStudy:
    """Train each task once per seed (0, 1, 2, …), then evaluate it in ``episodes`` whole, new episodes."""
    runs: dict[str, list[ReferenceRun]] = {}
    for index, name in enumerate(names):
        runs[name] = []
        for seed in range(seeds):

            def advance(share: float, done: int = index * seeds + seed, what: str = f"{name}, seed {seed}") -> None:
                if progress:
                    progress(round(100 * (done + share)), 100 * len(names) * seeds, what)

            runs[name].append(run_task(name, seed, episodes, advance))
    return ReferenceStudy(episodes, runs)


def run_task(name: str, seed: int, episodes: int, advance: Callable[[float], None]) -> ReferenceRun:
    """Train once by the harness, and evaluate; ``advance`` is called with the share of the training done."""
    with repeatable():
        return _run_task(name, seed, episodes, advance)


def _run_task(name: str, seed: int, episodes: int, advance: Callable[[float], None]) -> ReferenceRun:
    task, started = TASKS[name], time.perf_counter()
    config = task.training
    loop = GymnasiumLoop(lambda: make_task(name, task.reward_scale), worlds=config.worlds, seed=seed)
    with closing(loop.town):
        harness = TrainingHarness(loop, config, seed=seed)
        curve = np.full(config.cycles, np.nan)
        for cycle in range(config.cycles):
            harness.run_rollout(None, lambda fields: None)
            if loop.episode_returns:
                curve[cycle] = np.mean(loop.episode_returns) / task.reward_scale
            advance((cycle + 1) / config.cycles)
    sampled, greedy = (
        np.array(
            evaluate_policy(
                lambda: make_task(name),
                NeuralBehavior(harness.network, greedy=likeliest),
                episodes=episodes,
                seed=EVALUATION_OFFSET + seed,
            )
        )
        for likeliest in (False, True)
    )
    steps = config.cycles * config.worlds * config.rollout_ticks
    return ReferenceRun(seed, curve, sampled, greedy, steps, time.perf_counter() - started)


def write_references_report(study: ReferenceStudy, folder: Path, command: str, circumstances: str) -> Path:
    """Write ``reference-tasks.md``, ``.png`` and ``.json`` into a folder; returns the Markdown file."""
    write_atomically(folder / f"{STEM}.json", pretty_json(study.as_json()))
    plots = [
        Plot(f"{name}: return", "rollout by rollout, one line per seed", _curves(study, name)) for name in study.runs
    ]
    write_atomically(folder / f"{STEM}.png", png(plots, columns=len(plots)))
    path = folder / f"{STEM}.md"
    write_atomically(path, _markdown(study, command, circumstances))
    return path


def _curves(study: ReferenceStudy, name: str) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for index, run in enumerate(study.runs[name]):
            steps = np.arange(1, len(run.curve) + 1) * run.agent_steps / len(run.curve) / 1000.0
            ended = ~np.isnan(run.curve)
            axes.plot(steps[ended], run.curve[ended], color=PALETTE[index % len(PALETTE)], label=f"seed {run.seed}")
        axes.axhline(TASKS[name].threshold, color="black", linestyle="--", linewidth=1.0, label="to reach")
        axes.set_xlabel("thousand agent-steps")
        axes.set_ylabel("mean return")
        axes.legend(fontsize=7)

    return draw


def _markdown(study: ReferenceStudy, command: str, circumstances: str) -> str:
    verdicts = "\n".join(
        f"- **{name}**: at least {TASKS[name].threshold:g} ({TASKS[name].source}) in {study.reached(name)} of "
        f"{len(runs)} seeds after {runs[0].agent_steps:,} agent-steps"
        for name, runs in study.runs.items()
    )
    rows = "\n".join(
        f"| {name} | {run.seed} | {run.sampled.mean():.1f} | {run.sampled.min():.0f} | {run.greedy.mean():.1f} | "
        f"{run.greedy.min():.0f} | {run.seconds:.0f} |"
        for name, runs in study.runs.items()
        for run in runs
    )
    return f"""# The trainer on Gymnasium's tasks

The harness, batches, losses and optimizer that train towns, on environments that others wrote:

{verdicts}

![Curves of every seed]({STEM}.png)

| task | seed | sampled, mean | worst | greedy, mean | worst | seconds |
|---|---|---|---|---|---|---|
{rows}

Figures are undiscounted returns of {study.episodes} episodes per seed, from starts that training never saw. *Sampled*
draws actions from the policy, as training does; *greedy* takes the most probable one. A seed counts if both means reach
the score. Every environment plays exactly one episode, so that short ones are not counted more often. Taxi gives the
legal actions in `info["action_mask"]`.

Nothing is normalised, but rewards are scaled by a constant for training (it is in the JSON file, with all other
constants). An episode cut by its time limit bootstraps from its own final observation. The constants were chosen by
hand on some of these seeds, so the scores show that the trainer is correct, not that it is robust: with a step size of
0.003 instead of 0.001, Taxi was solved in all seeds and lost again in the last rollouts of one.

Measured by

```console
{command}
```

{circumstances}. All figures are in [{STEM}.json]({STEM}.json).
"""
