"""Conventions that all commands of the pipeline share: exit codes, error lines, and output to a closed pipe."""

import os
import sys
from typing import NoReturn, TextIO

import typer

from townlet.errors import InputError, RunError
from townlet.text.terminal import show_what_can_be_shown


def run_command(app: typer.Typer) -> NoReturn:
    """Run the command that this process was started with, and exit.

    Unusable input exits with 2 and one line per fault, a RunError with 1. Characters that the terminal's encoding
    lacks are replaced. A reader that closes the pipe early, such as ``head``, is no error.
    """
    show_what_can_be_shown()
    try:
        app()
    except InputError as error:
        for line in str(error).splitlines():
            print_line(f"error: {line}", sys.stderr)
        raise SystemExit(2) from None
    except RunError as error:
        print_line(f"error: {error}", sys.stderr)
        raise SystemExit(1) from None
    except SystemExit as end:
        # Typer exits with 1 if the pipe closes while it prints text of its own, such as the help.
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        _redirect_to_null(sys.stdout)
        raise SystemExit(0) from None
    raise SystemExit(0)


def print_line(text: str, stream: TextIO | None = None) -> None:
    """Print a line and flush it, by default to standard output; print nothing more once the pipe is closed."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        _redirect_to_null(stream)


def _redirect_to_null(stream: TextIO) -> None:
    """Redirect a stream to the null device, so that what it still buffers can be flushed without an error."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
