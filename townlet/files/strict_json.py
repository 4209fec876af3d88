"""Strict JSON: the one parser of every JSON text that Townlet reads, and its bounds.

Strict is UTF-8 without lone surrogates, each key of an object once, numbers that are finite in double precision (but
seeds, which have any size), and at most :data:`DEPTH` levels. What was written by Townlet keeps to it, and what does
not is refused, never guessed at.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from townlet.errors import Fault, InputError
from townlet.text.terminal import printable

#: Levels of lists and objects within each other; deeper ones would exhaust the stack of whoever walks them.
DEPTH = 100

#: The place of a value: the key that leads to it, and the place of what holds it.
_Place = tuple[Any, Any]


def parse(raw: bytes) -> tuple[Any, list[str]]:
    """The value that a JSON text means, and the keys that an object has more than once.

    NaN, infinities and repeated keys (the last one counts) are kept, for readers that name them themselves; others use
    :func:`strict`. Raises ValueError in words: :class:`UnicodeDecodeError` for bytes that are not UTF-8,
    :class:`json.JSONDecodeError` for what is no JSON, and plain ones for what is beyond a bound.
    """
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        collected = dict(pairs)
        if len(collected) < len(pairs):
            repeated.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return collected

    text = raw.decode()
    try:
        value = json.loads(text, object_pairs_hook=collect, parse_int=_whole_number)
    except RecursionError:
        raise _too_deep() from None
    # A text with few brackets cannot be deep.
    if text.count("[") + text.count("{") > DEPTH:
        for _ in _leaves(value):
            pass
    return value, repeated


def strict(raw: bytes, file: object, expected: str, line: int | None = None) -> Any:
    """The value of a JSON text in a ``file``, or in a ``line`` of it.

    Raises InputError, with what was ``expected``, for anything that is not strict JSON.
    """
    where = "" if line is None else f"line {line}"
    try:
        value, repeated = parse(raw)
    except UnicodeDecodeError as error:
        place = where or f"byte {error.start}"
        raise InputError.of(file, place, "bytes that are not UTF-8", expected) from None
    except json.JSONDecodeError as error:
        found = "an incomplete file" if error.pos >= len(error.doc.rstrip()) and line is None else error.msg
        place = where or f"line {error.lineno} column {error.colno}"
        raise InputError.of(file, place, found, f"{expected} as strict JSON") from None
    except ValueError as error:
        raise InputError.of(file, where, str(error), f"{expected} as strict JSON") from None
    prefix = f"{where}: " if where else ""
    if repeated:
        raise InputError(
            Fault(str(file), f"{prefix}{_shown(name)}", "the key more than once", "it once") for name in repeated[:4]
        )
    for at, leaf in _leaves(value):
        if (fault := _fault_of(leaf)) and not (isinstance(leaf, int) and _is_seed(at)):
            raise InputError.of(file, f"{prefix}{_dotted(at)}", *fault)
    return value


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number, finite and within a double's range; a boolean is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_utf8(text: str | bytes) -> bool:
    """Whether bytes are UTF-8, or a string can be encoded as UTF-8, which half of a surrogate pair cannot."""
    try:
        _ = text.decode() if isinstance(text, bytes) else text.encode()
    except UnicodeError:
        return False
    return True


def _whole_number(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        raise ValueError(f"a whole number of {len(digits)} digits") from None


def _too_deep() -> ValueError:
    return ValueError(f"more than {DEPTH} levels of lists and objects")


def _leaves(value: Any) -> Iterator[tuple[_Place | None, Any]]:
    """Every key, and every value that is no list and no object, with its place. Raises ValueError beyond the depth."""
    level: list[tuple[_Place | None, Any]] = [(None, value)]
    for _ in range(DEPTH + 1):
        below: list[tuple[_Place | None, Any]] = []
        for place, item in level:
            if isinstance(item, dict):
                yield from ((place, key) for key in item)
                below.extend(((place, key), inner) for key, inner in item.items())
            elif isinstance(item, list):
                below.extend(((place, index), inner) for index, inner in enumerate(item))
            else:
                yield place, item
        if not below:
            return
        level = below
    raise _too_deep()


def _fault_of(leaf: Any) -> tuple[str, str] | None:
    """What is found and expected if a key or value is none that strict JSON can say."""
    if isinstance(leaf, str):
        return None if leaf.isascii() or is_utf8(leaf) else ("half of a surrogate pair", "text that UTF-8 can write")
    if isinstance(leaf, int | float) and not isinstance(leaf, bool) and not is_number(leaf):
        found = str(leaf) if isinstance(leaf, float) else f"a whole number of {len(str(abs(leaf)))} digits"
        return found, "a finite number"
    return None


def _is_seed(place: _Place | None) -> bool:
    """Whether a value is a seed, or one of a list of them: those are whole numbers of any size."""
    if place is not None and isinstance(place[1], int):
        place = place[0]
    return place is not None and place[1] in ("seed", "seeds")


def _dotted(place: _Place | None) -> str:
    keys: list[str] = []
    while place is not None:
        place, key = place
        keys.append(_shown(str(key)))
    return ".".join(reversed(keys))


def _shown(name: str) -> str:
    name = printable(name)
    return name if len(name) <= 60 else f"{name[:57]}..."
