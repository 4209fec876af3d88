"""Strict JSON: the parser for all JSON that Townlet reads.

Strict JSON is UTF-8 without lone surrogates. No object repeats a key, every number is finite in double precision
(except seeds, which have any size), and nesting has at most :data:`DEPTH` levels. Everything Townlet writes is strict;
anything else is refused.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from townlet.errors import Fault, InputError
from townlet.text.terminal import printable

#: Most levels of nested lists and objects; deeper nesting would exhaust the stack of recursive readers.
DEPTH = 100

#: A tuple, because checking against a union takes twice as long, and every number of every log is checked.
_NUMBERS = (int, float)

#: The place of a value: the place of its container, and the value's key there.
_Place = tuple[Any, Any]


def parse(raw: bytes) -> tuple[Any, list[str]]:
    """Parse a JSON text leniently; return its value, and the keys that an object repeats.

    NaN, infinities and repeated keys (the last one counts) are kept for callers that report them themselves; all others
    use :func:`strict`.

    Raises :class:`UnicodeDecodeError` for bytes that are not UTF-8, :class:`json.JSONDecodeError` for invalid JSON, and
    a plain ValueError for too many levels or digits.
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
    # A text with few brackets cannot nest deeply.
    if text.count("[") + text.count("{") > DEPTH:
        for _ in _leaves(value):
            pass
    return value, repeated


def strict(raw: bytes, file: object, expected: str, line: int | None = None) -> Any:
    """Parse a strict JSON text from a ``file``, or from one ``line`` of it.

    Raises InputError, naming what was ``expected``, for anything that is not strict JSON.
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
            Fault(str(file), f"{prefix}{_brief(name)}", "the key more than once", "it once") for name in repeated[:4]
        )
    for at, leaf in _leaves(value):
        if (fault := _fault_of(leaf)) and not (isinstance(leaf, int) and _is_seed(at)):
            raise InputError.of(file, f"{prefix}{_dotted(at)}", *fault)
    return value


def is_number(value: Any) -> bool:
    """Tell whether a JSON value is a finite number in the range of a double; a boolean is not."""
    if type(value) is float:
        return math.isfinite(value)
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def is_utf8(text: str | bytes) -> bool:
    """Tell whether bytes are UTF-8, or a string can be encoded so; half of a surrogate pair cannot."""
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
    """Yield every key and every scalar with its place. Raises ValueError beyond :data:`DEPTH` levels."""
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
    """What is found and expected, if a key or scalar is not allowed in strict JSON."""
    if isinstance(leaf, str):
        return None if leaf.isascii() or is_utf8(leaf) else ("half of a surrogate pair", "text that UTF-8 can write")
    if isinstance(leaf, int | float) and not isinstance(leaf, bool) and not is_number(leaf):
        found = str(leaf) if isinstance(leaf, float) else f"a whole number of {len(str(abs(leaf)))} digits"
        return found, "a finite number"
    return None


def _is_seed(place: _Place | None) -> bool:
    """Whether a value is a seed or an item of a list of seeds, which may have any size."""
    if place is not None and isinstance(place[1], int):
        place = place[0]
    return place is not None and place[1] in ("seed", "seeds")


def _dotted(place: _Place | None) -> str:
    keys: list[str] = []
    while place is not None:
        place, key = place
        keys.append(_brief(str(key)))
    return ".".join(reversed(keys))


def _brief(name: str) -> str:
    name = printable(name)
    return name if len(name) <= 60 else f"{name[:57]}..."
