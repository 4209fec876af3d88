"""Towns of the study: ``town_day`` with less room and fewer showers, and the same rules tick by tick."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import yaml

from townlet.config import Scenario
from townlet.config.find import scenarios_folder
from townlet.config.training import TrainingConfig

#: Number of homes, and side of the map in tiles.
HOMES, SIDE = 2, 32
#: Clip of the reward, so large that no arm's reward reaches it at any penalty.
REWARD_CLIP = 1000.0


@dataclass(frozen=True)
class StudyTown:
    """Parameters of a town of the study; the defaults are those of the town in which policies are trained."""

    demand: float = 1.0
    """Share of one shower's time that eight people need. It decides how long a wash takes, whatever the number of
    people and showers."""
    showers: int = 1
    people: int = 8
    layout: int = 23
    """Seed of the blueprint: places of buildings and doors, homes, workplaces and personalities."""

    @property
    def wash_ticks(self) -> int:
        """Ticks of a wash.

        Hygiene falls by d per tick, and a wash of t ticks adds w; so each person washes during t / (w / d) of all
        ticks, and eight people need 8 t d / w, the demand.
        """
        content = _original()
        decay = content["rules"]["needs"]["decay"]["hygiene"]
        gain = content["affordances"]["wash"]["effects"]["hygiene"]
        return max(round(float(self.demand * gain / (8 * decay))), 1)

    @property
    def load(self) -> float:
        """Share of all showers' time that this town's people need."""
        return self.demand * self.people / (8 * self.showers)

    def as_json(self) -> dict[str, Any]:
        """Plain values for a report."""
        return asdict(self) | {"wash_ticks": self.wash_ticks, "load": self.load}


def study_scenario(
    town: StudyTown,
    *,
    sees_conflict: bool = True,
    penalty: float = 1.0,
    days: int = 1,
    training: TrainingConfig | None = None,
) -> Scenario:
    """The scenario of a town: ``town_day`` with the study's changes.

    Args:
        town: the town's parameters.
        sees_conflict: whether features about queues and rivalry are filled.
        penalty: factor of the penalty for causing conflicts; 0 also removes those for suffering conflicts and for
            holding grudges.
        days: length of an episode.
        training: configuration of the training in it.
    """
    content = _original()
    content["name"] = "town_day_study"
    content["description"] = f"town_day for {town.people} people with {town.showers} shower(s)."
    content["ticks"] = days * content["ticks_per_day"]
    content["map"] = {"width": SIDE, "height": SIDE}
    blueprint = content["blueprint"]
    family = math.ceil(town.people / HOMES)
    blueprint["seed"] = town.layout
    blueprint["buildings"]["home"] = {
        "count": HOMES,
        "size": [10, 6],
        "doors": 2,
        "objects": {"bed": family, "fridge": 2},
    }
    blueprint["buildings"]["gym"]["objects"]["shower"] = town.showers
    blueprint["people"] |= {"count": town.people, "per_home": family}
    content["affordances"]["wash"]["ticks"] = town.wash_ticks
    reward = content["rules"]["reward"]
    # The study was made before a missed shift had a price.
    reward.pop("absence", None)
    reward["clip"] = REWARD_CLIP
    reward["conflict_actor"] *= penalty
    if penalty == 0.0:
        reward["conflict_suffered"] = reward["rivalry"] = 0.0
    content["observations"] = {"conflict_features": sees_conflict}
    content.pop("training")
    scenario = Scenario.model_validate(content)
    return scenario if training is None else scenario.model_copy(update={"training": training})


def _original() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(_text())
    return content


@cache
def _text() -> str:
    return (scenarios_folder() / "town_day.yaml").read_text(encoding="utf-8")
