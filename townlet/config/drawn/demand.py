"""Demand on a town's objects: the share of their time that its people need."""

from __future__ import annotations

from collections import Counter

from townlet.config.scenario import Scenario


def demands(scenario: Scenario) -> dict[str, float]:
    """Return the demand on each type of object that relieves a need, in the order of ``object_types``.

    A need falls by d per tick, and a use of t ticks adds e. So each of P people is busy with it during d t / e of all
    ticks, and N objects are needed during the share P d t / (e N) of their time. This is as if people met the need with
    this use alone. Work, which also costs energy, is counted as an average over the day.
    """
    placed = Counter(item.type for item in scenario.objects.values())
    drained = _drained_by_work(scenario)
    found: dict[str, float] = {}
    for use in scenario.affordances.values():
        need, effect = max(use.effects.items(), key=lambda item: item[1], default=("hunger", 0.0))
        if effect > 0.0 and use.object not in found:
            fall = len(scenario.people) * scenario.rules.needs.decay.get(need, 0.0) + drained.get(need, 0.0)
            found[use.object] = fall * use.ticks / (effect * placed[use.object])
    return {kind: found[kind] for kind in scenario.object_types if kind in found}


def shower_demand(scenario: Scenario) -> float:
    """Return the demand on the showers, from :func:`demands`; 0 in a town without showers."""
    return demands(scenario).get("shower", 0.0)


def _drained_by_work(scenario: Scenario) -> dict[str, float]:
    """The fall of each need by work, summed over all people, per tick of the whole day."""
    drained: dict[str, float] = {}
    shares: Counter[tuple[str, int, int]] = Counter()
    jobs = [scenario.jobs[person.job] for person in scenario.people.values() if person.job is not None]
    for job in jobs:
        shares[job.workplace, job.start, job.end] += 1
    work = {use.object: use for use in scenario.affordances.values() if use.work}
    for workplace, start, end in shares:
        use = work[scenario.objects[workplace].type]
        for need, effect in use.effects.items():
            drained[need] = drained.get(need, 0.0) - effect / use.ticks * (end - start) / scenario.ticks_per_day
    return drained
