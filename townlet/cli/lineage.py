"""``townlet lineage``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(lineage)


def lineage(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Any file of an artefact, or the name of a shipped policy.")
    ],
    search: Annotated[
        list[Path] | None,
        typer.Option(help="Folder to search for artefacts that are named only by their hash; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a tree.")] = False,
) -> None:
    """Trace an artefact back to its scenario.

    Checks every hash on the way and prints the tree. For a baseline, its promotions, a soak and its report, it also
    answers which rollouts, which policy or script, which code, who promoted the baseline, why, and what it replaced.
    The exit code is 1 if a hash differs.
    """
    from townlet.files.artefact_names import CARD_NAME
    from townlet.lineage.walk import trace
    from townlet.policies import shipped_policy

    shipped = shipped_policy(file)
    node = trace(file if shipped is None else shipped / CARD_NAME, search or ())
    if as_json:
        print(json.dumps(node.as_json(), indent=2))
        return
    from rich.console import Console

    from townlet.lineage.tree import answers, lineage_tree, relative_path

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 1000  # lines of a file or pipe stay whole
    console.print(lineage_tree(node))
    for review in node.reviews():
        console.print("\n".join(answers(review)), markup=False, soft_wrap=True)
    nodes = list(node.everything())
    files = len({file for one in nodes for file in one.files})
    roots = ", ".join(relative_path(one.file) for one in nodes if not one.made_from)
    console.print(f"{files} files checked, every hash as recorded, down to {roots}", markup=False, soft_wrap=True)
