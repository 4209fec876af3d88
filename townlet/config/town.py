"""Configuration of a town: map, objects, affordances, jobs, people and their schedules."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from townlet.config.base import AsTuple, Section, SomeTicks, Ticks, Weight
from townlet.config.expressions import parse_expression

Need = Literal["hunger", "hygiene", "energy"]
NEEDS: tuple[Need, ...] = get_args(Need)
Level = Annotated[float, Field(ge=0.0, le=1.0)]
Coordinate = Annotated[int, Field(ge=0, le=4095)]
Tile = Annotated[tuple[Coordinate, Coordinate], AsTuple]
NAME_PATTERN = "^[a-z][a-z0-9_]*$"
#: Longest name in letters: file names of 255 bytes hold it twice, with additions around and between.
LONGEST_NAME = 100
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=LONGEST_NAME)]

#: A town numbers people and objects in 16 bits.
MOST_PEOPLE, MOST_OBJECTS = 10_000, 30_000

#: Verbs of instructions; those in the second group name an object type.
PLAIN_VERBS = ("wait", "release", "leave", "move north", "move south", "move west", "move east")
OBJECT_VERBS = ("request", "use", "camp", "push_in", "give_way")


class Wall(Section):
    """A rectangular block of wall, both corners included."""

    corner: Tile
    opposite: Tile


class MapConfig(Section):
    """A grid of tiles; x grows eastwards, y southwards."""

    width: Annotated[int, Field(ge=1, le=1024)]
    height: Annotated[int, Field(ge=1, le=1024)]
    walls: Annotated[tuple[Wall, ...], AsTuple, Field(max_length=50_000)] = ()


class ObjectConfig(Section):
    """An object that people use, on a tile that nobody can enter."""

    type: Name
    at: Tile


class AffordanceConfig(Section):
    """A use that a type of object offers."""

    object: Name
    """The object type that offers it."""
    ticks: Annotated[int, Field(ge=1, le=100_000)]
    """Duration; a use runs to its end unless it is released."""
    effects: dict[Need, Annotated[float, Field(ge=-1.0, le=1.0)]] = {}
    """Change of each need over the whole duration, applied evenly in each tick."""
    when: str | None = None
    """Precondition of a start, such as ``hygiene < 0.95 and wallet >= price``."""
    price: Weight = 0.0
    """Paid at the start; people who cannot pay cannot start."""
    uses_stock: bool = False
    """Whether it takes a unit of the object's stock, without which it cannot start."""
    utility: Literal["power", "water"] | None = None
    """A utility without which it cannot start and is interrupted."""
    meal: bool = False
    """Whether people who do it side by side share a meal."""
    work: bool = False
    """Whether it is the work of jobs whose workplace is such an object; only their holders can start it, on shift."""
    counts_as: Literal["shower_complete", "sleep_complete"] | None = None
    """Telemetry counter that a completed use increments."""

    @field_validator("when")
    @classmethod
    def _an_expression(cls, when: str | None) -> str | None:
        if when is not None:
            parse_expression(when)
        return when


class JobConfig(Section):
    """A daily shift, in ticks of the day; the end is excluded."""

    workplace: Name
    """Name of the object where the work is done."""
    start: Ticks
    end: SomeTicks
    wage: Weight
    """Pay per tick of work."""

    @field_validator("end")
    @classmethod
    def _after_the_start(cls, end: int, info: ValidationInfo) -> int:
        start = info.data.get("start", -1)
        if end <= start:
            raise ValueError(f"a tick after the start, {start}")
        return end


class Personality(Section):
    """Four traits in which people differ; 0.5 is average, and the default."""

    extroversion: Level = 0.5
    """How often their chats succeed, and how good they are."""
    forgiveness: Level = 0.5
    """How fast their grudges fade, and how far a good chat reconciles them."""
    ambition: Level = 0.5
    """How much they resent being wronged in a queue."""
    patience: Level = 0.5
    """How long they queue before they take offence."""


TRAITS: tuple[str, ...] = tuple(Personality.model_fields)


class PersonConfig(Section):
    """A person: start tile, needs at the start, job and personality."""

    at: Tile
    needs: dict[Need, Level] = {}
    """Levels at the start; 1 is satisfied, and the default."""
    job: Name | None = None
    personality: Personality = Personality()


class Instruction(Section):
    """What a scripted person does from a tick on, until their next instruction.

    Verbs: ``wait``; ``move north|south|west|east``; ``release`` and ``leave``; and, naming an object type,
    ``request`` (walk there, queue, and hold the object without using it), ``use`` (the same, and use it whenever
    possible), ``camp`` (use it over and over), ``push_in`` (use it, jumping the queue) and ``give_way`` (use it, but
    let others go first).
    """

    at: Ticks
    do: str

    @property
    def verb(self) -> str:
        """The verb alone: ``use`` in ``use shower``."""
        return self.do if self.do in PLAIN_VERBS else self.do.split(" ")[0]

    @property
    def target(self) -> str | None:
        """The object type that the instruction names, if its verb takes one."""
        return None if self.do in PLAIN_VERBS else self.do.partition(" ")[2]
