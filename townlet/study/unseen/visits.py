"""Visits that answer each question, in test towns or in validation towns."""

from __future__ import annotations

from townlet.config.drawn import TEST, VALIDATION
from townlet.study.unseen.places import Place, Question, Visit
from townlet.study.unseen.settings import Settings


def visit(question: Question, settings: Settings) -> Visit:
    """The visit that answers a question."""
    numbers = TEST if settings.split == "test" else VALIDATION

    def places(count: int, people: int | None = None) -> tuple[Place, ...]:
        return tuple(Place(number, people) for number in numbers[:count])

    if question == "company":
        return Visit(places(settings.towns, settings.company_people), settings.worlds, settings.jumpers)
    if question == "large":
        return Visit(places(settings.large_towns, settings.large_people), settings.large_worlds)
    if question == "choice":
        return Visit(tuple(map(Place, VALIDATION[: settings.choosing_towns])), settings.worlds)
    return Visit(places(settings.towns), settings.worlds)
