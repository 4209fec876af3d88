"""Spaces of settings, as files such as ``configs/sweeps/queue_conflict.yaml`` describe them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, JsonValue
from pydantic_core import to_jsonable_python

from townlet.config import Scenario
from townlet.config.base import Section
from townlet.config.document import Document, parse_document
from townlet.config.faults import quote
from townlet.config.scalars import read_number
from townlet.config.settings import read_settings
from townlet.config.validate import validated
from townlet.errors import Fault, InputError
from townlet.files.storage import AnyPath, canonical_json, read_bytes
from townlet.sweep.distributions import Choices, Distribution, Range, is_multiple

_EXAMPLE = "settings with their values, such as ppo.learning_rate: {low: 0.0001, high: 0.01, log: true}"
#: Largest number of settings of a space, and of choices of a setting.
MOST_SETTINGS, MOST_CHOICES = 64, 1000


class RangeSection(Section):
    """A range in a space's file."""

    low: float
    """The smallest value."""
    high: float
    """The largest value."""
    log: bool = False
    """Whether the logarithm is drawn evenly, as suits numbers that range over powers of ten."""
    step: Annotated[float, Field(gt=0.0)] | None = None
    """Distance of the values from each other."""


@dataclass(frozen=True)
class Space:
    """Settings and the values that each may take."""

    source: str
    """The file, for errors."""
    settings: Mapping[str, Distribution]
    """By key, in the file's order."""
    default: Mapping[str, JsonValue]
    """The scenario's own values, by key."""
    document: Document | None = None

    def holds(self, settings: Mapping[str, JsonValue]) -> bool:
        """Whether these settings are a point of the space."""
        return all(one.holds(settings[key]) for key, one in self.settings.items())

    def as_json(self) -> dict[str, Any]:
        """The space as plain values, to compare and to report."""
        return {key: as_json(one) for key, one in self.settings.items()}

    def place(self, key: str, *inside: str) -> str:
        """The place of a setting in the file, for errors."""
        where = (key, *inside)
        return self.document.place(where) if self.document else ".".join(where)


def read_space(source: AnyPath | Mapping[str, Any], scenario: Scenario) -> Space:
    """Read a space for a scenario from a YAML file, or from a mapping as a file would hold it.

    A key is what ``--set`` takes. A list holds choices. A mapping holds ``low`` and ``high``, and ``log: true`` or a
    ``step``; its values are whole numbers where the scenario's own value is one.

    Raises InputError with every fault of the file. :func:`townlet.sweep.corners.require_corners` finds values that the
    scenario refuses.
    """
    name, document = ("space", None) if isinstance(source, Mapping) else (str(source), _document(source))
    content = source if isinstance(source, Mapping) else document.value if document else None
    if not isinstance(content, Mapping) or not content:
        found = "an empty file" if content is None else quote(content)
        raise InputError.of(name, "", found, _EXAMPLE)
    if len(content) > MOST_SETTINGS:
        raise InputError.of(name, "", f"{len(content)} settings", f"at most {MOST_SETTINGS}")
    draft = Space(name, {}, {}, document)
    # A list stands in for the distribution, which `read_settings` would take for a section.
    read = read_settings({key: [] for key in content}, name)
    if any(each.where == ("training", "seed") for each in read):
        raise InputError.of(name, draft.place("training.seed"), "a seed", "other keys: a sweep gives seeds by itself")
    default = {each.key: to_jsonable_python(_at(scenario, each.where, name, each.key)) for each in read}
    settings: dict[str, Distribution] = {}
    faults: list[Fault] = []
    for key, written in content.items():
        given = written if document else _with_numbers(written, default[key])
        try:
            settings[key] = _distribution(draft, key, given, default[key])
        except InputError as error:
            faults.extend(error.faults)
    if faults:
        raise InputError(faults)
    return Space(name, settings, default, document)


def as_json(distribution: Distribution) -> JsonValue:
    """A distribution as a file would hold it."""
    if isinstance(distribution, Choices):
        return list(distribution.values)
    low, high = distribution.ends()
    content: dict[str, JsonValue] = {"low": low, "high": high}
    if distribution.log:
        content["log"] = True
    if distribution.step is not None:
        content["step"] = distribution.step
    return content


def _document(path: AnyPath) -> Document:
    return parse_document(path, read_bytes(path, "a space of settings in YAML"))


def _at(scenario: Scenario, where: tuple[str, ...], source: str, key: str) -> Any:
    """The scenario's own value at a place; InputError for a section, and for a place that is not there."""
    value: Any = scenario
    for part in where:
        inside = isinstance(value, BaseModel) and part in type(value).model_fields
        value = getattr(value, part) if inside else value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, BaseModel | Mapping):
        raise InputError.of(
            source, key, "a whole section", f"a key in it, such as {key}.{next(iter(dict(value)), '…')}"
        )
    return value


def _distribution(space: Space, key: str, given: Any, present: JsonValue) -> Distribution:
    if isinstance(given, list):
        return _choices(space, key, given)
    if isinstance(given, Mapping):
        return _range(space, key, given, present)
    expected = "a list of choices, or a range such as {low: 1, high: 8}; for one value alone, use --set"
    raise InputError.of(space.source, space.place(key), quote(given), expected)


def _with_numbers(given: Any, present: JsonValue) -> Any:
    """A distribution with numbers for texts that mean them: other readers of YAML return 1e-3 as text."""
    if isinstance(given, Mapping):
        return {key: _with_numbers(value, present) for key, value in given.items()}
    if isinstance(given, list):
        return [_with_numbers(value, present) for value in given]
    number = read_number(given) if isinstance(given, str) and not isinstance(present, str) else None
    return given if number is None else number


def _choices(space: Space, key: str, given: list[Any]) -> Choices:
    if not 2 <= len(given) <= MOST_CHOICES:
        expected = f"2 to {MOST_CHOICES} choices; for one value alone, use --set"
        raise InputError.of(space.source, space.place(key), f"{len(given)}", expected)
    faults = list[Fault]()
    seen = list[str]()
    for index, value in enumerate(given):
        words = canonical_json(float(value) if type(value) is int else value) if _is_plain(value) else ""
        if not words:
            fault = Fault(space.source, space.place(key, str(index)), quote(value), "a value, or a list of values")
            faults.append(fault)
        elif words in seen:
            faults.append(Fault(space.source, space.place(key, str(index)), f"{quote(value)} a second time", "once"))
        seen.append(words)
    if faults:
        raise InputError(faults)
    return Choices(tuple(given))


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(one) for one in value)
    return value is None or isinstance(value, bool | str) or (isinstance(value, int | float) and abs(value) < 1e300)


def _range(space: Space, key: str, given: Mapping[str, Any], present: JsonValue) -> Range:
    if isinstance(present, bool | str | list):
        expected = f"a list of choices: the setting is {quote(present)} in the scenario, not a number"
        raise InputError.of(space.source, space.place(key), "a range", expected)
    try:
        read = validated(given, RangeSection, space.source)
    except InputError as error:
        raise InputError(
            Fault(space.source, space.place(key, *fault.where.split(".")), fault.found, fault.expected)
            for fault in error.faults
        ) from None
    numbers = [given[name] for name in ("low", "high", "step") if given.get(name) is not None]
    all_whole = all(isinstance(number, int) for number in numbers)
    whole = isinstance(present, int) or (present is None and all_whole)
    faults = [
        Fault(space.source, space.place(key, *where), found, expected)
        for where, found, expected in _faults_of_range(read, whole, all_whole)
    ]
    if faults:
        raise InputError(faults)
    return Range(read.low, read.high, read.log, read.step, whole)


def _faults_of_range(read: RangeSection, whole: bool, all_whole: bool) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if whole and not all_whole:
        yield (), "numbers with a point", "whole numbers, as the scenario's own value is"
    elif read.low >= read.high:
        yield ("low",), f"{read.low:g}", f"less than high, which is {read.high:g}"
    elif read.log and read.low <= 0:
        yield ("low",), f"{read.low:g}", "more than 0, for a logarithm"
    elif read.log and read.step is not None:
        yield ("step",), f"{read.step:g}", "none: with log, values have no equal distance"
    elif read.step is not None and not is_multiple(read.high - read.low, read.step):
        yield ("step",), f"{read.step:g}", f"a step that leads from {read.low:g} to {read.high:g}"
