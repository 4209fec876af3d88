"""Lineage as a tree on a terminal, from the artefact up to its scenario."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.tree import Tree

from townlet.baselines.review import BaselineReview
from townlet.lineage.node import Node

#: Characters of a hash that are shown.
_SHORT = 12


def lineage_tree(node: Node) -> Tree:
    """Draw a node and its parents, each with kind, hash, main file and maker; a repeated one is only named."""
    tree = _branch(Tree(_headline(node)), node)
    _grow(tree, node, {node.file})
    return tree


def _grow(tree: Tree, node: Node, shown: set[Path]) -> None:
    for parent in node.made_from:
        if parent.file in shown:
            tree.add(f"{parent.kind}: see above", style="dim")
            continue
        shown.add(parent.file)
        _grow(_branch(tree.add(_headline(parent)), parent), parent, shown)


def _branch(branch: Tree, node: Node) -> Tree:
    """A branch with the notes of its node."""
    for note in node.notes:
        branch.add(escape(note), style="dim")
    return branch


def answers(review: BaselineReview) -> list[str]:
    """The six questions about a baseline with their answers, a line each, below a line that names it."""
    baseline = review.baseline
    lines = [f"baseline {baseline.sha256[:_SHORT]} of {baseline.scenario}"]
    return lines + [f"  {question} {answer}" for question, answer in review.sentences()]


def _headline(node: Node) -> str:
    others = len(node.files) - 1
    more = f" and {others} more file{'s' * (others > 1)}" if others else ""
    what = f"[bold]{escape(node.kind)}[/] {node.sha256[:_SHORT]}  {escape(relative_path(node.file))}{more}"
    return f"{what}  [dim]({escape(_maker(node.made_by))})[/]"


def _maker(made_by: str) -> str:
    """A command without its options, and anything else unchanged."""
    words = made_by.split()
    shown = 3 if words[1:2] == ["baselines"] else 2
    return " ".join(words[:shown]) if words[:1] == ["townlet"] else made_by


def relative_path(file: Path) -> str:
    """Return a path relative to the current folder, if it lies inside it."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)
