"""Places of the study: drawn towns, by their numbers and sizes, and who keeps our people company there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from townlet.config import Scenario
from townlet.config.drawn import drawn_scenario

#: Questions by what is evaluated: everybody in towns nobody trained in; mixed company; a size never trained on; and the
#: choice of the policy to be shipped.
Question = Literal["towns", "company", "large", "choice"]
QUESTIONS: tuple[Question, ...] = ("towns", "company", "large", "choice")


@dataclass(frozen=True)
class Place:
    """A drawn town."""

    number: int
    """The number that it is drawn from; also the seed of its worlds, so that everybody meets the same ones."""
    people: int | None = None
    """Size of the population, if it is not as drawn."""

    def scenario(self, *, sees_conflict: bool = True) -> Scenario:
        """The town, as people see it who observe queues and rivalry or do not."""
        scenario = drawn_scenario(self.number, people=self.people)
        seen = scenario.observations.model_copy(update={"conflict_features": sees_conflict})
        return scenario.model_copy(update={"observations": seen})


@dataclass(frozen=True)
class Visit:
    """The places that answer a question, and how they are evaluated."""

    places: tuple[Place, ...]
    worlds: int
    jumpers: int = 0
    """Queue-jumpers among the people of each place; they are not counted."""
