"""Models of the section ``blueprint`` of a scenario file."""

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
    """A kind of building: a rectangle of walls around objects that people use."""

    count: Annotated[int, Field(ge=1, le=1000)] = 1
    size: Annotated[tuple[Side, Side], AsTuple]
    """Width and height in tiles, walls included. Objects stand inside, along the northern and the southern wall."""
    doors: Annotated[int, Field(ge=1, le=4)] = 1
    """Gaps in the walls, each on a different side."""
    door_width: Annotated[int, Field(ge=1, le=16)] = 2
    objects: dict[Name, Annotated[int, Field(ge=1, le=1000)]] = {}
    """Number of objects of each type in each of these buildings."""


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
    """Kind of building in which people live and start; they are spread evenly over all of them."""
    per_home: Annotated[int, Field(ge=1, le=1000)]
    """Most people in one home."""
    needs: dict[Need, Range] = {}
    """Bounds between which levels at the start are drawn; other needs start at 1."""
    personality: PersonalityRanges = PersonalityRanges()


class JobBlueprint(Section):
    """A kind of job; everybody who has it works at one particular object in one of the shifts."""

    building: Name
    """Kind of building where the work is done."""
    object: Name
    """Type of object in that building at which the work is done."""
    share: Annotated[float, Field(gt=0.0, le=1.0)]
    """Share of all people who have the job; they are distributed over shifts and objects, the nearest first."""
    shifts: Annotated[tuple[Shift, ...], AsTuple, Field(min_length=1, max_length=16)]
    """For each shift, its first tick of the day and the tick after its last."""
    wage: Weight
    """Pay per tick of work."""


class Blueprint(Section):
    """A town from building blocks; equal seeds give equal walls, objects, jobs and people."""

    seed: Seed = 0
    street: Annotated[int, Field(ge=1, le=64)] = 2
    """Least number of tiles between buildings, and between a building and the edge of the map."""
    buildings: Annotated[dict[Name, BuildingBlueprint], Field(min_length=1)]
    people: PeopleBlueprint
    jobs: dict[Name, JobBlueprint] = {}
