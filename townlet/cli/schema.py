"""``townlet schema``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.settings import SettingsOption
from townlet.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(schema)


def schema(
    scenario: Annotated[
        Path | None,
        typer.Argument(metavar="[SCENARIO.yaml]", help="Scenario whose complete configuration is printed instead."),
    ] = None,
    settings: SettingsOption = None,
    keys: Annotated[
        bool, typer.Option("--keys", help="Print every key that --set takes, its default and its meaning.")
    ] = False,
) -> None:
    """Print the JSON Schema of scenario files.

    With it, an editor completes keys and marks mistakes. With SCENARIO, print the configuration that would run:
    defaults and settings included, building blocks expanded.
    """
    from townlet.config import Scenario, load_scenario
    from townlet.config.dump import scenario_yaml
    from townlet.config.setting_keys import setting_keys
    from townlet.config.settings import with_settings
    from townlet.files.storage import pretty_json

    if keys:
        _refuse(scenario, settings, "no scenario and no settings with --keys")
        for each in setting_keys(Scenario):
            typer.echo("  ".join(part for part in (each.name, each.default, each.meaning) if part))
    elif scenario is not None:
        typer.echo(scenario_yaml(with_settings(load_scenario(scenario), settings or ())), nl=False)
    else:
        _refuse(scenario, settings, "a scenario to set it in")
        typer.echo(pretty_json(Scenario.model_json_schema()), nl=False)


def _refuse(scenario: Path | None, settings: list[str] | None, expected: str) -> None:
    if scenario is not None or settings:
        raise InputError.of(
            "options", "--set" if settings else "SCENARIO", settings[0] if settings else str(scenario), expected
        )
