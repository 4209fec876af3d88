"""``townlet train``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from townlet.cli.brought import say_what_it_brought
from townlet.cli.environment import (
    EnvironmentName,
    EnvironmentOptions,
    default_folder,
    require_none_with_env,
    required_scenario,
    train_environment,
)
from townlet.cli.places import file_option, folder_option
from townlet.cli.seeds import JobsOption, SeedsOption, UnseenWorldsOption, trained_with_seeds
from townlet.cli.settings import SettingsOption
from townlet.cli.tracking import Track, TrackExperiment, TrackTo, tracked

if TYPE_CHECKING:
    from collections.abc import Callable

    from townlet.config import Scenario
    from townlet.tracking import Recorder
    from townlet.training import TrainingOptions, TrainingResult


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(train)


_Scenario = Annotated[
    Path | None, typer.Argument(metavar="[SCENARIO.yaml]", help="Scenario file, unless --env names an environment.")
]
_Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.yaml", help="Settings of a training with --env: training, reward_scale, …"),
]
_Mode = Annotated[
    str,
    typer.Option(help="Source of the data: replay (a capture), rollout (live simulation), or mixed (both in turn)."),
]
_ReplayManifest = Annotated[
    Path | None, typer.Option(metavar="MANIFEST", help="Manifest of the capture to learn from; for replay and mixed.")
]
_From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="POLICY",
        help="Policy to begin with, for fine-tuning: its folder or policy.json, or the name of a shipped one. Network "
        "and observations are then the policy's.",
    ),
]
_RolloutTicks = Annotated[int | None, typer.Option(help="Ticks per world in each rollout.")]
_Epochs = Annotated[int | None, typer.Option(help="Passes over each batch of data.")]
_Cycles = Annotated[int | None, typer.Option(help="Phases of each kind: rollouts and, in mixed mode, replay phases.")]
_Worlds = Annotated[int | None, typer.Option(help="Worlds simulated side by side.")]
_Seed = Annotated[int | None, typer.Option(help="Training seed.")]
_Log = Annotated[
    Path | None,
    file_option(help="Telemetry log (JSONL), a pipe or a device; by default ppo_telemetry.jsonl beside the policy."),
]
_LogFrequency = Annotated[int, typer.Option(help="Log every N-th epoch only.")]
_LogMaxEntries = Annotated[int | None, typer.Option(help="Rotate the log after N lines.")]
_Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue from the checkpoint in the output folder, or start if there is none. The result has the same "
        "bytes as an uninterrupted training. All other options must stay the same, but --cycles may grow. Without "
        "--resume, a new training replaces the one in the folder.",
    ),
]
_CheckpointEvery = Annotated[
    int | None,
    typer.Option(
        help="Phases (replay or rollout) between checkpoints; by default, checkpoints take less than 2 % of the time."
    ),
]
_Device = Annotated[
    str, typer.Option(help="Device of the network: cpu, cuda, or auto, which is cuda if there is one and cpu if not.")
]
_Output = Annotated[
    Path | None,
    folder_option(help="Folder for the policy; by default the log's folder, or runs/SCENARIO-MODE without a log."),
]


def train(
    scenario: _Scenario = None,
    env: EnvironmentName = None,
    env_option: EnvironmentOptions = None,
    config: _Config = None,
    mode: _Mode = "rollout",
    from_policy: _From = None,
    replay_manifest: _ReplayManifest = None,
    rollout_ticks: _RolloutTicks = None,
    epochs: _Epochs = None,
    cycles: _Cycles = None,
    worlds: _Worlds = None,
    seed: _Seed = None,
    settings: SettingsOption = None,
    ppo_log: _Log = None,
    ppo_log_frequency: _LogFrequency = 1,
    ppo_log_max_entries: _LogMaxEntries = None,
    resume: _Resume = False,
    checkpoint_every: _CheckpointEvery = None,
    device: _Device = "cpu",
    seeds: SeedsOption = None,
    jobs: JobsOption = None,
    unseen_worlds: UnseenWorldsOption = None,
    output: _Output = None,
    track: Track = None,
    track_to: TrackTo = None,
    track_experiment: TrackExperiment = None,
) -> None:
    """Train a policy by PPO, in a scenario's town or in another environment.

    Writes the policy and one telemetry line per epoch. By default, options are the scenario's or the settings file's.
    """
    from townlet.training import TrainingOptions

    town = _town_or_none(scenario, env, env_option, config, settings or [])
    name = town.name if town else str(env)
    options = TrainingOptions(
        mode=mode,
        output=output or _default_folder(ppo_log, _below_runs(town, name, mode, seeds)),
        from_policy=from_policy,
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
    )
    tracking = (track, track_to, track_experiment)
    if trained_with_seeds(town, options, seeds, tracking, jobs=jobs, unseen_worlds=unseen_worlds):
        return
    with tracked(tracking, options, town) as recorder:
        result = _train_town(town, options, recorder) if town else None
        result = result or train_environment(name, env_option, config, options, recorder, settings or ())
    _print_result(result, name, mode)


def _town_or_none(
    scenario: Path | None, env: str | None, env_option: list[str] | None, config: Path | None, settings: list[str]
) -> Scenario | None:
    """The town to train in; None for an environment. Raises InputError for options of the other."""
    from townlet.config import load_scenario
    from townlet.config.settings_use import scenario_for

    if env is not None:
        require_none_with_env(scenario=scenario)
        return None
    file = required_scenario(scenario, env_option=env_option, config=config)
    return scenario_for("training", load_scenario(file), settings)


def _train_town(town: Scenario, options: TrainingOptions, recorder: Recorder) -> TrainingResult:
    from townlet.training import train as run_training

    with _progress(town.name, options.planned_epochs(town.training)) as show_epoch:
        result = run_training(town, options, recorder.beside(show_epoch))
    say_what_it_brought(options.from_policy, town)
    return result


def _below_runs(town: Scenario | None, name: str, mode: str, seeds: int | None) -> Path:
    single = default_folder(name) if town is None else Path("runs") / f"{name}-{mode}"
    return single if seeds is None else Path(f"{single}-seeds")


def _default_folder(ppo_log: Path | None, below: Path) -> Path:
    """The folder of the log; if there is no log, or it is a pipe or a device, the given one."""
    from townlet.files.outputs import file_place

    return below if ppo_log is None or file_place(ppo_log).is_stream else ppo_log.parent


@contextmanager
def _progress(name: str, planned: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Show a bar of ``planned`` epochs; yields the function that shows one. Prints how to resume if interrupted."""
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.training import TrainingInterrupted

    with progress_bar(f"train {name}", "epochs") as advance:
        compiling_notice()
        try:
            yield lambda record: advance(int(record["epoch"]), planned, f"reward {record['reward_mean']:.3f}")
        except TrainingInterrupted as interruption:
            typer.echo(interruption, err=True)
            raise


def _print_result(result: TrainingResult, name: str, mode: str) -> None:
    if result.already_done:
        typer.echo(f"nothing left to do: {name} ({mode}) is trained already; no file was changed")
    elif result.resumed_epoch is not None:
        typer.echo(
            f"attempt {result.attempt} resumed after epoch {result.resumed_epoch}; {result.updates_lost:,} optimizer "
            "steps of earlier attempts were lost and repeated"
        )
    if result.passed_over:
        typer.echo(
            f"{result.passed_over:,} rollouts were skipped, because nobody was in town during them; use more --worlds "
            "or --rollout-ticks, or a smaller rules.needs.newcomer_after"
        )
    typer.echo(
        f"trained {name} ({mode}): {result.epochs} epochs, {result.steps:,} agent-steps, {result.seconds:.1f} s\n"
        f"reward per agent-step{_rewards(result, mode)}\n"
        f"{result.log}\n{result.policy}  weights sha256 {result.sha256}"
    )


def _rewards(result: TrainingResult, mode: str) -> str:
    if result.first_reward_mean is None:
        return ": no rollout of its own"
    if mode == "replay":
        return f" {result.first_reward_mean:.4f} in the recorded data"
    return f" {result.first_reward_mean:.4f} in the first rollout, {result.last_reward_mean:.4f} in the last"
