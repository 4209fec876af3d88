"""Lineage for people: a tree from the artefact up to its scenario."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.tree import Tree

from townlet.lineage.walk import Node

#: Characters of a hash that are shown.
_SHORT = 12


def lineage_tree(node: Node) -> Tree:
    """The tree of a node: what it is, its main file and hash, what made it; what was shown before is only named."""
    tree = Tree(_told(node))
    _grow(tree, node, {node.file})
    return tree


def _grow(tree: Tree, node: Node, shown: set[Path]) -> None:
    for parent in node.made_from:
        if parent.file in shown:
            tree.add(f"{parent.kind}: see above", style="dim")
            continue
        shown.add(parent.file)
        _grow(tree.add(_told(parent)), parent, shown)


def _told(node: Node) -> str:
    others = len(node.files) - 1
    more = f" and {others} more file{'s' * (others > 1)}" if others else ""
    what = f"[bold]{escape(node.kind)}[/] {node.sha256[:_SHORT]}  {escape(shown_path(node.file))}{more}"
    return f"{what}  [dim]({escape(_maker(node.made_by))})[/]"


def _maker(made_by: str) -> str:
    """A command without its options; anything else as it is."""
    words = made_by.split()
    return " ".join(words[:2]) if words[:1] == ["townlet"] else made_by


def shown_path(file: Path) -> str:
    """A path from the current folder on, if it lies in there."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
