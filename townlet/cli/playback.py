"""``townlet playback``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.places import file_option, require_apart
from townlet.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command to the application, and its former name, ``replay``, without mention in the help."""
    app.command()(playback)
    app.command("replay", hidden=True)(playback)


def playback(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="Manifest of a capture.")],
    world: Annotated[
        list[int] | None, typer.Option(min=0, help="Which of the captured worlds; may be repeated. 0 by default.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="MANIFEST2", help="Another capture, to be played beside the first.")
    ] = None,
    scenario: Annotated[
        list[Path] | None,
        typer.Option(
            help="Scenario that was captured, unless it is the built-in one of its name; "
            "given twice with --compare, one for each side."
        ),
    ] = None,
    policy: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder or policy.json of a policy, whose thoughts of everybody are put into the page; "
            "given twice with --compare, one for each side."
        ),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="What to call a side, instead of who acts in it; once for each side.")
    ] = None,
    output: Annotated[Path | None, file_option(help="HTML file to write; playback.html by default.")] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Do not compress the recording, for browsers from before 2023.")
    ] = False,
    gif: Annotated[Path | None, file_option(help="Write an animated GIF of a stretch instead of a page.")] = None,
    first: Annotated[int | None, typer.Option("--from", min=0, help="First tick of the GIF; 0 by default.")] = None,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last tick of the GIF; 60 later by default.")] = None,
) -> None:
    """Write a page that plays a captured rollout: the town, its queues, conflicts and grudges, tick by tick.

    The capture is simulated again from its recorded actions, and refused if anything differs by a bit.
    """
    from townlet.cli.console import compiling_notice
    from townlet.files.storage import write_atomically
    from townlet.view.playback import gif_of, playback_html, resimulate

    worlds = sorted(set(world or [0]))
    manifests = [path for path in (manifest, compare) if path is not None]
    if gif is None:
        _refuse({"--from": first is not None, "--to": last is not None}, "no --gif", "--gif with it")
    else:
        page = {"--world": len(worlds) > 1, "--compare": compare, "--policy": policy, "--label": label}
        page |= {"--plain": plain, "--output": output}
        _refuse(page, "it with --gif", "no --gif, whose picture has one side and one world")
    scenarios, policies = (
        _for_each_side(name, given, len(manifests)) for name, given in (("--scenario", scenario), ("--policy", policy))
    )
    if label and len(label) != len(manifests):
        raise InputError.of("options", "--label", f"{len(label)} of them", f"{len(manifests)}, one for each side")
    for written in (output, gif):
        require_apart(written, *manifests, *(scenario or ()), *(policy or ()))
    compiling_notice()
    if gif is not None:
        begin = first or 0
        end = last if last is not None else begin + 60
        write_atomically(gif, gif_of(manifest, worlds[0], begin, end, scenario=scenarios[0]))
        typer.echo(gif)
        return
    sides = [
        [resimulate(path, number, scenario=town, policy=asked) for number in worlds]
        for path, town, asked in zip(manifests, scenarios, policies, strict=True)
    ]
    page_path = output or Path("playback.html")
    html = playback_html(sides, labels=label or (), coding="identity" if plain else "deflate-raw")
    write_atomically(page_path, html)
    typer.echo(page_path)


def _for_each_side(option: str, given: Sequence[Path] | None, sides: int) -> Sequence[Path | None]:
    """The file of each side: its own, the only one, or none."""
    if not given:
        return [None] * sides
    if len(given) not in (1, sides):
        raise InputError.of("options", option, f"{len(given)} of them", f"at most {sides}, one for each side")
    return list(given) * (sides // len(given))


def _refuse(given: Mapping[str, object], found: str, expected: str) -> None:
    """Raise InputError naming the first option that is given."""
    for option, value in given.items():
        if value:
            raise InputError.of("options", option, found, expected)
