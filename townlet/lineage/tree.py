"""Lineage as a tree on a terminal, from the artefact up to its scenario."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.tree import Tree

from townlet.lineage.walk import Node

#: Characters of a hash that are shown.
_SHORT = 12


def lineage_tree(node: Node) -> Tree:
    """Draw a node and its parents, each with kind, hash, main file and maker; a repeated one is only named."""
    tree = Tree(_headline(node))
    _grow(tree, node, {node.file})
    return tree


def _grow(tree: Tree, node: Node, shown: set[Path]) -> None:
    for parent in node.made_from:
        if parent.file in shown:
            tree.add(f"{parent.kind}: see above", style="dim")
            continue
        shown.add(parent.file)
        _grow(tree.add(_headline(parent)), parent, shown)


def _headline(node: Node) -> str:
    others = len(node.files) - 1
    more = f" and {others} more file{'s' * (others > 1)}" if others else ""
    what = f"[bold]{escape(node.kind)}[/] {node.sha256[:_SHORT]}  {escape(relative_path(node.file))}{more}"
    return f"{what}  [dim]({escape(_maker(node.made_by))})[/]"


def _maker(made_by: str) -> str:
    """A command without its options, and anything else unchanged."""
    words = made_by.split()
    return " ".join(words[:2]) if words[:1] == ["townlet"] else made_by


def relative_path(file: Path) -> str:
    """Return a path relative to the current folder, if it lies inside it."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
