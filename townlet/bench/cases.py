"""Cases to measure: the standard ones, or those of the scenarios that the user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from upath import UPath

from townlet.config.find import find_scenario


class Standard(NamedTuple):
    """A scenario, its observations, and the batch sizes tried without ``--worlds``."""

    scenario: str
    observations: str
    worlds: tuple[int, ...]


#: Standard cases. The others and the references are compared with the first.
STANDARD = (
    Standard("town_day", "compact", (1, 16, 32, 64, 256)),
    Standard("town_day", "hybrid", (64, 256, 1024)),
    Standard("town_large", "compact", (1, 4, 16)),
    Standard("queue_conflict", "compact", (256, 1024)),
)
#: Batch sizes for scenarios that the user names.
BATCH_SIZES = (1, 16, 32, 64, 256, 1024)
#: Suffix of a group whose rules run as plain Python.
UNCOMPILED = ", uncompiled"


@dataclass(frozen=True)
class Case:
    """One scenario with one kind of observations in one batch size."""

    file: Path | UPath
    observations: str | None
    worlds: int
    protocol: str
    compiled: bool = True

    @property
    def group(self) -> str:
        """Name of the case without its batch size."""
        name = f"{self.file.stem} {self.observations}" if self.observations else self.file.stem
        name += ", legal actions" if self.protocol == "legal" else ""
        return name if self.compiled else name + UNCOMPILED

    @property
    def label(self) -> str:
        """Name of the case: the group and, if compiled, the batch size."""
        return f"{self.group}, {worlds_in_words(self.worlds)}" if self.compiled else self.group


def choose_cases(
    scenarios: Sequence[str], worlds: Sequence[int], observations: str | None, protocol: str
) -> list[Case]:
    """The cases to measure; empty ``scenarios`` mean the standard ones, empty ``worlds`` the usual batch sizes.

    Scenarios are names or files. ``observations``, if given, replaces the mode of the scenario and of every standard
    case. Raises InputError for an unknown name.
    """
    if scenarios:
        plan = [(name, observations, worlds or BATCH_SIZES) for name in scenarios]
    else:
        plan = [(name, observations or mode, worlds or sizes) for name, mode, sizes in STANDARD]
    cases = [Case(find_scenario(name).absolute(), mode, size, protocol) for name, mode, sizes in plan for size in sizes]
    return list(dict.fromkeys(cases))


def worlds_in_words(count: int) -> str:
    """``1 world``, ``2 worlds``."""
    return "1 world" if count == 1 else f"{count} worlds"
