"""``townlet schema``."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(schema)


def schema() -> None:
    """Print the JSON Schema of scenario files.

    With it, an editor completes keys and marks mistakes.
    """
    from townlet.config import Scenario
    from townlet.files.storage import pretty_json

    typer.echo(pretty_json(Scenario.model_json_schema()), nl=False)
