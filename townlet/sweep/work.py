"""Work of one process of a sweep: the trainings of a trial, and their scores in unseen worlds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from townlet.behavior.choose import choose_behavior
from townlet.errors import InputError
from townlet.evaluation import measure
from townlet.files.artefact_names import CHECKPOINT_NAME, TRAINING_LOG_NAME
from townlet.host.torch_settings import repeatable
from townlet.metrics import COMPLETED_USES, CONFLICT_INTENSITY, REWARD
from townlet.sweep.options import STEPS
from townlet.sweep.tasks import Outcome, Task
from townlet.telemetry.rates import completed_uses, conflict_intensity
from townlet.training import TrainingDiverged, TrainingOptions, TrainingResult, train

#: Called with a step and the metric until then; returns whether the training is to be stopped.
Ask = Callable[[int, float], bool]

_IN_LOG: dict[str, Callable[[dict[str, Any]], float]] = {
    REWARD: lambda record: float(record["reward_mean"]),
    CONFLICT_INTENSITY: conflict_intensity,
    COMPLETED_USES: completed_uses,
}


class Stop(Exception):  # noqa: N818 (it is no error)
    """The end of a training that is not worth going on with."""


def work_on(task: Task, ask: Ask) -> Outcome:
    """Train and score all seeds of a task, from where an earlier process was killed.

    Refused settings, a divergence and a score that is no number make the task fail; other exceptions are raised.
    """
    scores: list[float] = []
    for index, seed in enumerate(task.seeds):
        folder = task.folder / f"seed-{seed}"
        watch = Watch(task.metric, task.scenario.training.cycles, ask) if task.reports and index == 0 else None
        try:
            policy = _trained(task, folder, seed, watch).policy
            with repeatable():
                acting = choose_behavior(task.town, None, policy)
                values = measure(acting.behavior, acting.scenario, worlds=task.worlds, seed=task.world_seed)
        except Stop as stop:
            return Outcome("pruned" if not stop.args else "failed", reason=", ".join(stop.args))
        except TrainingDiverged as error:
            found = f"epoch {error.epoch}: {error.term} is {error.value:.6g}"
            return Outcome("failed", tuple(scores), f"the training with seed {seed} diverged, {found}")
        except InputError as error:
            return Outcome("failed", tuple(scores), "; ".join(_words(task, str(error)).splitlines()))
        if task.metric not in values:
            return Outcome("failed", tuple(scores), f"this town has no {task.metric}")
        score = float(values[task.metric].mean())
        if not math.isfinite(score):
            return Outcome("failed", tuple(scores), f"{task.metric} is {score} with seed {seed}")
        scores.append(score)
    return Outcome("complete", tuple(scores))


class Watch:
    """Observer of a training, which reports the metric's mean over each part of it.

    Rollouts are fed in order, each once; so a resumed training, fed from its log first, makes the same reports.
    """

    def __init__(self, metric: str, cycles: int, ask: Ask) -> None:
        self._value, self._ask = _IN_LOG.get(metric), ask
        self._ends = [-(-cycles * step // STEPS) for step in range(1, STEPS + 1)]
        self._cycle, self._steps, self._part = 0, 0, list[float]()

    def feed(self, record: dict[str, Any]) -> None:
        """Take one epoch's telemetry. Raises Stop where the training is to end."""
        cycle = int(record["cycle_id"])
        if self._value is None or self._steps == STEPS or cycle <= self._cycle:
            return
        self._cycle = cycle
        value = self._value(record)
        if not math.isfinite(value):
            raise Stop(f"the metric is {value} in rollout {cycle}")
        self._part.append(value)
        # Rollouts in which nobody was in town have no record.
        if cycle < self._ends[self._steps]:
            return
        while self._steps < STEPS and self._ends[self._steps] <= cycle:
            self._steps += 1
        mean = math.fsum(self._part) / len(self._part)
        self._part = []
        # With the last step the training is over, and its score is what counts.
        if self._steps < STEPS and self._ask(self._steps, mean):
            raise Stop

    def feed_log(self, log: Path) -> None:
        """Take the epochs of a training that was killed; a last line that is not whole is left out."""
        if log.exists():
            for line in log.read_text(encoding="utf-8").splitlines(keepends=True):
                if line.endswith("\n"):
                    self.feed(json.loads(line))


def _trained(task: Task, folder: Path, seed: int, watch: Watch | None) -> TrainingResult:
    """A finished training in its folder, resumed if it can be, else begun anew."""
    options = TrainingOptions(mode="rollout", output=folder, seed=seed, resume=True)
    if watch is not None:
        watch.feed_log(folder / TRAINING_LOG_NAME)
    feed = None if watch is None else watch.feed
    try:
        return train(task.scenario, options, feed)
    except InputError:
        if not (folder / CHECKPOINT_NAME).exists():
            raise
    return train(task.scenario, replace(options, resume=False), feed)


def _words(task: Task, message: str) -> str:
    """A message without the place of the sweep, so that equal sweeps have equal files."""
    return message.replace(f"{task.folder}/", "").replace(str(task.folder), task.name)
