"""Settings that an artefact names beside its scenario's file, for its claims and its command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from townlet.config.settings import set_words
from townlet.errors import InputError


def settings_in(entry: Mapping[str, Any], path: Path) -> dict[str, JsonValue]:
    """The settings in an artefact's entry; none if it names none. Raises InputError if they are damaged."""
    found = entry.get("settings", {})
    if not isinstance(found, dict):
        raise InputError.of(path, "settings", repr(found)[:60], "an object of keys and values")
    return found


def as_text(settings: Mapping[str, JsonValue]) -> str:
    """Settings as a claim holds them; empty without any."""
    return json.dumps(settings) if settings else ""


def set_options(settings: Mapping[str, JsonValue], but: Collection[str] = ()) -> str:
    """The options of a command that make settings again, after a space; ``but`` are keys with options of their own."""
    words = set_words({key: value for key, value in settings.items() if key not in but})
    return f" {shlex.join(words)}" if words else ""
