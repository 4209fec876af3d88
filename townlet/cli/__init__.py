"""Command line ``townlet``: one sub-command per task.

Each command imports what it needs in its body, so that the telemetry commands start without NumPy, Numba or torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from townlet.cli import (
    baselines,
    bench,
    capture,
    compare,
    crossplay,
    drift,
    evaluate,
    export,
    init,
    inspect,
    lineage,
    morning,
    pipeline,
    playback,
    plot,
    schema,
    show,
    soak,
    stages,
    study,
    summary,
    sweep,
    train,
    validate,
    watch,
)
from townlet.cli.groups import GroupedCommands
from townlet.errors import InputError, RunError
from townlet.host.memory import FEWER, is_out_of_memory
from townlet.text.terminal import printable, show_what_can_be_shown

#: The error about a command line that cannot be used. Since 0.26 Typer has a copy of Click, with a class of its own.
_Unusable: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

app = typer.Typer(
    name="townlet",
    cls=GroupedCommands,
    help="Capture rollouts of a small town, train its people by PPO, and check and report the training.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    capture,
    baselines,
    train,
    soak,
    drift,
    morning,
    validate,
    watch,
    summary,
    export,
    plot,
    playback,
    inspect,
    evaluate,
    compare,
    crossplay,
    stages,
    lineage,
    bench,
    sweep,
    study,
    show,
    schema,
    init,
    pipeline,
):
    command.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from townlet.host.installation import version_lines

        for line in version_lines():
            typer.echo(line)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and more."
    ),
) -> None:
    """Capture rollouts of a small town, train its people by PPO, and check and report the training."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 a check failed, 2 unusable input, 130 interrupted."""
    try:
        code = app(args=list(arguments) if arguments is not None else None, standalone_mode=False, prog_name="townlet")
        sys.stdout.flush()
    except InputError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return 2
    except RunError as error:
        for line in str(error).splitlines():
            print(printable(f"error: {line}" if line == str(error) else line), file=sys.stderr)
        return 1
    except _Unusable as error:
        error.show()
        return int(error.exit_code)
    except (BrokenPipeError, SystemExit) as error:
        # When a reader such as `head` closes the pipe, Typer and Rich exit with 1 while handling BrokenPipeError.
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print(f"error: memory: found too little ({error}), expected more; {FEWER} need less", file=sys.stderr)
        return 2
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(printable(f"error: {place}{error.strerror or error}"), file=sys.stderr)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:
        print("interrupted: the work is unfinished, but every file is whole", file=sys.stderr)
    return int(code or 0)


def run(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the ``townlet`` command, and of scripts that run one of its sub-commands."""
    show_what_can_be_shown()
    sys.exit(main(arguments))
