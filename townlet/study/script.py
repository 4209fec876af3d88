"""Study of policies beside scripts: does the training that a scenario describes beat the script it learns from?"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from townlet.capture import capture_rollout
from townlet.config import Scenario, load_scenario
from townlet.errors import InputError
from townlet.evaluation import WORLDS, evaluate
from townlet.files.storage import pretty_json, write_atomically
from townlet.statistics.intervals import student_interval
from townlet.study.progress import Progress
from townlet.telemetry import read_records
from townlet.telemetry.epoch_alerts import alerts_for
from townlet.text.markdown import table
from townlet.training import TrainingOptions, train
from townlet.view.policy_verdict import Figures, policy_verdict

#: Name of the report and its data, without the ending.
STEM = "policy-and-script"


@dataclass(frozen=True)
class TrainedSeed:
    """A policy of one seed and its script, in the same worlds. Only ``seconds`` depends on the machine."""

    scenario: str
    config_sha256: str
    gamma: float
    is_own_gamma: bool
    """Whether ``gamma`` is what the scenario says."""
    seed: int
    script: Figures
    policy: Figures
    greedy: Figures
    """The policy that takes its most probable action, instead of drawing one as in training."""
    alerts: int
    """Alerts during the training, by the scenario's thresholds."""
    seconds: float
    """Processor time of the training."""

    @property
    def uses_share(self) -> float:
        """The policy's completed uses per agent-step as a share of the script's."""
        return self.policy.uses / self.script.uses


def study_script(
    scenario_paths: Sequence[Path], seeds: int, gammas: Sequence[float] = (), progress: Progress | None = None
) -> list[TrainedSeed]:
    """Train by the scenarios' own training sections, once per seed (0, 1, 2, …), and evaluate in unseen worlds.

    The training is that of ``townlet train --mode mixed`` on a recording of the script, the evaluation that of
    ``townlet evaluate``.

    Args:
        scenario_paths: files of scenarios that have a schedule, by which somebody completes a use.
        seeds: number of seeds of each training.
        gammas: discounts to train with besides the scenario's own, for comparison.
        progress: called with the trainings done, those in all, and what is trained.

    Raises InputError for a scenario without a schedule, and one whose script completes no use.
    """
    plan: list[tuple[Path, Scenario, bool]] = []
    for path in scenario_paths:
        scenario = load_scenario(path)
        if not scenario.schedule:
            raise InputError.of(path, "schedule", "none", "a schedule: the policy is compared with it")
        plan.append((path, scenario, True))
        plan.extend((path, with_gamma(scenario, g), False) for g in gammas if g != scenario.training.ppo.gamma)
    found: list[TrainedSeed] = []
    for path, scenario, is_own in plan:
        for seed in range(seeds):
            if progress:
                what = f"{scenario.name}, γ = {scenario.training.ppo.gamma:g}, seed {seed}"
                progress(len(found), len(plan) * seeds, what)
            found.append(_trained(path, scenario, seed, is_own))
    return found


def with_gamma(scenario: Scenario, gamma: float) -> Scenario:
    """The scenario with another discount in its training section."""
    ppo = scenario.training.ppo.model_copy(update={"gamma": gamma})
    return scenario.model_copy(update={"training": scenario.training.model_copy(update={"ppo": ppo})})


def _trained(path: Path, scenario: Scenario, seed: int, is_own_gamma: bool) -> TrainedSeed:
    with tempfile.TemporaryDirectory(prefix="townlet-study-") as folder:
        capture = capture_rollout(path, Path(folder) / "capture", behavior="scripted")
        if not capture.metrics["events"]["use_completed"]:
            raise InputError.of(path, "schedule", "a script that completes no use", "one to compare a policy with")
        options = TrainingOptions(
            mode="mixed", output=Path(folder) / "policy", replay_manifest=capture.manifest_path, seed=seed
        )
        began = time.process_time()
        result = train(scenario, options)
        seconds = time.process_time() - began
        alerts = [a for r in read_records(result.log) for a in alerts_for(r, scenario.telemetry.thresholds)]
        drawn, greedy = (
            policy_verdict(evaluate(result.policy, scenario, trained_with=[capture.manifest.seed], greedy=greedy))
            for greedy in (False, True)
        )
    return TrainedSeed(
        scenario.name,
        scenario.digest,
        scenario.training.ppo.gamma,
        is_own_gamma,
        seed,
        drawn.reference,
        drawn.policy,
        greedy.policy,
        len(alerts),
        round(seconds, 1),
    )


def write_script_report(found: Sequence[TrainedSeed], folder: Path, command: str, circumstances: str) -> Path:
    """Write ``policy-and-script.md`` and ``.json`` into a folder; returns the Markdown file."""
    write_atomically(folder / f"{STEM}.json", pretty_json({"trainings": [asdict(one) for one in found]}))
    seeds = 1 + max(one.seed for one in found)
    own = [one for one in found if one.is_own_gamma]
    text = f"""# Trained policies beside the scripts they learn from

Each policy was trained as its scenario says, by `townlet train --mode mixed` on a recording of the script, with {seeds}
seeds. Policy and script then acted in the same {WORLDS} worlds, which no training had seen. γ is the discount per tick
in the scenario's training section{", unless the row says otherwise" if len(own) < len(found) else ""}.

{table(SUMMARY, list(_summaries(found)))}

Intensity is the conflict intensity per 100 completed uses; uses are per agent-step, as a share of the script's. Means
over seeds, with 95 % intervals by Student's t{" and the worst seed in parentheses" if seeds > 1 else ""}.

## Every seed, with the scenario's own γ

{table(ROWS, [_row(one) for one in own])}

Reward is the mean per agent-step. *Greedy* is the intensity of the policy that takes its most probable action; the
others draw their actions, as in training. Alerts are those of the training by the scenario's thresholds. Seconds are
the training's processor time on the machine that ran it; everything else is reproducible.

Measured by

```console
{command}
```

{circumstances}. All figures are in [{STEM}.json]({STEM}.json).
"""
    path = folder / f"{STEM}.md"
    write_atomically(path, text)
    return path


SUMMARY = ("scenario", "γ", "intensity, script", "intensity, policy", "uses, share of the script's", "reward, policy")
ROWS = ("scenario", "seed", "intensity, script", "policy", "share", "greedy", "uses", "reward", "alerts", "seconds")


def _summaries(found: Sequence[TrainedSeed]) -> Iterator[tuple[str, ...]]:
    for scenario, gamma, is_own in dict.fromkeys((one.scenario, one.gamma, one.is_own_gamma) for one in found):
        group = [one for one in found if (one.scenario, one.gamma) == (scenario, gamma)]
        intensities, uses = [_intensity(one.policy) for one in group], [one.uses_share for one in group]
        yield (
            f"`{scenario}`",
            f"{gamma:g}" if is_own else f"{gamma:g}, for comparison",
            f"{_intensity(group[0].script):.1f}",
            _interval(intensities, max(intensities), ".3g"),
            _interval(uses, min(uses), ".0%"),
            _interval([one.policy.reward for one in group], min(one.policy.reward for one in group), ".3f"),
        )


def _row(one: TrainedSeed) -> tuple[str, ...]:
    script, policy = _intensity(one.script), _intensity(one.policy)
    return (
        f"`{one.scenario}`",
        str(one.seed),
        f"{script:.1f}",
        _shown(policy),
        f"{policy / script:.0%}" if script and not math.isnan(policy) else "—",
        _shown(_intensity(one.greedy)),
        f"{one.uses_share:.0%}",
        f"{one.policy.reward:.4f}",
        str(one.alerts),
        f"{one.seconds:.0f}",
    )


def _intensity(figures: Figures) -> float:
    """Conflict intensity per 100 uses, NaN if nothing was completed."""
    return float("nan") if figures.intensity_per_use is None else figures.intensity_per_use


def _shown(intensity: float) -> str:
    return "no use" if math.isnan(intensity) else f"{intensity:.3g}"


def _interval(values: list[float], worst: float, form: str) -> str:
    if any(map(math.isnan, values)):
        return "no use in some seeds"
    if len(values) < 2:
        return f"{values[0]:{form}}"
    mean, low, high = student_interval(np.array(values))
    return f"{mean:{form}} [{low:{form}}, {high:{form}}] ({worst:{form}})"
