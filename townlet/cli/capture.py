"""``townlet capture``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.brought import say_what_it_brought
from townlet.cli.options import ActingBehavior, ActingPolicy, ScenarioFile
from townlet.cli.places import folder_option
from townlet.cli.settings import SettingsOption


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(capture)


def capture(
    scenario: ScenarioFile,
    output: Annotated[Path, folder_option(help="Folder for tables, metrics and manifest.")],
    ticks: Annotated[int | None, typer.Option(help="Length of the episode; by default the scenario's.")] = None,
    worlds: Annotated[int | None, typer.Option(help="Worlds recorded side by side; by default the scenario's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; by default the scenario's.")] = None,
    behavior: ActingBehavior = None,
    policy: ActingPolicy = None,
    settings: SettingsOption = None,
) -> None:
    """Record a rollout: every agent-step and event.

    Each world plays one episode. A manifest holds the hashes of all files.
    """
    from townlet.capture import capture_rollout
    from townlet.capture.completed_uses import uses_sentence
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.config import load_scenario
    from townlet.config.settings import with_settings

    with progress_bar("capture", "worlds") as advance:
        compiling_notice()
        result = capture_rollout(
            scenario,
            output,
            ticks=ticks,
            worlds=worlds,
            seed=seed,
            behavior=behavior,
            policy=policy,
            settings=settings or (),
            progress=advance,
        )
    say_what_it_brought(policy, with_settings(load_scenario(scenario), settings or ()))
    total, baseline = result.metrics["total"], result.metrics["baseline"]
    typer.echo(
        f"captured {result.metrics['agent_steps']:,} agent-steps of {result.manifest.scenario.name} "
        f"({result.manifest.worlds} world(s) × {result.manifest.ticks} ticks, {result.manifest.behavior.name})\n"
        f"reward {baseline['reward_mean']:.4f} per agent-step, "
        f"{total['queue_conflict_events']:.0f} queue conflicts with a total intensity of "
        f"{total['queue_conflict_intensity_sum']:.2f}, "
        f"{100 * total['clipped_reward_share']:.1f} % of rewards clipped\n"
        f"{uses_sentence(result.metrics)}"
        f"{result.manifest_path}  sha256 {result.manifest_sha256}"
    )
