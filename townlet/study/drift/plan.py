"""The study as a whole: pools and soaks first, then nights, unchanged and with planted changes, and their counts."""

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
from townlet.study.drift.ledger import Ledger
from townlet.study.drift.nights import Nights, Outcome
from townlet.study.drift.plants import PLANTS, Plant
from townlet.study.drift.pools import Pool, make_pool, variant_of
from townlet.study.drift.record import recorded_soak
from townlet.study.drift.settings import PLANTED_IN, Progress, Settings


@dataclass(frozen=True)
class Power:
    """How often a planted change was found: soaks not accepted, soaks rejected, and those in which the metric that
    should move was named; ``dose`` is the change of that metric's mean that was really planted, as a share, where it
    lasts all night. A change of a resource has a night for each of all scenarios' recorded stretches."""

    plant: Plant
    nights: int
    not_accepted: int
    rejected: int
    named: int
    dose: float | None


@dataclass(frozen=True)
class Findings:
    """What was counted.

    Unchanged nights: those with a soak that was not accepted, and those with one in which a metric of the town or the
    network was flagged. ``stretches`` are, by scenario, recorded stretches that do not overlap, a night long each, and
    how many of them had a resource flagged.
    """

    settings: Settings
    false_nights: int
    false_nights_of_metrics: int
    stretches: dict[str, tuple[int, int]]
    false_soaks: dict[str, int]
    false_metrics: dict[str, int]
    per_baseline: list[int]
    powers: list[Power]
    spreads: dict[str, float]
    soak_seconds: dict[str, float]
    tests: dict[str, int]


def study_drift(settings: Settings, work: Path, progress: Progress) -> Findings:
    """Simulate, judge and count; finished rollouts and soaks are kept in ``work``, and an interrupted study goes on."""
    scenarios = {name: load_scenario(find_scenario(name)) for name in settings.scenarios}
    nights, seconds = {}, {}
    for name, scenario in scenarios.items():
        pools = dict(_pools(settings, scenario, work, progress))
        recorded, seconds[name] = recorded_soak(scenario, settings, work, progress)
        nights[name] = Nights(pools, recorded, settings.cycles, settings.seeds)
    drawn_from = [[name, night.digest()] for name, night in nights.items()]
    ledger = Ledger(work, {"drawn": settings.drawn(), "from": drawn_from})
    false, of_metrics, soaks, metrics, tests = _unchanged(settings, nights, ledger, progress)
    planted = nights[PLANTED_IN]
    return Findings(
        settings,
        false,
        of_metrics,
        _by_stretch(nights, ledger),
        soaks,
        metrics,
        _by_baseline(settings, planted, ledger, progress),
        [_power(settings, nights, plant, index, ledger, progress) for index, plant in enumerate(PLANTS)],
        {name: _spread(night.pools[""]) for name, night in nights.items()},
        seconds,
        tests,
    )


def _pools(settings: Settings, scenario: Scenario, work: Path, progress: Progress) -> Iterator[tuple[str, Pool]]:
    """The scenario's pool, and where changes are planted one for each variant."""
    amounts = {"": settings.pool}
    if scenario.name == PLANTED_IN:
        amounts |= dict.fromkeys(variants(settings.cycles), settings.planted_pool)
    for variant, cycles in amounts.items():
        note = f"{scenario.name} {variant or 'unchanged'}"

        def advance(done: int, cycles: int = cycles, note: str = note) -> None:
            progress(done, cycles, note)

        yield variant, make_pool(variant_of(scenario, variant), variant, cycles, settings.worlds, work, advance)


def variants(cycles: int) -> list[str]:
    """All altered scenarios that the plants need for nights of so many cycles."""
    names = {plant.variant(cycle, cycles) for plant in PLANTS for cycle in range(cycles)}
    return sorted(names - {""})


def _unchanged(
    settings: Settings, nights: dict[str, Nights], ledger: Ledger, progress: Progress
) -> tuple[int, int, dict[str, int], dict[str, int], dict[str, int]]:
    """Nights with a soak of every scenario and no change: nights with any that was not accepted, and with any in which
    more than a resource was flagged, such soaks by scenario, metrics that caused it, and the number of tests in a
    soak."""
    false, of_metrics, soaks, metrics = 0, 0, dict.fromkeys(nights, 0), dict[str, int]()
    tests = dict.fromkeys(nights, 0)
    for night in range(settings.nights):
        outcomes = {
            name: ledger.outcome(
                f"unchanged {night} {name}", partial(one.soak, np.random.default_rng([1, night, index]))
            )
            for index, (name, one) in enumerate(nights.items())
        }
        for name, outcome in outcomes.items():
            tests[name] = max(tests[name], outcome.tests)
            soaks[name] += outcome.verdict != "accept"
            for metric in outcome.metrics:
                metrics[f"{name}: {metric}"] = metrics.get(f"{name}: {metric}", 0) + 1
        false += any(outcome.verdict != "accept" for outcome in outcomes.values())
        of_metrics += any(set(outcome.metrics) - set(outcome.of_resources()) for outcome in outcomes.values())
        progress(night + 1, settings.nights, "unchanged nights")
    return false, of_metrics, soaks, metrics, tests


def _by_stretch(nights: dict[str, Nights], ledger: Ledger) -> dict[str, tuple[int, int]]:
    """By scenario, the recorded stretches that do not overlap, each in an unchanged soak, and those of them in which a
    resource was flagged."""
    return {
        name: (len(outcomes), sum(bool(outcome.of_resources()) for outcome in outcomes))
        for index, (name, one) in enumerate(nights.items())
        if (outcomes := _each_stretch(one, name, (5, index), ledger, None))
    }


def _each_stretch(
    nights: Nights, name: str, seed: tuple[int, ...], ledger: Ledger, plant: Plant | None
) -> list[Outcome]:
    """A soak for each recorded stretch of a scenario that overlaps with no other."""
    label = plant.name if plant else "unchanged"
    return [
        ledger.outcome(
            f"{label} stretch {begin} {name}",
            partial(nights.soak, np.random.default_rng([*seed, begin]), plant, stretch=begin),
        )
        for begin in nights.stretches()
    ]


def _by_baseline(settings: Settings, nights: Nights, ledger: Ledger, progress: Progress) -> list[int]:
    """For each of several baselines that are kept, the soaks out of its nights that were not accepted."""
    counts = []
    for index in range(settings.baselines):
        baseline = nights.baseline(np.random.default_rng([2, index]))
        outcomes = [
            ledger.outcome(
                f"baseline {index} {night}",
                partial(nights.soak, np.random.default_rng([3, index, night]), baseline=baseline),
            )
            for night in range(settings.nights_per_baseline)
        ]
        counts.append(sum(outcome.verdict != "accept" for outcome in outcomes))
        progress(index + 1, settings.baselines, "nights of one baseline")
    return counts


def _power(
    settings: Settings, nights: dict[str, Nights], plant: Plant, index: int, ledger: Ledger, progress: Progress
) -> Power:
    outcomes: list[Outcome] = []
    planted = nights[PLANTED_IN]
    if plant.resource:
        for number, (name, one) in enumerate(nights.items()):
            outcomes += _each_stretch(one, name, (6, index, number), ledger, plant)
            progress(number + 1, len(nights), plant.name)
    else:
        for night in range(settings.planted_nights):
            judge = partial(planted.soak, np.random.default_rng([4, index, night]), plant)
            outcomes.append(ledger.outcome(f"{plant.name} {night}", judge))
            progress(night + 1, settings.planted_nights, plant.name)
    lasting = {plant.variant(cycle, settings.cycles) for cycle in range(settings.cycles)}
    dose = None
    if len(lasting) == 1 and (variant := lasting.pop()):
        means = [float(planted.pools[name].values[plant.metric].mean()) for name in (variant, "")]
        dose = means[0] / means[1] - 1
    return Power(
        plant,
        len(outcomes),
        sum(outcome.verdict != "accept" for outcome in outcomes),
        sum(outcome.verdict == "reject" for outcome in outcomes),
        sum(plant.metric in outcome.metrics for outcome in outcomes),
        dose,
    )


def _spread(pool: Pool) -> float:
    """Standard deviation of conflict intensity between cycles, as a share of its mean; 0 where there is none."""
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
                "name": power.plant.name,
                "meaning": power.plant.meaning,
                "metric": power.plant.metric,
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
