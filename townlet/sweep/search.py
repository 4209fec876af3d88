"""Searches by Optuna: the next settings, and whether to prune, as functions of the trials' records.

Optuna 5.0.0 keeps a trial whose process was killed as running for ever, repeats its first suggestions when a sampler of
the same seed is made anew, and keeps a training that turned NaN after a good value. So its studies live here in memory
only, rebuilt from our records for each question, with a sampler seeded by the sweep's seed and the trial's number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import JsonValue

from townlet.errors import InputError
from townlet.sweep.distributions import grid_point, grid_size
from townlet.sweep.options import STEPS, Pruner, SweepOptions
from townlet.sweep.records import TrialRecord
from townlet.sweep.space import Space

if TYPE_CHECKING:
    import optuna
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

#: Prefix of what successive halving stores about a trial.
_RUNG = "completed_rung"


def require_optuna() -> None:
    """Raise InputError unless Optuna is installed; stop it from logging."""
    try:
        import optuna
    except ImportError:
        raise InputError.of("options", "sweep", "no Optuna", "Optuna: pip install 'townlet[sweep]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def trials_possible(space: Space, options: SweepOptions) -> int:
    """The number of trials of a sweep: as asked, or all points of a grid.

    Raises InputError for a grid over a range without a step.
    """
    if options.sampler != "grid":
        return options.trials
    points = grid_size(list(space.settings.values()))
    if points is None:
        key = next(key for key, one in space.settings.items() if one.count() is None)
        raise InputError.of(space.source, space.place(key), "a range", "a step or choices, for --sampler grid")
    return min(options.trials, points)


def next_settings(space: Space, options: SweepOptions, before: Sequence[TrialRecord]) -> dict[str, JsonValue]:
    """The settings of the next trial, after all those ``before`` it, of which some may be running.

    The first trial of a search is of the scenario's own settings, if they are in the space.
    """
    if options.sampler == "grid":
        point = grid_point(list(space.settings.values()), len(before))
        return dict(zip(space.settings, point, strict=True))
    if not before and space.holds(space.default):
        return dict(space.default)
    study = study_of(space, options, before)
    study.sampler = _sampler(options, len(before))
    drawn = study.ask({key: one.for_optuna() for key, one in space.settings.items()}).params
    return {key: one.setting(drawn[key]) for key, one in space.settings.items()}


def pruned(
    space: Space, options: SweepOptions, before: Sequence[TrialRecord], trial: TrialRecord
) -> tuple[bool, dict[str, float]]:
    """Whether a running trial is to be stopped after its last report, and what the pruner notes about it.

    It is compared with those ``before`` it that are finished.
    """
    if options.pruned_by == "none" or not trial.reports:
        return False, dict(trial.notes)
    study = study_of(space, options, [*before, trial])
    stop = bool(study.pruner.prune(study, study.get_trials(deepcopy=False)[trial.number]))
    after = study.get_trials(deepcopy=False)[trial.number]
    return stop, {name: float(value) for name, value in after.system_attrs.items() if name.startswith(_RUNG)}


def study_of(space: Space, options: SweepOptions, records: Sequence[TrialRecord]) -> optuna.Study:
    """An Optuna study in memory with these trials, for its visualisations and for questions of one's own.

    A trial that failed counts as pruned without a value, the worst there is, so that the sampler avoids its like.
    """
    require_optuna()
    import optuna

    study = optuna.create_study(
        direction="maximize" if options.sign > 0 else "minimize",
        study_name="sweep",
        sampler=optuna.samplers.RandomSampler(0),
        pruner=_pruner(options.pruned_by),
    )
    for record in records:
        study.add_trial(_frozen(space, record))
    return study


def importances(space: Space, options: SweepOptions, records: Sequence[TrialRecord]) -> dict[str, float]:
    """The share of each setting in what separates the best tenth of the trials from all, adding up to 1.

    PED-ANOVA (Watanabe et al. 2023), by Optuna. Empty if there are too few scores to tell.
    """
    scored = [record for record in records if record.state == "complete"]
    if len(scored) < 8 or len({record.score for record in scored}) < 2 or len(space.settings) < 2:
        return {}
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    study = study_of(space, options, scored)
    found: Mapping[str, float] = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return {key: float(found[key]) for key in sorted(found, key=lambda key: -found[key])}


def _sampler(options: SweepOptions, number: int) -> BaseSampler:
    from optuna.samplers import RandomSampler, TPESampler

    seed = int(np.random.SeedSequence([options.seed, number]).generate_state(1)[0])
    return RandomSampler(seed) if options.sampler == "random" else TPESampler(seed=seed)


def _pruner(name: Pruner) -> BasePruner:
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner

    if name == "median":
        # Some trainings learn late: nothing is compared in the first third.
        return MedianPruner(n_startup_trials=5, n_warmup_steps=STEPS // 3)
    return HyperbandPruner(min_resource=1, max_resource=STEPS) if name == "hyperband" else NopPruner()


def _frozen(space: Space, record: TrialRecord) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    states = {
        "running": TrialState.RUNNING,
        "complete": TrialState.COMPLETE,
        "pruned": TrialState.PRUNED,
        "failed": TrialState.PRUNED,
    }
    failed = record.state == "failed"
    last = record.reports[-1].value if record.reports else None
    return create_trial(
        state=states[record.state],
        value=record.score if record.state == "complete" else last if record.state == "pruned" else None,
        params={key: one.value(record.settings[key]) for key, one in space.settings.items()},
        distributions={key: one.for_optuna() for key, one in space.settings.items()},
        intermediate_values={} if failed else {report.step: report.value for report in record.reports},
        system_attrs=dict(record.notes),
    )
