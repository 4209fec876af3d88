"""What a scenario file says in its section ``blueprint``."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from townlet.config.base import AsTuple, Section, Seed, SomeTicks, Ticks, Weight
from townlet.config.town import Level, Name, Need


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("the lower bound first")
    return bounds


def _lasting(shift: tuple[int, int]) -> tuple[int, int]:
    if shift[0] >= shift[1]:
        raise ValueError("a first tick and, after it, the tick at which the shift is over")
    return shift


Side = Annotated[int, Field(ge=3, le=256)]
Range = Annotated[tuple[Level, Level], AsTuple, AfterValidator(_ordered)]
Shift = Annotated[
    tuple[Ticks, SomeTicks],
    AsTuple,
    AfterValidator(_lasting),
]


class BuildingBlueprint(Section):
    """A kind of building: rectangles of wall around things that people use."""

    count: Annotated[int, Field(ge=1, le=1000)] = 1
    size: Annotated[tuple[Side, Side], AsTuple]
    """Width and height in tiles, walls included. Things stand along the northern and the southern wall inside."""
    doors: Annotated[int, Field(ge=1, le=4)] = 1
    """Gaps in the wall, each on another side."""
    door_width: Annotated[int, Field(ge=1, le=16)] = 2
    objects: dict[Name, Annotated[int, Field(ge=1, le=1000)]] = {}
    """How many objects of each type stand in each of these buildings."""


class PersonalityRanges(Section):
    """Bounds between which each person's traits are drawn."""

    extroversion: Range = (0.5, 0.5)
    forgiveness: Range = (0.5, 0.5)
    ambition: Range = (0.5, 0.5)
    patience: Range = (0.5, 0.5)


class PeopleBlueprint(Section):
    """The population."""

    count: Annotated[int, Field(ge=1, le=10_000)]
    home: Name
    """Kind of building in which people live, and start; they are spread over all of these evenly."""
    per_home: Annotated[int, Field(ge=1, le=1000)]
    """People in one home, at most."""
    needs: dict[Need, Range] = {}
    """Bounds between which levels at the start are drawn; a need that is not named starts at 1."""
    personality: PersonalityRanges = PersonalityRanges()


class JobBlueprint(Section):
    """A kind of job: who has it works at one certain object in one of the shifts."""

    building: Name
    """Kind of building where the work is done."""
    object: Name
    """Type of the object in it at which the work is done."""
    share: Annotated[float, Field(gt=0.0, le=1.0)]
    """Part of all people who have it; they are dealt out over the shifts and over all such objects, near ones first."""
    shifts: Annotated[tuple[Shift, ...], AsTuple, Field(min_length=1, max_length=16)]
    """First tick of the day and the tick after the last, of each shift."""
    wage: Weight
    """Pay per tick of work."""


class Blueprint(Section):
    """A town from building blocks; it makes walls, objects, jobs and people, always the same from the same seed."""

    seed: Seed = 0
    street: Annotated[int, Field(ge=1, le=64)] = 2
    """Least number of tiles between two buildings, and between a building and the edge of the map."""
    buildings: Annotated[dict[Name, BuildingBlueprint], Field(min_length=1)]
    people: PeopleBlueprint
    jobs: dict[Name, JobBlueprint] = {}
