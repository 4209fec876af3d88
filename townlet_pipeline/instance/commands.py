"""What all commands of the pipeline have in common: their exit codes, and output that nobody may read to its end."""

import os
import sys
from typing import NoReturn, TextIO

import typer

from townlet.errors import InputError, RunError
from townlet.text.terminal import show_what_can_be_shown


def start(app: typer.Typer) -> NoReturn:
    """Run the command that the process was started with, and end it: with 2 for unusable input, one line per fault.

    What a terminal's encoding cannot show is replaced. A reader who has seen enough, such as ``head``, is no error.
    """
    show_what_can_be_shown()
    try:
        app()
    except InputError as error:
        for line in str(error).splitlines():
            say(f"error: {line}", sys.stderr)
        raise SystemExit(2) from None
    except RunError as error:
        say(f"error: {error}", sys.stderr)
        raise SystemExit(1) from None
    except SystemExit as end:
        # Typer ends with 1 where what it prints itself, such as the help, is not read to its end.
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        _read_no_more(sys.stdout)
        raise SystemExit(0) from None
    raise SystemExit(0)


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a line, by default on standard output, at once; once its reader is gone, go on in silence."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        _read_no_more(stream)


def _read_no_more(stream: TextIO) -> None:
    """Lead a stream to nowhere, where what it still holds can be flushed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
