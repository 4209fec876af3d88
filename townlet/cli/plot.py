"""``townlet plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.options import CaptureManifest, World
from townlet.cli.places import file_option, require_apart


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(plot)


def plot(
    manifest: CaptureManifest,
    output: Annotated[Path, file_option(help="PNG file to write.")],
    world: World = 0,
) -> None:
    """Draw one world of a capture as PNG.

    The plot shows who waits for, holds or uses an object, every conflict, and grudges.
    """
    from townlet.capture import read_capture, read_events
    from townlet.errors import InputError
    from townlet.files.storage import write_atomically
    from townlet.view.queue_timeline import queue_timeline_png

    require_apart(output, manifest)
    capture = read_capture(manifest)
    if not 0 <= world < capture.manifest.worlds:
        raise InputError.of("options", "--world", str(world), f"below {capture.manifest.worlds}, the worlds captured")
    write_atomically(output, queue_timeline_png(capture, read_events(manifest), world))
    typer.echo(output)
