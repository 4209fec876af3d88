"""From a YAML file to a :class:`Scenario`, or to an error that says where, what was found and what was expected."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import yaml

from townlet.config.faults import quote
from townlet.config.scenario import Scenario
from townlet.config.validate import validated_scenario
from townlet.errors import Fault, InputError
from townlet.storage import AnyPath, as_path, read_bytes

#: Where each value stands in the file: path inside the YAML to line number, counted from 1.
Lines = dict[tuple[str, ...], int]


def load_scenario(path: AnyPath) -> Scenario:
    """The scenario in a YAML file.

    Raises InputError with every fault found: unreadable file, broken YAML, duplicate or unknown keys, wrong types,
    values out of range, and names that refer to nothing.
    """
    raw, lines = _parse(path)
    scenario = validated_scenario(raw, path, functools.partial(_place, lines=lines))
    stem = as_path(path).name.rsplit(".", 1)[0]
    if scenario.name != stem:
        raise InputError.of(path, _place(("name",), lines), repr(scenario.name), f"the file's name, {stem!r}")
    return scenario


def scenario_names(folder: AnyPath) -> list[str]:
    """Names of the scenarios in a folder, sorted."""
    return sorted(Path(path.name).stem for path in as_path(folder).glob("*.yaml"))


def _parse(path: AnyPath) -> tuple[dict[str, Any], Lines]:
    text = read_bytes(path, "a scenario in YAML")
    lines: Lines = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _index_lines(path, node, (), lines, set())
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        raise InputError([_syntax_fault(str(path), error)]) from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise InputError.of(path, "", str(error).splitlines()[0], "valid YAML in UTF-8") from None
    if not isinstance(value, dict):
        found = "an empty file" if value is None else quote(value)
        raise InputError.of(path, "", found, "a mapping of scenario keys such as name, ticks, map, people")
    return value, lines


def _syntax_fault(file: str, error: yaml.MarkedYAMLError) -> Fault:
    """A YAML reader's complaint; ``expected X, but found Y`` and ``found X that …`` are how it puts most of them."""
    mark, begun = error.problem_mark, error.context_mark
    where = f"line {mark.line + 1} column {mark.column + 1}" if mark else ""
    if begun and mark and begun.line != mark.line and (error.context or "").startswith("while"):
        where += f", {error.context} that begins in line {begun.line + 1}"
    problem = (error.problem or "broken YAML").replace("<block end>", "the end of the block")
    problem = problem.replace("'<block mapping start>'", "a key at another indentation")
    contrast = re.fullmatch("expected (.+), but (?:found|got) (.+)", problem)
    if contrast:
        return Fault(file, where, contrast[2], contrast[1])
    return Fault(file, where, problem.removeprefix("but ").removeprefix("found "), "valid YAML")


def _index_lines(path: AnyPath, node: yaml.Node | None, where: tuple[str, ...], lines: Lines, seen: set[int]) -> None:
    """Record where each value stands, and refuse duplicate keys, which YAML readers otherwise drop in silence.

    An aliased node is indexed where it is first seen: aliases may nest without bound.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*where, str(key.value))
            if inner in lines:
                raise InputError.of(path, _place(inner, {inner: key.start_mark.line + 1}), "a second time", "once")
            lines[inner] = key.start_mark.line + 1
            _index_lines(path, value, inner, lines, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            inner = (*where, str(index))
            lines[inner] = value.start_mark.line + 1
            _index_lines(path, value, inner, lines, seen)


def _place(where: tuple[str, ...], lines: Lines) -> str:
    dotted = ".".join(where)
    for length in range(len(where), 0, -1):
        line = lines.get(where[:length])
        if line is not None:
            return f"{dotted} (line {line})"
    return dotted
