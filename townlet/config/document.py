"""YAML documents: values with their lines and original text, read within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from townlet.config.faults import quote
from townlet.config.scalars import read_scalar
from townlet.errors import Fault, InputError
from townlet.files.storage import AnyPath

#: Largest file in bytes, most values including those that aliases repeat, and most levels of nesting.
MOST_BYTES, MOST_NODES, MOST_LEVELS = 8 * 2**20, 500_000, 40
#: Largest file that the slow reader parses again for a clearer syntax error.
_WORDED_BYTES = 2**17

_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_KINDS = {"null": type(None), "bool": bool, "int": int, "float": float}


@dataclass(slots=True)
class Node:
    """One value: its line, its original text, and the values in it."""

    line: int
    """From 1. A value with a key has the key's line, unless a scalar begins on a later line."""
    value: Any = None
    written: str | None = None
    """A plain scalar's original text."""
    inner: dict[str, Node] = field(default_factory=dict)
    """Values in a collection, by key or by index as text."""
    size: int = 1
    """Number of values in it, including itself and repetitions by aliases."""
    levels: int = 1


@dataclass(frozen=True)
class Document:
    """A file's content, and the line of each part."""

    root: Node

    @property
    def value(self) -> Any:
        """The content as mappings, lists, text, numbers, booleans and None."""
        return self.root.value

    def place(self, where: tuple[str, ...]) -> str:
        """Return a place with its line, or with that of the nearest enclosing part in the file."""
        node, line = self.root, 0
        for part in where:
            if part not in node.inner:
                break
            node = node.inner[part]
            line = node.line
        return ".".join(where) + (f" (line {line})" if line else "")

    def written(self, where: tuple[str, ...]) -> Node | None:
        """Return the node at a place, if the file has one."""
        node: Node | None = self.root
        for part in where:
            node = node.inner.get(part) if node else None
        return node


def parse_document(file: AnyPath, content: bytes) -> Document:
    """Parse a YAML file by the core schema of YAML 1.2. Aliases and merge keys work; keys are text.

    Raises InputError, with line and column, for invalid YAML, a repeated key, an unknown tag, and a file that is too
    large or nested too deeply.
    """
    if len(content) > MOST_BYTES:
        raise InputError.of(file, "", f"{len(content):,} bytes", f"at most {MOST_BYTES:,} bytes of YAML")
    try:
        events: Iterator[Any] = yaml.parse(content, Loader=_READER)
        return Document(_Builder(file).build(events))
    except yaml.YAMLError as error:
        raise InputError([_syntax_fault(str(file), _reworded(content) or error)]) from None
    except UnicodeDecodeError as error:
        raise InputError.of(file, "", str(error), "valid YAML in UTF-8") from None


def _reworded(content: bytes) -> yaml.YAMLError | None:
    """The slow reader's error about the same content, if it finds one too."""
    try:
        if len(content) <= _WORDED_BYTES:
            for _ in yaml.parse(content, Loader=yaml.SafeLoader):
                pass
    except yaml.YAMLError as error:
        return error
    return None


class _Builder:
    """A builder of nodes from a reader's events, without recursion, so that deep nesting cannot break it."""

    def __init__(self, file: AnyPath) -> None:
        self.file = file
        self.anchors: dict[str, Node | None] = {}
        """None while the node is incomplete."""
        self.open: list[_Open] = []
        self.nodes = 0

    def build(self, events: Iterator[Any]) -> Node:
        """Return the root of the only document, or a node with None for an empty file."""
        root: Node | None = None
        event: Any
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise self._refusal(event, "another document", "valid YAML")
            node = self._node(event)
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(self.open) == MOST_LEVELS:
                    raise self._refusal(event, "deeper nesting", f"at most {MOST_LEVELS} levels")
                self._require_tag(event, "map" if isinstance(event, yaml.MappingStartEvent) else "seq")
                self.open.append(_Open(event, Node(_line(event), value=_empty(event))))
                continue
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                done = self.open.pop()
                node, event = done.node, done.event
            if node is None:
                continue
            if event.anchor and not isinstance(event, yaml.AliasEvent):
                self.anchors[event.anchor] = node
            if self.open:
                self._put(node, event)
            else:
                root = node
        return root or Node(0)

    def _node(self, event: Any) -> Node | None:
        """The node of an event that makes a complete one."""
        line, anchor = _line(event), getattr(event, "anchor", None)
        if isinstance(event, yaml.NodeEvent) and not isinstance(event, yaml.AliasEvent):
            self._count(event, 1)
            if anchor:
                self.anchors[anchor] = None
        if isinstance(event, yaml.AliasEvent):
            if anchor not in self.anchors:
                raise self._refusal(event, f"the alias *{event.anchor}", "an anchor before it")
            target = self.anchors[anchor]
            if target is None:
                raise self._refusal(event, f"the alias *{event.anchor} inside its own anchor", "valid YAML")
            self._count(event, target.size)
            return replace(target, line=line)
        if isinstance(event, yaml.ScalarEvent):
            plain = event.implicit[0]
            return Node(
                line, self._scalar(event) if plain or event.tag else event.value, event.value if plain else None
            )
        return None

    def _scalar(self, event: Any) -> Any:
        name = (event.tag or "").removeprefix(_TAG)
        if name in ("!", "str"):
            return event.value
        if event.implicit[0]:
            return read_scalar(event.value)
        self._require_tag(event, *_KINDS)
        value = read_scalar(event.value)
        if name == "float" and isinstance(value, int) and not isinstance(value, bool):
            return float(value) if abs(value) < 2**1023 else value
        if type(value) is not _KINDS[name]:
            raise self._refusal(event, quote(event.value), f"a value that fits its tag, !!{name}")
        return value

    def _put(self, node: Node, event: Any) -> None:
        """Put a complete node into the innermost open mapping or sequence."""
        into = self.open[-1]
        outer = into.node
        outer.size += node.size
        outer.levels = max(outer.levels, node.levels + 1)
        if outer.levels > MOST_LEVELS:
            raise self._refusal(event, "deeper nesting", f"at most {MOST_LEVELS} levels")
        if isinstance(outer.value, list):
            outer.inner[str(len(outer.value))] = node
            outer.value.append(node.value)
        elif into.key is None:
            if node.inner or not isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
                raise self._refusal(event, quote(node.value), "text as a key")
            into.key, into.line = str(event.value if isinstance(event, yaml.ScalarEvent) else node.value), node.line
            into.merges = into.key == "<<" and node.written is not None
        else:
            self._enter(into, node, event)

    def _enter(self, into: _Open, node: Node, event: Any) -> None:
        outer, key, into.key = into.node, into.key or "", None
        if into.merges:
            merged = list(node.inner.values()) if isinstance(node.value, list) else [node]
            if not all(isinstance(each.value, dict) for each in merged):
                raise self._refusal(event, quote(node.value), "a mapping, or a list of mappings, to merge")
            # Earlier mappings win, and the mapping's own keys win over all, wherever they stand.
            for name, inner in (entry for each in merged for entry in each.inner.items()):
                if name not in outer.inner:
                    outer.inner[name], outer.value[name] = inner, inner.value
        elif key in into.own:
            raise InputError.of(self.file, f"{self._path(key)} (line {into.line})", "a second time", "once")
        else:
            into.own.add(key)
            collection = isinstance(node.value, dict | list)
            of_key = into.line != node.line and (collection or node.value is None)
            outer.inner[key] = replace(node, line=into.line) if of_key else node
            outer.value[key] = node.value

    def _path(self, key: str) -> str:
        inside = [outer.key if outer.key is not None else str(len(outer.node.value)) for outer in self.open[:-1]]
        return ".".join([*inside, key])

    def _count(self, event: Any, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            expected = f"at most {MOST_NODES:,} values, with those that aliases repeat"
            raise self._refusal(event, "more values", expected)

    def _require_tag(self, event: Any, *known: str) -> None:
        if event.tag and event.tag not in ("!", *(_TAG + name for name in known)):
            raise self._refusal(event, f"the tag {quote(event.tag)}", "no tag, or one of YAML's core schema")

    def _refusal(self, event: Any, found: str, expected: str) -> InputError:
        mark = event.start_mark
        return InputError.of(self.file, f"line {mark.line + 1} column {mark.column + 1}", found, expected)


@dataclass(slots=True)
class _Open:
    """A mapping or a sequence whose end has not been read."""

    event: Any
    node: Node
    key: str | None = None
    """The key whose value comes next."""
    line: int = 0
    merges: bool = False
    own: set[str] = field(default_factory=set)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _empty(event: Any) -> dict[str, Any] | list[Any]:
    return {} if isinstance(event, yaml.MappingStartEvent) else []


def _syntax_fault(file: str, error: yaml.YAMLError) -> Fault:
    """A fault from a YAML reader's error, most of which read ``expected X, but found Y`` or ``found X that …``."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return Fault(file, "", str(error).splitlines()[0], "valid YAML in UTF-8")
    mark, begun = error.problem_mark, error.context_mark
    where = f"line {mark.line + 1} column {mark.column + 1}" if mark else ""
    if begun and mark and begun.line != mark.line and (error.context or "").startswith("while"):
        where += f", {error.context} that begins in line {begun.line + 1}"
    if "nesting depth" in (error.problem or ""):
        # Since 6.0.4, PyYAML's fast reader has a limit of its own, which it may reach before we see what it has read.
        return Fault(file, where, "deeper nesting", f"at most {MOST_LEVELS} levels")
    problem = (error.problem or "broken YAML").replace("<block end>", "the end of the block")
    problem = problem.replace("'<block mapping start>'", "a key at another indentation")
    contrast = re.fullmatch("expected (.+), but (?:found|got) (.+)", problem)
    if contrast:
        return Fault(file, where, contrast[2], contrast[1])
    return Fault(file, where, problem.removeprefix("but ").removeprefix("found "), "valid YAML")
