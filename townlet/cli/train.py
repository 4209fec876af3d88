"""``townlet train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townlet.cli.places import file_option, folder_option

if TYPE_CHECKING:
    from townlet.training import TrainingResult


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(train)


def train(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.yaml", help="Scenario file.")],
    mode: Annotated[
        str, typer.Option(help="replay: from a capture; rollout: from live simulation; mixed: both in turn.")
    ] = "rollout",
    replay_manifest: Annotated[Path | None, typer.Option(help="Manifest of the capture to learn from.")] = None,
    rollout_ticks: Annotated[int | None, typer.Option(help="Ticks per world in each rollout.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over each batch of data.")] = None,
    cycles: Annotated[int | None, typer.Option(help="Rollouts (and, in mixed mode, replay phases).")] = None,
    worlds: Annotated[int | None, typer.Option(help="Worlds simulated side by side.")] = None,
    seed: Annotated[int | None, typer.Option(help="Training seed instead of the scenario's.")] = None,
    ppo_log: Annotated[
        Path | None, file_option(help="Telemetry log, JSONL; a pipe or a device is written to as it is.")
    ] = None,
    ppo_log_frequency: Annotated[int, typer.Option(help="Write every N-th epoch.")] = 1,
    ppo_log_max_entries: Annotated[int | None, typer.Option(help="Rotate the log after N lines.")] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on from the checkpoint in the output folder, to the same bytes as without interruption; begins "
            "where there is none. All options must stay, but for a larger --cycles. Without --resume, a training "
            "begins anew and replaces what is there.",
        ),
    ] = False,
    checkpoint_every: Annotated[
        int | None,
        typer.Option(
            help="Phases (replay or rollout) between checkpoints; by default as few as keep them under 2 % of the time."
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where the network acts and learns: cpu, cuda, or auto: cuda where there is one.")
    ] = "cpu",
    output: Annotated[
        Path | None,
        folder_option(help="Folder for the policy; by default that of the log, else runs/SCENARIO-MODE."),
    ] = None,
) -> None:
    """Train a policy by PPO; writes the policy and one telemetry line per epoch."""
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.config import load_scenario
    from townlet.files.outputs import file_place
    from townlet.training import TrainingInterrupted
    from townlet.training import train as run_training

    config = load_scenario(scenario)
    # The folder of a pipe or a device is no place for a policy.
    beside_log = ppo_log is not None and not file_place(ppo_log).is_stream
    folder = output or (ppo_log.parent if ppo_log and beside_log else Path("runs") / f"{config.name}-{mode}")
    phases = 2 if mode == "mixed" and config.training.replay.mixing == "alternate" else 1
    planned = phases * (epochs or config.training.epochs) * (cycles or config.training.cycles)
    with progress_bar(f"train {config.name}", "epochs") as advance:
        compiling_notice()

        def show(record: dict[str, Any]) -> None:
            advance(int(record["epoch"]), planned, f"reward {record['reward_mean']:.3f}")

        try:
            result = run_training(
                config,
                mode=mode,
                output=folder,
                replay_manifest=replay_manifest,
                ppo_log=ppo_log,
                rollout_ticks=rollout_ticks,
                epochs=epochs,
                cycles=cycles,
                worlds=worlds,
                seed=seed,
                log_frequency=ppo_log_frequency,
                log_max_entries=ppo_log_max_entries,
                resume=resume,
                checkpoint_every=checkpoint_every,
                device=device,
                progress=show,
            )
        except TrainingInterrupted as stop:
            typer.echo(stop, err=True)
            raise
    if result.already_done:
        typer.echo(f"nothing left to do: {config.name} ({mode}) is trained, and everything stays as it is")
    elif result.resumed_epoch is not None:
        typer.echo(
            f"attempt {result.attempt} went on after epoch {result.resumed_epoch}; {result.updates_lost:,} optimizer "
            "steps of earlier attempts were lost and done again"
        )
    if result.passed_over:
        typer.echo(
            f"{result.passed_over:,} rollouts were passed over, because nobody lived in them; fewer are with more "
            "--worlds or --rollout-ticks, or a smaller rules.needs.newcomer_after"
        )
    typer.echo(
        f"trained {config.name} ({mode}): {result.epochs} epochs, {result.steps:,} agent-steps, "
        f"{result.seconds:.1f} s\n"
        f"reward per agent-step{_rewards(result, mode)}\n"
        f"{result.log}\n{result.policy}  weights sha256 {result.sha256}"
    )


def _rewards(result: TrainingResult, mode: str) -> str:
    if result.first_reward_mean is None:
        return ": no rollout of its own"
    if mode == "replay":
        return f" {result.first_reward_mean:.4f} in the recorded data"
    return f" {result.first_reward_mean:.4f} in the first rollout, {result.last_reward_mean:.4f} in the last"
