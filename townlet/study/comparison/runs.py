"""Runs to compare: what a folder or a name stands for, and which policies it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from townlet.behavior.policy_file import PolicyCard, card_file, load_policy
from townlet.config import Scenario, load_scenario
from townlet.errors import InputError
from townlet.files.artefact_names import CARD_NAME
from townlet.policies import find_policy, shipped_policy
from townlet.study.several_seeds.results import SEEDS_NAME, read_results, scenario_file

#: The parts of a scenario that make scores comparable. What people observe is a policy's own affair.
TOWN = ("ticks", "ticks_per_day", "map", "objects", "affordances", "jobs", "people", "rules")


@dataclass(frozen=True)
class Run:
    """A run to compare."""

    name: str
    """As it was given."""
    policies: tuple[Path | None, ...]
    """The place of each policy; None for a training that diverged."""
    results: Mapping[str, Any] = field(default_factory=dict)
    """The results of several seeds; empty for a single policy."""
    scenario: Scenario | None = None
    """The town that several seeds were scored in."""

    @property
    def is_sample(self) -> bool:
        """Whether it is a sample of seeds, from which one may infer others; a single policy is a fixed one."""
        return bool(self.results)

    @property
    def training(self) -> Mapping[str, Any]:
        """How its policies were trained: plain values by dotted key."""
        if self.results:
            return dict(_flat({"mode": self.results["mode"], **self.results["training"]}))
        provenance = next(self.cards()).provenance
        training = provenance.get("training")
        own = {name: value for name, value in training.items() if name != "seed"} if isinstance(training, dict) else {}
        return dict(_flat({"mode": provenance.get("mode"), **own}))

    def cards(self) -> Iterator[PolicyCard]:
        """The card of every policy. Raises InputError for a policy that is damaged or gone."""
        for place in self.policies:
            if place is not None:
                yield load_policy(place)[1]


def find_runs(names: Sequence[str]) -> list[Run]:
    """The runs that these folders and names stand for.

    Raises InputError for fewer than two, for one that is given twice, and for a place that holds no run.
    """
    if len(names) < 2:
        raise InputError.of("options", "RUN", ", ".join(names) or "none", "at least two runs to compare")
    for index, name in enumerate(names):
        # The same folder by another name is the same run.
        if any(name == other or Path(name).resolve() == Path(other).resolve() for other in names[:index]):
            raise InputError.of("options", "RUN", f"{name} a second time", "every run once")
    return [_find_run(name) for name in names]


def _find_run(name: str) -> Run:
    place = Path(name)
    folder = place.parent if place.name in (SEEDS_NAME, CARD_NAME) else place
    if (folder / SEEDS_NAME).is_file():
        return _several_seeds(name, folder)
    if (folder / CARD_NAME).is_file():
        return Run(name, (folder,))
    if shipped_policy(name) is not None:
        return Run(name, (Path(str(find_policy(name))),))
    if folder.is_dir() and any(folder.glob("seed-*")):
        expected = "one whose seeds are all done: the command that made it goes on with --resume"
        raise InputError.of(name, SEEDS_NAME, "an unfinished study", expected)
    if not place.exists():
        # The error names the policies that there are.
        find_policy(name)
    expected = f"a folder of townlet train, with {CARD_NAME}, or of its --seeds, with {SEEDS_NAME}; or a policy's name"
    raise InputError.of(name, "", "neither" if place.exists() else "no such folder", expected)


def _several_seeds(name: str, folder: Path) -> Run:
    results = read_results(folder)
    file = scenario_file(folder, results["scenario"]["name"])
    scenario = load_scenario(file)
    recorded = results["scenario"]["config_sha256"]
    if scenario.digest != recorded:
        expected = f"{recorded[:12]}, the hash in {SEEDS_NAME}: the file has changed since"
        raise InputError.of(file, "", scenario.digest[:12], expected)
    places = tuple(None if each["diverged"] else folder / str(each["folder"]) for each in results["seeds"])
    return Run(name, places, results, scenario)


def require_policies(run: Run, why: str) -> None:
    """Raise InputError unless every policy of a run is still there; ``why`` says what for."""
    for place in run.policies:
        if place is not None and not Path(str(card_file(place))).is_file():
            raise InputError.of(place, CARD_NAME, "no such file", f"the policy, {why}")


def town_differences(one: Scenario, other: Scenario) -> list[tuple[str, str, str]]:
    """Where two towns differ: the key, and its value in each; values of the first first."""
    first, second = (dict(_flat(each.model_dump(mode="json", include=set(TOWN)))) for each in (one, other))
    keys = dict.fromkeys([*first, *second])
    return [(key, _shown(first.get(key)), _shown(second.get(key))) for key in keys if first.get(key) != second.get(key)]


def training_differences(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The keys in which the trainings differ, with the value of each run."""
    trainings = [run.training for run in runs]
    keys = dict.fromkeys(key for training in trainings for key in training)
    values = {key: [_shown(training.get(key)) for training in trainings] for key in keys}
    return {key: own for key, own in values.items() if len(set(own)) > 1}


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
