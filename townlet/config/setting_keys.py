"""Keys of settings: every single value of a configuration by its shortest key, with its default and its meaning."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from townlet.config.faults import item_type, plain_type

#: What stands in a key for a name that a scenario chooses itself.
ANY_NAME = "NAME"
#: First keys that only a scenario's file can have, with the reason.
FILE_ONLY = {
    "name": "a scenario has the name of its file",
    "description": "it is part of the file",
    "blueprint": "it was expanded when the file was read; change what it made, or the file",
}


class SettingKey(NamedTuple):
    """A key of settings."""

    name: str
    default: str
    """As JSON; empty where there is none."""
    meaning: str
    """The first sentence of its description; empty without one."""


def setting_keys(model: type[BaseModel]) -> list[SettingKey]:
    """Return all keys of a model with a ``training`` section, sorted; keys of that section are without its name."""
    found: list[SettingKey] = []
    waiting: list[tuple[tuple[str, ...], Any, Any, str]] = [((), model, PydanticUndefined, "")]
    while waiting:
        where, kind, default, meaning = waiting.pop()
        if is_section(kind):
            for name, field in kind.model_fields.items():
                if (*where, name)[0] not in FILE_ONLY:
                    own = field.default if default is PydanticUndefined else getattr(default, name)
                    waiting.append(((*where, name), plain_type(field.annotation), own, field.description or ""))
        elif get_origin(kind) is dict:
            waiting.append(((*where, ANY_NAME), plain_type(item_type(kind)), PydanticUndefined, meaning))
        else:
            written = "" if default is PydanticUndefined else json.dumps(to_jsonable_python(default))
            found.append(SettingKey(shortest_key(where), written, _first_sentence(meaning)))
    return sorted(found)


def is_section(kind: Any) -> bool:
    """Whether a type is that of a section, which has keys of its own."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def shortest_key(where: tuple[str, ...]) -> str:
    """Return the shortest key of a place that has only one meaning, and that a reader understands."""
    if where == ("seed",):
        return "scenario.seed"
    # Values right in the training section have general names, so they keep the section's.
    return ".".join(where[1:] if where[0] == "training" and len(where) > 2 else where)


def _first_sentence(text: str) -> str:
    first, dot, _ = " ".join(text.split()).partition(". ")
    return (first + dot.strip()).replace("``", "`")
