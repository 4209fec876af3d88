"""From a YAML file to a :class:`Scenario`, or to an error that says where, what was found and what was expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from townlet.config.references import find_broken_references
from townlet.config.scenario import Scenario
from townlet.errors import Fault, InputError, nearest_name
from townlet.storage import AnyPath, as_path, read_bytes

#: Where each value stands in the file: path inside the YAML to line number, counted from 1.
Lines = dict[tuple[str, ...], int]


def load_scenario(path: AnyPath) -> Scenario:
    """The scenario in a YAML file.

    Raises InputError with every fault found: unreadable file, broken YAML, duplicate or unknown keys, wrong types,
    values out of range, and names that refer to nothing.
    """
    raw, lines = _parse(path)
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        raise InputError(_fault(str(path), detail, lines) for detail in error.errors()) from None
    findings = find_broken_references(scenario)
    stem = as_path(path).name.rsplit(".", 1)[0]
    if scenario.name != stem:
        findings.insert(0, ("name", repr(scenario.name), f"the file's name, {stem!r}"))
    if findings:
        raise InputError(
            Fault(str(path), _place(tuple(where.split(".")), lines), found, expected)
            for where, found, expected in findings
        )
    return scenario


def scenario_names(folder: AnyPath) -> list[str]:
    """Names of the scenarios in a folder, sorted."""
    return sorted(Path(path.name).stem for path in as_path(folder).glob("*.yaml"))


def _parse(path: AnyPath) -> tuple[dict[str, Any], Lines]:
    text = read_bytes(path, "a scenario in YAML")
    lines: Lines = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _index_lines(path, node, (), lines)
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise InputError.of(path, where, error.problem or "broken YAML", "valid YAML") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise InputError.of(path, "", str(error).splitlines()[0], "valid YAML in UTF-8") from None
    if not isinstance(value, dict):
        found = "an empty file" if value is None else f"a {type(value).__name__}"
        raise InputError.of(path, "", found, "a mapping of scenario keys such as name, ticks, map, people")
    return value, lines


def _index_lines(path: AnyPath, node: yaml.Node | None, where: tuple[str, ...], lines: Lines) -> None:
    """Record where each value stands, and refuse duplicate keys, which YAML readers otherwise drop in silence."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*where, str(key.value))
            if inner in lines:
                raise InputError.of(path, _place(inner, {inner: key.start_mark.line + 1}), "a second time", "once")
            lines[inner] = key.start_mark.line + 1
            _index_lines(path, value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inner = (*where, str(index))
            lines[inner] = value.start_mark.line + 1
            _index_lines(path, value, inner, lines)


def _place(where: tuple[str, ...], lines: Lines) -> str:
    dotted = ".".join(where)
    for length in range(len(where), 0, -1):
        line = lines.get(where[:length])
        if line is not None:
            return f"{dotted} (line {line})"
    return dotted


def fault_of(file: str, detail: ErrorDetails, model: type[BaseModel], place: str) -> Fault:
    """One pydantic error in Townlet's words; ``place`` is what to call its location."""
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        key = str(detail["loc"][-1])
        return Fault(file, place, f"unknown key {key!r}", nearest_name(key, _known_keys(model, detail["loc"][:-1])))
    if kind == "missing":
        return Fault(file, place, "nothing", "a value")
    expected = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if kind == "literal_error" and isinstance(value, str):
        expected += _closest(value, detail)
    return Fault(file, place, _quote(value), expected)


def _closest(value: str, detail: ErrorDetails) -> str:
    names = [part.strip(" '") for part in detail.get("ctx", {}).get("expected", "").replace(" or ", ",").split(",")]
    hint = nearest_name(value, names)
    return f"; did you mean {hint.split('did you mean ')[1]}" if "did you mean" in hint else ""


def _fault(file: str, detail: ErrorDetails, lines: Lines) -> Fault:
    where = tuple(str(part) for part in detail["loc"] if part != "[key]")
    return fault_of(file, detail, Scenario, _place(where, lines))


def _quote(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return f"a mapping with {', '.join(map(str, value)) or 'no keys'}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _known_keys(model: type[BaseModel], where: tuple[int | str, ...]) -> list[str]:
    """Keys that the section at a path knows."""
    current: Any = model
    for part in where:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[str(part)].annotation
        else:
            current = _item_type(current)
        current = _section_in(current)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _section_in(annotation: Any) -> Any:
    """The annotation itself, or the model that an optional or annotated type wraps."""
    for argument in get_args(annotation):
        if isinstance(argument, type) and issubclass(argument, BaseModel) and type(None) in get_args(annotation):
            return argument
    return annotation


def _item_type(annotation: Any) -> Any:
    arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
    return arguments[-1] if arguments else annotation
