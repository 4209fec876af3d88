"""Text of a drawn town's scenario file, in the form in which people write one."""

from __future__ import annotations

from typing import Any

import yaml

from townlet.config.drawn.content import drawn_content

#: Longest mapping or list that is written on one line, in characters.
_LINE = 100


def drawn_yaml(number: int, people: int | None = None) -> str:
    """Return the text of the scenario file of :func:`drawn_scenario`, whose name must be the scenario's.

    Equal arguments give equal text, which :func:`townlet.config.load_scenario` reads as the same scenario. Raises
    InputError like :func:`drawn_scenario`.
    """
    content = drawn_content(number, people)
    text: str = yaml.dump(content, Dumper=_Dumper, default_flow_style=False, sort_keys=False, width=10_000)
    return text


class _Dumper(yaml.SafeDumper):
    """A dumper that writes short mappings and lists on one line each, and what occurs twice two times."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        """Represent a mapping, on one line if it is short."""
        node = super().represent_mapping(tag, mapping, flow_style)
        node.flow_style = bool(_length(node) <= _LINE)
        return node

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        """Represent a list, on one line if it is short."""
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = bool(_length(node) <= _LINE)
        return node

    def ignore_aliases(self, data: Any) -> bool:
        """Whether to repeat a value that occurs again: always."""
        return True


def _length(node: yaml.Node) -> int:
    """Characters of a node on one line."""
    if isinstance(node, yaml.ScalarNode):
        return len(node.value)
    parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    return 2 + sum(_length(part) + 2 for part in parts)
