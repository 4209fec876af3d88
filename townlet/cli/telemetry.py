"""``townlet validate | watch | summary``."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the telemetry commands to the application."""
