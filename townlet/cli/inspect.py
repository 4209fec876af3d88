"""``townlet inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet.cli.options import ActingBehavior, EvaluatedPolicy, World

if TYPE_CHECKING:
    from townlet.view.inspection import Inspection


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(inspect)


def inspect(
    manifest: Annotated[Path, typer.Option(metavar="MANIFEST", help="Manifest of a capture of the policy's town.")],
    tick: Annotated[int, typer.Option(help="Tick.")],
    agent: Annotated[str, typer.Option(help="Name of the person.")],
    policy: EvaluatedPolicy = None,
    behavior: ActingBehavior = None,
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="SCENARIO.yaml", help="Captured scenario, for --behavior, unless it is built in."),
    ] = None,
    world: World = 0,
    features: Annotated[int, typer.Option(min=1, help="Number of features to print.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Print JSON with all features.")] = False,
) -> None:
    """Print a policy's outputs at one agent-step of a capture.

    These are the action probabilities, the value estimate and the attributions to features; of a --behavior, the
    probabilities, and the value if it estimates one. The reward by component is printed, too.
    """
    from townlet.files.storage import pretty_json
    from townlet.view.inspection import inspect_moment

    found = inspect_moment(policy, manifest, tick=tick, agent=agent, world=world, behavior=behavior, scenario=scenario)
    if json:
        typer.echo(pretty_json(found.as_json()), nl=False)
    else:
        _print(found, features)


def _print(found: Inspection, features: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    by = "this policy" if found.acted else "somebody else; the outputs are this policy's"
    console.print(f"{found.agent}, tick {found.tick}, world {found.world}: {found.action} (chosen by {by})")
    value = "no value estimate" if found.value is None else f"value {found.value:.4g}"
    console.print(f"{value}, entropy {found.entropy:.3g} nats")
    actions = Table("action", "probability", "", box=box.SIMPLE_HEAD)
    for name, probability in found.probabilities.items():
        mark = "taken" if name == found.action else ""
        actions.add_row(name, f"{probability:.4f}", "█" * round(30 * probability) + f" {mark}".rstrip())
    console.print(actions)
    features_table = Table("feature", "value", "on action", "on value", "meaning", box=box.SIMPLE_HEAD)
    for one in found.influences[:features]:
        features_table.add_row(
            one.feature, f"{one.value:.3f}", f"{one.on_action:+.4f}", f"{one.on_value:+.4f}", one.meaning
        )
    if found.influences:
        console.print(features_table)
    else:
        console.print("attributions to features: only of a Townlet policy's network")
    parts = ", ".join(f"{name} {part:+.4f}" for name, part in found.reward_parts.items() if part)
    console.print(f"reward {found.reward:+.4f}" + (f" = {parts}" if parts else ""))
