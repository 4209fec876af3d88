"""Settings: values for single keys of a scenario, given beside its file, as by ``--set ppo.learning_rate=1e-3``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from pydantic import BaseModel, JsonValue
from pydantic_core import to_jsonable_python

from townlet.config.document import Node, parse_document
from townlet.config.faults import item_type, known_keys, plain_type, quote
from townlet.config.scenario import Scenario
from townlet.config.setting_keys import FILE_ONLY, is_section, setting_keys
from townlet.config.training import TrainingConfig
from townlet.config.validate_scenario import Source, Where, validated_scenario
from townlet.errors import Fault, InputError, nearest_name

#: Settings as a caller gives them: ``key=value`` texts, or a mapping of keys, which may be nested.
Settings = Sequence[str] | Mapping[str, JsonValue]

#: Short keys with more than one meaning, and what says which is meant.
_AMBIGUOUS = {
    "seed": ("scenario.seed", "training.seed"),
    "worlds": ("training.worlds", "capture.worlds", "soak.worlds"),
}


@dataclass(frozen=True)
class Setting:
    """One setting."""

    key: str
    """As it was given."""
    where: Where
    """Its place in the content."""
    value: Any
    node: Node | None = None
    """The value as it was written, if it was text."""


def with_settings(scenario: Scenario, settings: Settings, source: str = "--set") -> Scenario:
    """Return the scenario with settings in place of its own values.

    A key is a dotted path in the scenario, such as ``rules.queue.cooldown_ticks``, or in its ``training`` section, such
    as ``ppo.learning_rate`` or ``cycles``; ``scenario.seed`` is the seed of episodes. The value is a YAML scalar or
    list, by the rules of scenario files. Without settings the scenario itself is returned. If ``ticks`` falls,
    instructions after the new end are left out.

    :attr:`Scenario.settings` of the result holds the settings by full key in order; artefacts record them. Given as a
    mapping, they make the same scenario out of the same file again.

    Args:
        scenario: a valid one.
        settings: ``key=value`` texts, or a mapping of keys, nested or dotted, to values.
        source: where the settings come from, for errors.

    Raises InputError with every fault: a text that is no setting, a key that is unknown, ambiguous or given twice, and
    all that a scenario's file would be refused for.
    """
    found = read_settings(settings, source)
    if not found:
        return scenario
    content = scenario.model_dump()
    put_settings(content, found, Scenario, source)
    ticks = content["ticks"]
    if type(ticks) is int and ticks < scenario.ticks and not any(each.where[0] == "schedule" for each in found):
        content["schedule"] = {
            name: [entry for entry in entries if entry["at"] < ticks] for name, entries in content["schedule"].items()
        }
    by_mapping = isinstance(settings, Mapping)
    changed = validated_scenario(content, source, SettingsSource(found), numbers_as_text=by_mapping)
    return changed.with_record_of(_record(scenario, changed, found))


def _record(before: Scenario, after: Scenario, settings: Iterable[Setting]) -> dict[str, JsonValue]:
    """The settings by full key, with the values that the validation made of them; those of before are included."""
    new = {_full_key(each.where): to_jsonable_python(_at(after, each.where)) for each in settings}
    return dict(sorted({**before.settings, **new}.items()))


def setting_texts(settings: Mapping[str, JsonValue]) -> list[str]:
    """Return ``key=value`` texts that mean the same as a mapping of full keys."""
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]


def full_keys(settings: Settings, source: str = "--set") -> list[str]:
    """Return the full keys of settings. Raises what :func:`read_settings` raises."""
    return [_full_key(each.where) for each in read_settings(settings, source)]


def set_words(settings: Mapping[str, JsonValue]) -> list[str]:
    """Return the words of a command that make settings again: ``--set`` before each ``key=value``."""
    return [word for text in setting_texts(settings) for word in ("--set", text)]


def read_settings(settings: Settings, source: str, model: type[BaseModel] = Scenario) -> list[Setting]:
    """Return settings with their places in the content of a model, which has a ``training`` section.

    Raises InputError for a text that is no setting, an unknown first key, and a key that is ambiguous or given twice.
    """
    short = model is Scenario
    given = [settings] if isinstance(settings, str) else settings
    pairs = _flat(given, source) if isinstance(given, Mapping) else (_pair(text, source) for text in given)
    found, faults = list[Setting](), list[Fault]()
    for key, value, node in pairs:
        where = _place(key, model, source, short=short)
        if isinstance(where, Fault):
            faults.append(where)
        elif any(each.where == where for each in found):
            faults.append(Fault(source, key, "a second time", "once"))
        else:
            found.append(Setting(key, where, value, node))
    if faults:
        raise InputError(faults)
    return found


def put_settings(content: dict[str, Any], settings: Iterable[Setting], model: type[BaseModel], source: str) -> None:
    """Put settings into the content of a model, which is validated afterwards.

    Raises InputError for a key that stands for a whole section, or leads through a value or an unknown name.
    """
    faults = [fault for each in settings if (fault := _put(content, each, model, source)) is not None]
    if faults:
        raise InputError(faults)


class SettingsSource(Source):
    """Settings as the source of faults: a place is named by the key that its value was given under."""

    def __init__(self, settings: Iterable[Setting]) -> None:
        self._settings = list(settings)

    def place(self, where: Where) -> str:
        """Return the key of the setting at a place or around it, or else the place's path."""
        found = self._at(where)
        return ".".join(where if found is None else (found.key, *where[len(found.where) :]))

    def written(self, where: Where) -> Node | None:
        """Return the node at a place, if a text set it."""
        found = self._at(where)
        node = None if found is None else found.node
        for part in () if found is None else where[len(found.where) :]:
            node = node.inner.get(part) if node else None
        return node

    def _at(self, where: Where) -> Setting | None:
        return next((each for each in self._settings if where[: len(each.where)] == each.where), None)


def _pair(text: str, source: str) -> tuple[str, Any, Node | None]:
    """The key and the value of a ``key=value`` text."""
    expected = "KEY=VALUE, such as ppo.learning_rate=1e-3"
    if not isinstance(text, str):
        raise InputError.of(source, "", quote(text), expected)
    key, equals, written = (part.strip() for part in text.partition("="))
    if not equals or not all(key.split(".")):
        raise InputError.of(source, "", repr(text), expected)
    if not written:
        raise InputError.of(source, key, "nothing", "a value; null stands for none")
    try:
        node = parse_document(source, written.encode()).root
    except (InputError, UnicodeEncodeError):
        node = None
    if node is None or isinstance(node.value, dict):
        expected = "a YAML scalar, or a list such as [64, 64]"
        inside = next(iter(node.value), None) if node else None
        raise InputError.of(source, key, repr(written), f"{expected}; or set {key}.{inside}" if inside else expected)
    return key, node.value, node


def _flat(settings: Mapping[str, Any], source: str, before: str = "") -> Iterator[tuple[str, Any, Node | None]]:
    """The keys and values of a mapping; a nested mapping's keys are put behind its own."""
    for key, value in settings.items():
        if not isinstance(key, str) or not all(key.split(".")):
            raise InputError.of(source, before, quote(key), "a key such as ppo.learning_rate")
        path = f"{before}.{key}" if before else key
        if isinstance(value, Mapping):
            yield from _flat(value, source, path)
        else:
            yield path, value, None


def _place(key: str, model: type[BaseModel], source: str, *, short: bool) -> Where | Fault:
    """The place in a model's content that a key means, or why it means none."""
    first, *others = key.split(".")
    training, own = TrainingConfig.model_fields, model.model_fields
    if short and first == "scenario" and others:
        if others[0] in own and others[0] not in FILE_ONLY:
            return tuple(others)
        return Fault(source, key, f"unknown key {others[0]!r}", nearest_name(others[0], set(own) - set(FILE_ONLY)))
    if short and first in _AMBIGUOUS and not others:
        return Fault(source, key, "a key with more than one meaning", _meanings(first))
    if short and first in FILE_ONLY:
        return Fault(source, key, "what cannot be set", f"another key: {FILE_ONLY[first]}")
    if first in own:
        return (first, *others)
    if first in training:
        return ("training", first, *others)
    return Fault(source, key, f"unknown key {first!r}", _nearest(key, model, short=short))


def _meanings(short: str) -> str:
    *others, last = _AMBIGUOUS[short]
    return f"{', '.join(others)} or {last}"


def _nearest(key: str, model: type[BaseModel], *, short: bool) -> str:
    """The known first keys, and the whole key that somebody may have meant by the end of one."""
    known = {*model.model_fields, *TrainingConfig.model_fields} - (set(FILE_ONLY) if short else set())
    listing, asked, closest = nearest_name(key.split(".")[0], known).partition("; did you mean ")
    longer = [each.name for each in setting_keys(model) if f".{each.name}".endswith(f".{key}")]
    if longer:
        return f"{listing}; did you mean {' or '.join(map(repr, longer))}?"
    return f"{listing}{asked}{closest}"


def _put(content: dict[str, Any], setting: Setting, model: type[BaseModel], source: str) -> Fault | None:
    """Put one setting into content; a name that no section has is left to the validation."""
    kind: Any = model
    part = content
    for depth, name in enumerate(setting.where):
        if is_section(kind):
            field = kind.model_fields.get(name)
            kind = None if field is None else plain_type(field.annotation)
        else:
            kind = plain_type(item_type(kind))
            if is_section(kind) and name not in part:
                return Fault(source, setting.key, f"unknown name {name!r}", nearest_name(name, part))
        beyond = len(setting.where) - 1 - depth
        holds_keys = is_section(kind) or get_origin(kind) is dict
        if kind is None or not (beyond or holds_keys):
            part[name] = setting.value
            return None
        if not beyond:
            return Fault(source, setting.key, quote(setting.value), _keys_of(setting, kind, part.get(name)))
        if not holds_keys:
            outer = ".".join(setting.key.split(".")[:-beyond])
            return Fault(source, setting.key, "a key below a single value", f"{outer}=VALUE")
        if part.get(name) is None:
            part[name] = {}
        if not isinstance(part[name], dict):
            return None
        part = part[name]
    return None


def _keys_of(setting: Setting, kind: Any, present: Any) -> str:
    names = known_keys(kind, ()) if is_section(kind) else list(present or ())
    listing = f", {nearest_name('', names)}" if names else ""
    return f"a key in this section{listing}; such as {setting.key}.{names[0] if names else 'NAME'}=VALUE"


def _full_key(where: Where) -> str:
    return ".".join(("scenario", *where) if len(where) == 1 and where[0] in _AMBIGUOUS else where)


def _at(scenario: Any, where: Where) -> Any:
    """The value at a place in a scenario; None if nothing is there."""
    for part in where:
        scenario = scenario.get(part) if isinstance(scenario, Mapping) else getattr(scenario, part)
    return scenario
