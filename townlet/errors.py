"""Errors about unusable input, which name the file, the field, what was found and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from townlet.text.terminal import printable


@dataclass(frozen=True)
class Fault:
    """One fault in one input.

    ``where`` is a place inside the file, such as ``rules.queue.cooldown_ticks`` or ``line 3: kl_divergence``; it is
    empty if the whole file is at fault. ``found`` is empty if there is nothing to quote.
    """

    file: str
    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.where}" if self.where else self.file
        found = f"found {self.found}, " if self.found else ""
        return printable(f"{place}: {found}expected {self.expected}")


class InputError(Exception):
    """Unusable input. The command line prints one line per fault and exits with 2, without a traceback.

    Libraries that pass errors between processes rebuild them from the message or from the error itself, so both are
    accepted; ``faults`` are then the error's, or none.
    """

    faults: tuple[Fault, ...]

    def __init__(self, faults: Iterable[Fault] | str | Exception) -> None:
        if isinstance(faults, (str, Exception)):
            self.faults = faults.faults if isinstance(faults, InputError) else ()
            super().__init__(str(faults))
        else:
            self.faults = tuple(faults)
            super().__init__("\n".join(str(fault) for fault in self.faults))

    @classmethod
    def of(cls, file: object, where: str, found: str, expected: str) -> InputError:
        """Make an error with a single fault."""
        return cls([Fault(str(file), where, found, expected)])


class RunError(RuntimeError):
    """A run over valid input that could not go on. The command line prints it and exits with 1, without a traceback.

    Pickle and other libraries rebuild an error as ``type(error)(message)``. Subclasses therefore take only the message,
    and have class methods that build it.
    """


def nearest_name(name: str, known: Iterable[str]) -> str:
    """Return ``one of a, b, c``, followed by the closest known name if ``name`` may be a misspelling of it."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    listing = f"one of {', '.join(names)}" if names else "nothing: no name is defined here"
    return f"{listing}; did you mean {close[0]!r}?" if close else listing
