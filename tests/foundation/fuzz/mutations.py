"""Altered files: JSON values replaced by others of every kind, size and depth, and bytes flipped."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

_WORDS = (
    "",
    ".",
    "..",
    "a/b",
    "../up",
    "a\0b",
    "a\nb",
    "\x1b[2J",
    "\u2028",
    "é" * 300,
    "x" * 5000,
    "nan",
    "1e9",
    "*",
    "[",
)
_NUMBERS = (
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    10**30,
    10**308,
    10**400,
    0.5,
    -0.0,
    1e-320,
    1e308,
    float("inf"),
    float("nan"),
)

#: JSON values of any kind, most of them unexpected by a reader.
values = st.one_of(
    st.sampled_from(_NUMBERS),
    st.sampled_from(_WORDS),
    st.none() | st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=6,
    ),
    st.integers(1, 150).map(lambda depth: json.loads("[" * depth + "]" * depth)),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, item in inner for each in [(*path, key), *places(item, (*path, key))]]


@st.composite
def altered(draw: st.DrawFn, content: Any) -> Any:
    """The JSON value with one to three of its values replaced, removed or extended."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        known = places(content)
        if not known:
            break
        *path, last = draw(st.sampled_from(known))
        holder = content
        for key in path:
            holder = holder[key]
        kind = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if kind == "remove":
            del holder[last]
        elif kind == "add" and isinstance(holder, dict):
            holder[draw(st.text(max_size=8))] = draw(values)
        else:
            holder[last] = draw(values)
    return content


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The bytes with some flipped, cut out, repeated or replaced by brackets."""
    start = draw(st.integers(0, max(len(content) - 1, 0)))
    length = draw(st.integers(0, 40))
    middle = draw(
        st.one_of(
            st.binary(max_size=20),
            st.sampled_from([b"", b"[" * 100_000, b'{"a":' * 5_000, b"9" * 5_000, b"\0", b"\xff", b"\n", b'"', b"NaN"]),
            st.just(content[start : start + length] * 2),
        )
    )
    return content[:start] + middle + content[start + length :]
