"""Plan of the study: pools and recorded soaks, then nights, unchanged and with planted changes, and their counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from townlet.config import Scenario, load_scenario
from townlet.config.find import find_scenario
from townlet.metrics import CONFLICT_INTENSITY
from townlet.study.drift.cycle_pools import CyclePool, make_pool, variant_of
from townlet.study.drift.nights import NightSampler, Outcome
from townlet.study.drift.outcome_cache import OutcomeCache
from townlet.study.drift.planted_changes import PLANTED_CHANGES, PlantedChange
from townlet.study.drift.recorded_soak import record_soak
from townlet.study.drift.settings import PLANTED_IN, Settings
from townlet.study.progress import Progress


@dataclass(frozen=True)
class Power:
    """Detection rates of a planted change."""

    change: PlantedChange
    nights: int
    """Nights simulated. A change of a resource has one for each recorded stretch of each scenario."""
    not_accepted: int
    rejected: int
    named: int
    """Soaks in which the metric that should move was flagged."""
    dose: float | None
    """Relative change of that metric's mean over the pool, if the change lasts all night."""


@dataclass(frozen=True)
class Findings:
    """Counts of the study; ``false`` ones are of nights and soaks without a change."""

    settings: Settings
    false_nights: int
    """Unchanged nights with a soak that was not accepted."""
    false_nights_of_metrics: int
    """Unchanged nights with a soak in which a metric of the town or the network was flagged."""
    stretches: dict[str, tuple[int, int]]
    """By scenario, the number of non-overlapping recorded stretches, each a night long, and of those with a resource
    flagged."""
    false_soaks: dict[str, int]
    """Unchanged soaks that were not accepted, by scenario."""
    false_metrics: dict[str, int]
    """Times that a metric was flagged in an unchanged soak, by ``scenario: metric``."""
    per_baseline: list[int]
    """Unchanged soaks that were not accepted, for each baseline that was kept for several nights."""
    powers: list[Power]
    spreads: dict[str, float]
    """Standard deviation of conflict intensity over its mean, by scenario."""
    soak_seconds: dict[str, float]
    """Seconds that a night's soak takes, by scenario."""
    tests: dict[str, int]
    """Tests in a soak, by scenario."""


def study_drift(settings: Settings, work: Path, progress: Progress) -> Findings:
    """Simulate nights, assess them and count. Results are kept in ``work``, so that an interrupted study continues."""
    scenarios = {name: load_scenario(find_scenario(name)) for name in settings.scenarios}
    nights, seconds = {}, {}
    for name, scenario in scenarios.items():
        pools = dict(_pools(settings, scenario, work, progress))
        recorded, seconds[name] = record_soak(scenario, settings, work, progress)
        nights[name] = NightSampler(pools, recorded, settings.cycles, settings.seeds)
    drawn_from = [[name, night.digest()] for name, night in nights.items()]
    cache = OutcomeCache(work, {"drawn": settings.drawn(), "from": drawn_from})
    false, of_metrics, soaks, metrics, tests = _unchanged(settings, nights, cache, progress)
    planted = nights[PLANTED_IN]
    return Findings(
        settings=settings,
        false_nights=false,
        false_nights_of_metrics=of_metrics,
        stretches=_by_stretch(nights, cache),
        false_soaks=soaks,
        false_metrics=metrics,
        per_baseline=_by_baseline(settings, planted, cache, progress),
        powers=[
            _power(settings, nights, change, index, cache, progress) for index, change in enumerate(PLANTED_CHANGES)
        ],
        spreads={name: _spread(night.pools[""]) for name, night in nights.items()},
        soak_seconds=seconds,
        tests=tests,
    )


def _pools(settings: Settings, scenario: Scenario, work: Path, progress: Progress) -> Iterator[tuple[str, CyclePool]]:
    """The scenario's pool and, if changes are planted in the scenario, one for each variant."""
    amounts = {"": settings.pool}
    if scenario.name == PLANTED_IN:
        amounts |= dict.fromkeys(variants(settings.cycles), settings.planted_pool)
    for variant, cycles in amounts.items():
        note = f"{scenario.name} {variant or 'unchanged'}"

        def advance(done: int, cycles: int = cycles, note: str = note) -> None:
            progress(done, cycles, note)

        yield variant, make_pool(variant_of(scenario, variant), variant, cycles, settings.worlds, work, advance)


def variants(cycles: int) -> list[str]:
    """Names of all altered scenarios that the planted changes need for nights of ``cycles`` cycles."""
    names = {change.variant(cycle, cycles) for change in PLANTED_CHANGES for cycle in range(cycles)}
    return sorted(names - {""})


def _unchanged(
    settings: Settings, nights: dict[str, NightSampler], cache: OutcomeCache, progress: Progress
) -> tuple[int, int, dict[str, int], dict[str, int], dict[str, int]]:
    """Counts of unchanged nights, in the order of :class:`Findings`: ``false_nights``, ``false_nights_of_metrics``,
    ``false_soaks``, ``false_metrics`` and ``tests``."""
    false, of_metrics, soaks, metrics = 0, 0, dict.fromkeys(nights, 0), dict[str, int]()
    tests = dict.fromkeys(nights, 0)
    for night in range(settings.nights):
        outcomes = {
            name: cache.get(
                f"unchanged {night} {name}", partial(one.simulate, np.random.default_rng([1, night, index]))
            )
            for index, (name, one) in enumerate(nights.items())
        }
        for name, outcome in outcomes.items():
            tests[name] = max(tests[name], outcome.tests)
            soaks[name] += outcome.verdict != "accept"
            for metric in outcome.metrics:
                metrics[f"{name}: {metric}"] = metrics.get(f"{name}: {metric}", 0) + 1
        false += any(outcome.verdict != "accept" for outcome in outcomes.values())
        of_metrics += any(set(outcome.metrics) - set(outcome.resources()) for outcome in outcomes.values())
        progress(night + 1, settings.nights, "unchanged nights")
    return false, of_metrics, soaks, metrics, tests


def _by_stretch(nights: dict[str, NightSampler], cache: OutcomeCache) -> dict[str, tuple[int, int]]:
    """By scenario, the number of non-overlapping recorded stretches and of those with a resource flagged; no change."""
    return {
        name: (len(outcomes), sum(bool(outcome.resources()) for outcome in outcomes))
        for index, (name, one) in enumerate(nights.items())
        if (outcomes := _each_stretch(one, name, (5, index), cache, None))
    }


def _each_stretch(
    nights: NightSampler, name: str, seed: tuple[int, ...], cache: OutcomeCache, change: PlantedChange | None
) -> list[Outcome]:
    """Outcome of one soak for each of a scenario's recorded stretches; stretches do not overlap."""
    label = change.name if change else "unchanged"
    return [
        cache.get(
            f"{label} stretch {begin} {name}",
            partial(nights.simulate, np.random.default_rng([*seed, begin]), change, stretch=begin),
        )
        for begin in nights.stretches()
    ]


def _by_baseline(settings: Settings, nights: NightSampler, cache: OutcomeCache, progress: Progress) -> list[int]:
    """For each of several baselines, the unchanged soaks of its nights that were not accepted."""
    counts = []
    for index in range(settings.baselines):
        baseline = nights.baseline(np.random.default_rng([2, index]))
        outcomes = [
            cache.get(
                f"baseline {index} {night}",
                partial(nights.simulate, np.random.default_rng([3, index, night]), baseline=baseline),
            )
            for night in range(settings.nights_per_baseline)
        ]
        counts.append(sum(outcome.verdict != "accept" for outcome in outcomes))
        progress(index + 1, settings.baselines, "nights of one baseline")
    return counts


def _power(
    settings: Settings,
    nights: dict[str, NightSampler],
    change: PlantedChange,
    index: int,
    cache: OutcomeCache,
    progress: Progress,
) -> Power:
    outcomes: list[Outcome] = []
    planted = nights[PLANTED_IN]
    if change.resource:
        for number, (name, one) in enumerate(nights.items()):
            outcomes += _each_stretch(one, name, (6, index, number), cache, change)
            progress(number + 1, len(nights), change.name)
    else:
        for night in range(settings.planted_nights):
            simulate = partial(planted.simulate, np.random.default_rng([4, index, night]), change)
            outcomes.append(cache.get(f"{change.name} {night}", simulate))
            progress(night + 1, settings.planted_nights, change.name)
    lasting = {change.variant(cycle, settings.cycles) for cycle in range(settings.cycles)}
    dose = None
    if len(lasting) == 1 and (variant := lasting.pop()):
        means = [float(planted.pools[name].values[change.metric].mean()) for name in (variant, "")]
        dose = means[0] / means[1] - 1
    return Power(
        change=change,
        nights=len(outcomes),
        not_accepted=sum(outcome.verdict != "accept" for outcome in outcomes),
        rejected=sum(outcome.verdict == "reject" for outcome in outcomes),
        named=sum(change.metric in outcome.metrics for outcome in outcomes),
        dose=dose,
    )


def _spread(pool: CyclePool) -> float:
    """Standard deviation of conflict intensity between cycles, as a share of its mean; 0 if the mean is 0."""
    values = pool.values[CONFLICT_INTENSITY]
    mean = float(values.mean())
    return float(values.std(ddof=1)) / mean if mean else 0.0


def as_json(findings: Findings) -> dict[str, Any]:
    """Plain values for a JSON file."""
    return {
        "settings": findings.settings.as_json(),
        "unchanged": {
            "nights": findings.settings.nights,
            "nights_not_accepted": findings.false_nights,
            "nights_with_a_metric_flagged": findings.false_nights_of_metrics,
            "soaks_not_accepted": findings.false_soaks,
            "metrics_flagged": findings.false_metrics,
            "recorded_stretches": {name: stretches for name, (stretches, _) in findings.stretches.items()},
            "recorded_stretches_with_a_resource_flagged": {
                name: flagged for name, (_, flagged) in findings.stretches.items()
            },
            "tests_per_soak": findings.tests,
            "not_accepted_per_baseline": findings.per_baseline,
        },
        "planted": [
            {
                "name": power.change.name,
                "meaning": power.change.meaning,
                "metric": power.change.metric,
                "dose": power.dose,
                "nights": power.nights,
                "not_accepted": power.not_accepted,
                "rejected": power.rejected,
                "metric_named": power.named,
            }
            for power in findings.powers
        ],
        "relative_spread_of_intensity": findings.spreads,
        "seconds_of_a_nights_soak": findings.soak_seconds,
    }
