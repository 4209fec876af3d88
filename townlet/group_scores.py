"""Scores of the groups of mixed company, beside the same people's when everybody follows one of the behaviours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from townlet.behavior import Behavior
from townlet.behavior.own.mixed import Group, MixedBehavior
from townlet.config import Scenario
from townlet.host.torch_settings import repeatable
from townlet.outcomes.groups import Values, group_values
from townlet.statistics.intervals import interval_as_json


class Company:
    """Mixed company in its town, and the behaviours that its members would follow alone."""

    def __init__(self, behavior: MixedBehavior, shown: Scenario, scenario: Scenario) -> None:
        self._behavior, self._shown, self._scenario = behavior, shown, scenario
        self._alone = {group.label: group for group in behavior.groups.values()}

    @classmethod
    def of(cls, behavior: Behavior, shown: Scenario, scenario: Scenario) -> Company | None:
        """The company that a behaviour is; None for any other behaviour.

        ``shown`` is the scenario with the observations that the company needs.
        """
        return cls(behavior, shown, scenario) if isinstance(behavior, MixedBehavior) else None

    @property
    def runs(self) -> int:
        """How often all worlds are played: once in company, and once for each of its behaviours alone."""
        return 1 + len(self._alone)

    def scores(self, worlds: int, seed: int, progress: Callable[[int, str], None]) -> dict[str, Any]:
        """Per group who its people are, and means of its metrics over worlds with their 95 % intervals.

        ``company`` are those in mixed company, ``alone`` those of the same people in the same worlds where everybody
        follows one behaviour, ``company_minus`` the differences between the two, world by world. ``values`` has the
        values of each world. ``progress`` is called with the episodes done and the name of what is played next.
        """
        people = {name: group.people for name, group in self._behavior.groups.items()}
        progress(0, self._behavior.name)
        with repeatable(self._scenario.training.threads):
            company = group_values(self._behavior, self._shown, people, worlds=worlds, seed=seed)
            alone = {}
            for index, (label, group) in enumerate(self._alone.items(), start=1):
                progress(index * worlds, label)
                alone[label] = values_alone(group, self._scenario, people, worlds=worlds, seed=seed)
        return {
            name: self._group(group, company[name], {label: values[name] for label, values in alone.items()})
            for name, group in self._behavior.groups.items()
        }

    def _group(self, group: Group, company: Values, alone: Mapping[str, Values]) -> dict[str, Any]:
        names = list(self._scenario.people)
        return {
            "people": [names[index] for index in group.people],
            "behavior": group.label,
            "company": as_json(company),
            "alone": {label: as_json(values) for label, values in alone.items()},
            "company_minus": {
                label: as_json({metric: company[metric] - values[metric] for metric in company})
                for label, values in alone.items()
            },
            "values": {"company": _lists(company), "alone": {label: _lists(values) for label, values in alone.items()}},
        }


def values_alone(
    group: Group, scenario: Scenario, people: Mapping[str, tuple[int, ...]], *, worlds: int, seed: int
) -> dict[str, Values]:
    """The metrics of groups of people, by their indices, where everybody follows the behaviour of ``group``."""
    return group_values(group.behavior, group.sees or scenario, people, worlds=worlds, seed=seed)


def as_json(values: Values) -> dict[str, dict[str, float]]:
    """The mean of each metric over worlds with its 95 % interval."""
    return {metric: interval_as_json(each) for metric, each in values.items()}


def _lists(values: Values) -> dict[str, list[float]]:
    return {metric: each.tolist() for metric, each in values.items()}
