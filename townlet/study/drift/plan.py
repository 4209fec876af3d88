"""Plan of the study: pools and recorded soaks, then soaks, unchanged and with planted changes, and their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from townlet.config import Scenario, load_scenario
from townlet.study.drift.cycle_pools import CyclePool, make_pool, variant_of
from townlet.study.drift.nights import KINDS, Kind, NightSampler, Outcome
from townlet.study.drift.outcome_cache import OutcomeCache
from townlet.study.drift.planted_changes import PLANTED_CHANGES, PlantedChange
from townlet.study.drift.recorded_soak import record_soak, studied_scenario
from townlet.study.drift.settings import PLANTED_IN, Settings
from townlet.study.progress import Progress


@dataclass(frozen=True)
class Unchanged:
    """Counts of the unchanged soaks of one length."""

    cycles: int
    soaks: int
    not_accepted: int
    untold: int
    """Soaks in which a resource had too little data to be told."""
    by_kind: dict[str, tuple[int, int]]
    """Soaks not accepted, and soaks, by their kind."""
    by_scenario: dict[str, tuple[int, int]]
    flagged: dict[str, int]
    """Times that a metric was flagged, by ``scenario: metric``."""


@dataclass(frozen=True)
class Power:
    """Detection rates of a planted change in a scheduled night."""

    change: PlantedChange
    nights: int
    not_accepted: int
    rejected: int
    named: int
    """Soaks in which the metric that should move was flagged."""
    dose: float | None
    """Relative change of that metric's mean over the pool, if the change lasts all night."""


@dataclass(frozen=True)
class Findings:
    """Counts of the study."""

    settings: Settings
    unchanged: list[Unchanged]
    powers: list[Power]
    speed: dict[str, tuple[float, float]]
    """Standard deviation of recorded speed over its mean, and its first autocorrelation, by scenario and mode."""
    seconds: dict[str, float]
    """Seconds of a cycle of a recorded soak, by scenario and mode."""


def study_drift(settings: Settings, work: Path, progress: Progress) -> Findings:
    """Simulate soaks, assess them and count. Results are kept in ``work``, so that an interrupted study continues."""
    nights = {name: _sampler(settings, name, work, progress) for name in settings.scenarios}
    drawn_from = [[name, night.digest()] for name, night in nights.items()]
    cache = OutcomeCache(work, {"drawn": settings.drawn(), "from": drawn_from})
    recorded = {
        f"{name}, {'learning' if learning else 'frozen'}": soak
        for name, night in nights.items()
        for learning, soak in night.recorded.items()
    }
    return Findings(
        settings=settings,
        unchanged=[_unchanged(settings, nights, cycles, cache, progress) for cycles in settings.lengths],
        powers=[_power(settings, nights, change, cache, progress) for change in PLANTED_CHANGES],
        speed={label: _spread(soak.resources["agent_steps_per_yardstick"]) for label, soak in recorded.items()},
        seconds={label: soak.seconds for label, soak in recorded.items()},
    )


def _sampler(settings: Settings, name: str, work: Path, progress: Progress) -> NightSampler:
    file = studied_scenario(name, settings.scenarios[name], work)
    recorded = {learning: record_soak(file, settings, learning, work, progress) for learning in (False, True)}
    return NightSampler(dict(_pools(settings, load_scenario(file), work, progress)), recorded, settings.seeds)


def _pools(settings: Settings, scenario: Scenario, work: Path, progress: Progress) -> Iterator[tuple[str, CyclePool]]:
    """The scenario's pool and, if changes are planted in the scenario, one for each variant."""
    amounts = {"": settings.pool}
    if scenario.name == PLANTED_IN:
        amounts |= {name: most + settings.planted_pool - settings.night for name, most in variants(settings.night)}
    worlds = settings.scenarios[scenario.name].worlds
    for variant, cycles in amounts.items():
        note = f"{scenario.name} {variant or 'unchanged'}"

        def advance(done: int, cycles: int = cycles, note: str = note) -> None:
            progress(done, cycles, note)

        yield variant, make_pool(variant_of(scenario, variant), variant, cycles, worlds, work, advance)


def variants(cycles: int) -> list[tuple[str, int]]:
    """Names of all altered scenarios that planted changes need for nights of ``cycles`` cycles, each with the largest
    number of cycles of a night that run it."""
    most: dict[str, int] = {}
    for change in PLANTED_CHANGES:
        for name, times in Counter(change.variant(cycle, cycles) for cycle in range(cycles)).items():
            most[name] = max(most.get(name, 0), times)
    return sorted((name, times) for name, times in most.items() if name)


def _unchanged(
    settings: Settings, nights: dict[str, NightSampler], cycles: int, cache: OutcomeCache, progress: Progress
) -> Unchanged:
    """Counts of the unchanged soaks of a length, which take turns through all kinds and scenarios."""
    names, outcomes = list(nights), list[tuple[str, Kind, Outcome]]()
    for soak in range(settings.soaks):
        kind, name = KINDS[soak % len(KINDS)], names[soak // len(KINDS) % len(names)]
        simulate = partial(nights[name].simulate, np.random.default_rng([1, cycles, soak]), cycles, kind)
        outcomes.append((name, kind, cache.get(f"unchanged {cycles} {soak}", simulate)))
        progress(soak + 1, settings.soaks, f"unchanged soaks of {cycles} cycles")
    flagged = Counter(f"{name}: {metric}" for name, _, outcome in outcomes for metric in outcome.metrics)
    return Unchanged(
        cycles=cycles,
        soaks=len(outcomes),
        not_accepted=sum(outcome.verdict != "accept" for _, _, outcome in outcomes),
        untold=sum(bool(outcome.untold) for _, _, outcome in outcomes),
        by_kind=_counts((kind.label, outcome) for _, kind, outcome in outcomes),
        by_scenario=_counts((name, outcome) for name, _, outcome in outcomes),
        flagged=dict(sorted(flagged.items())),
    )


def _counts(outcomes: Iterator[tuple[str, Outcome]]) -> dict[str, tuple[int, int]]:
    """Outcomes that are not acceptance, and all, by label."""
    found: dict[str, tuple[int, int]] = {}
    for label, outcome in outcomes:
        failed, every = found.get(label, (0, 0))
        found[label] = (failed + (outcome.verdict != "accept"), every + 1)
    return found


def _power(
    settings: Settings,
    nights: dict[str, NightSampler],
    change: PlantedChange,
    cache: OutcomeCache,
    progress: Progress,
) -> Power:
    """Power in scheduled nights, frozen and learning in turn; changes of resources are planted in every scenario."""
    outcomes, names = list[Outcome](), list(nights) if change.resource else [PLANTED_IN]
    index = PLANTED_CHANGES.index(change)
    for night in range(settings.planted_nights):
        sampler, kind = nights[names[night // 2 % len(names)]], Kind(bool(night % 2), None)
        simulate = partial(sampler.simulate, np.random.default_rng([4, index, night]), settings.night, kind, change)
        outcomes.append(cache.get(f"{change.name} {night}", simulate))
        progress(night + 1, settings.planted_nights, change.name)
    return Power(
        change=change,
        nights=len(outcomes),
        not_accepted=sum(outcome.verdict != "accept" for outcome in outcomes),
        rejected=sum(outcome.verdict == "reject" for outcome in outcomes),
        named=sum(change.metric in outcome.metrics for outcome in outcomes),
        dose=_dose(nights[PLANTED_IN], change, settings.night),
    )


def _dose(planted: NightSampler, change: PlantedChange, cycles: int) -> float | None:
    lasting = {change.variant(cycle, cycles) for cycle in range(cycles)}
    if len(lasting) != 1 or not (variant := lasting.pop()):
        return None
    means = [float(planted.pools[name].values[change.metric].mean()) for name in (variant, "")]
    return means[0] / means[1] - 1


def _spread(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """Standard deviation over the mean, and the first autocorrelation."""
    deviations = values - values.mean()
    power = float(deviations @ deviations)
    r = float(deviations[1:] @ deviations[:-1]) / power if power else 0.0
    return float(values.std() / values.mean()), r


def as_json(findings: Findings) -> dict[str, Any]:
    """Plain values for a JSON file."""
    return {
        "settings": findings.settings.as_json(),
        "unchanged": [
            {
                "cycles": one.cycles,
                "soaks": one.soaks,
                "not_accepted": one.not_accepted,
                "with_a_resource_that_cannot_be_told": one.untold,
                "not_accepted_of_kind": {name: list(counts) for name, counts in one.by_kind.items()},
                "not_accepted_of_scenario": {name: list(counts) for name, counts in one.by_scenario.items()},
                "metrics_flagged": one.flagged,
            }
            for one in findings.unchanged
        ],
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
        "recorded_speed": {
            name: {"relative_spread": spread, "autocorrelation": r} for name, (spread, r) in findings.speed.items()
        },
        "seconds_of_a_recorded_cycle": findings.seconds,
    }
