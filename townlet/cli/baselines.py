"""``townlet baselines``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from townlet.cli.brought import say_what_it_brought
from townlet.cli.options import ActingBehavior, ActingPolicy, PrintJson, ScenarioFile
from townlet.cli.places import file_option, folder_option
from townlet.cli.settings import SettingsOption

if TYPE_CHECKING:
    from townlet.baselines import Baseline, Difference

baselines = typer.Typer(name="baselines")

_File = Annotated[Path, typer.Argument(metavar="BASELINE.json", help="Baseline file.")]
_Folder = Annotated[Path, typer.Option(help="Folder of the promoted baselines.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(baselines)


@baselines.callback()
def _baselines() -> None:
    """Build, compare and promote baselines.

    A baseline holds the distribution of every metric of a scenario over many seeds.
    """


@baselines.command()
def build(
    scenario: ScenarioFile,
    output: Annotated[
        Path | None, folder_option(help="Folder for the baseline; by default runs/baselines/SCENARIO.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds, with one rollout each.")] = 30,
    first_seed: Annotated[int, typer.Option(help="First seed; the others count up from it.")] = 0,
    worlds: Annotated[
        int | None, typer.Option(help="Worlds per seed; by default as many as the promoted baseline's, else 256.")
    ] = None,
    behavior: ActingBehavior = None,
    policy: ActingPolicy = None,
    captures: Annotated[
        bool, typer.Option("--captures/--no-captures", help="Whether to record each rollout as a capture.")
    ] = True,
    copy: Annotated[
        Path | None, file_option(help="Also write the baseline to this file, whose name contains no hash.")
    ] = None,
    settings: SettingsOption = None,
) -> None:
    """Build a baseline from one rollout per seed."""
    from townlet.baselines.build import build_baseline
    from townlet.cli.console import compiling_notice, progress_bar
    from townlet.config import load_scenario
    from townlet.config.settings import with_settings
    from townlet.files.storage import pretty_json, write_atomically

    loaded = with_settings(load_scenario(scenario), settings or ())
    name = loaded.name
    with progress_bar(f"baseline of {name}", "seeds") as advance:
        compiling_notice()
        result = build_baseline(
            scenario,
            output or Path("runs") / "baselines" / name,
            seeds=seeds,
            first_seed=first_seed,
            worlds=worlds,
            behavior=behavior,
            policy=policy,
            captures=captures,
            settings=settings or (),
            progress=advance,
        )
    if copy is not None:
        write_atomically(copy, pretty_json(result.baseline.model_dump(mode="json")))
    say_what_it_brought(policy, loaded)
    _print_baseline(result.baseline)
    _print_comparison(result.baseline)
    typer.echo(result.path)


@baselines.command()
def show(baseline: _File, json: PrintJson = False) -> None:
    """Print a baseline's distributions."""
    from townlet.baselines import read_baseline
    from townlet.files.storage import pretty_json

    found = read_baseline(baseline)
    if json:
        typer.echo(pretty_json(found.model_dump(mode="json")), nl=False)
        return
    _print_baseline(found)


@baselines.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD.json", help="Baseline file.")],
    new: Annotated[Path, typer.Argument(metavar="NEW.json", help="Baseline file to compare with it.")],
    json: PrintJson = False,
) -> None:
    """Print the differences between two baselines, with confidence intervals and effect sizes."""
    from townlet.baselines import differences, read_baseline
    from townlet.files.storage import pretty_json

    before, after = read_baseline(old), read_baseline(new)
    changed = differences(before, after)
    if json:
        typer.echo(pretty_json({name: change.model_dump() for name, change in changed.items()}), nl=False)
        return
    for field in ("scenario", "scenario_sha256", "behavior", "policy_sha256", "worlds", "ticks"):
        if getattr(before, field) != getattr(after, field):
            typer.echo(f"{field}: {getattr(before, field)} → {getattr(after, field)}")
    _print_differences(changed)
    _print_if_same(before, after)


@baselines.command()
def promote(
    baseline: _File,
    scenario: ScenarioFile,
    reason: Annotated[str, typer.Option(help="Why soaks are compared with this baseline from now on.")],
    by: Annotated[str | None, typer.Option(help="Who promotes it; by default git's author, user.name.")] = None,
    folder: _Folder = Path("baselines"),
) -> None:
    """Make a baseline the one that soaks are compared with.

    The ledger records when, by whom and why; older baselines are kept.
    """
    from townlet.baselines import promote as promote_baseline
    from townlet.baselines import read_baseline, review_of
    from townlet.baselines.review import code_in_words, has_code_on_record
    from townlet.config import load_scenario
    from townlet.text.terminal import printable

    town = load_scenario(scenario)
    entry = promote_baseline(baseline, town, reason=reason, by=by, folder=folder)
    promoted = review_of(folder, town.name).baseline
    replaced = f"replacing {entry.parent[:12]}" if entry.parent else "the first one"
    typer.echo(f"promoted {entry.baseline[:12]}, {replaced}, by {printable(entry.by)}")
    if entry.parent is not None:
        former = folder / town.name / f"baseline-{entry.parent[:12]}.json"
        _print_differences(entry.differences)
        _print_if_same(read_baseline(former), promoted)
    if not has_code_on_record(promoted):
        warning = "nobody can check out the code that measured this baseline"
        typer.echo(f"warning: {warning}: {code_in_words(promoted)}", err=True)


@baselines.command()
def document(
    folder: _Folder = Path("baselines"),
    output: Annotated[Path, file_option(early=False, help="Markdown page to write.")] = Path(
        "docs/ops/queue_conflict_baselines.md"
    ),
    scenarios: Annotated[Path, typer.Option(help="Folder of the scenario files.")] = Path("configs/scenarios"),
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; measure every baseline again and fail if any figure of the page differs."
        ),
    ] = False,
) -> None:
    """Write a page about the promoted baselines."""
    from townlet.baselines.document import changes, measured_anew, read_promoted
    from townlet.baselines.document import document as baselines_page
    from townlet.config import load_scenario
    from townlet.files.storage import read_bytes, write_atomically

    promoted = read_promoted(folder)
    if not check:
        write_atomically(output, baselines_page(promoted))
        typer.echo(output)
        return
    measured = {
        name: (measured_anew(baseline, load_scenario(scenarios / f"{name}.yaml")), history)
        for name, (baseline, history) in promoted.items()
    }
    faults = [fault for name in promoted for fault in changes(promoted[name][0], measured[name][0])]
    wrong = [str(fault) for fault in faults]
    if read_bytes(output, "the page of the baselines") != baselines_page(measured).encode():
        wrong.append(f"{output}: differs from what the code gives now; `townlet baselines document` writes it again")
    if wrong:
        typer.echo("\n".join(wrong), err=True)
        raise typer.Exit(1)
    typer.echo(f"{output}: all {len(promoted)} baselines reproduced")


def _print_baseline(baseline: Baseline) -> None:
    policy = f" {baseline.policy_sha256[:12]}" if baseline.policy_sha256 else ""
    typer.echo(f"baseline {baseline.sha256[:12]} of {baseline.scenario}: {baseline.size}, {baseline.behavior}{policy}")
    rows = [
        (name, f"{m.mean:.5g}", f"{m.sd:.3g}", *(f"{m.quantiles[level]:.5g}" for level in ("0.05", "0.5", "0.95")))
        for name, m in baseline.metrics.items()
    ]
    _print_table(("metric", "mean", "sd", "5 %", "median", "95 %"), rows)


def _print_if_same(before: Baseline, after: Baseline) -> None:
    from townlet.baselines.compare import same_figures

    same = same_figures(before, after)
    if same is not None:
        typer.echo(same)


def _print_comparison(baseline: Baseline) -> None:
    """Compare a new baseline with the one that is promoted in this folder, if there is one."""
    from townlet.baselines import BASELINES_FOLDER, promoted_baseline, promoted_scenarios
    from townlet.baselines.compare import comparison_in_words

    if baseline.scenario in promoted_scenarios(BASELINES_FOLDER):
        _, promoted = promoted_baseline(baseline.scenario, BASELINES_FOLDER)
        typer.echo(comparison_in_words(promoted, baseline))


def _print_differences(changes: dict[str, Difference]) -> None:
    rows = [
        (name, *(_number(value) for value in (c.old, c.new, c.change)), _interval(c), _number(c.effect, 3))
        for name, c in changes.items()
    ]
    _print_table(("metric", "old", "new", "change", "95 % interval", "Hedges' g"), rows)


def _number(value: float | None, digits: int = 5) -> str:
    return "—" if value is None else f"{value:.{digits}g}"


def _interval(change: Difference) -> str:
    return "—" if change.low is None else f"{_number(change.low, 3)} to {_number(change.high, 3)}"


def _print_table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console()
    # If the output is not a terminal, all columns get the room they need.
    (console if console.is_terminal else Console(width=160)).print(table)
