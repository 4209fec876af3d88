"""``townlet playback``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from townlet.cli.options import CaptureManifest
from townlet.cli.places import file_option, require_apart
from townlet.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command to the application, and its former name, ``replay``, without mention in the help."""
    app.command()(playback)
    app.command("replay", hidden=True)(playback)


_Worlds = Annotated[
    list[int] | None, typer.Option(min=0, help="Index of a captured world; may be repeated. By default 0.")
]
_Compare = Annotated[
    Path | None,
    typer.Option(metavar="MANIFEST", help="Manifest of another capture, to play side by side with the first."),
]
_Scenarios = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="SCENARIO.yaml",
        help="Captured scenario, unless it is built in; give it twice with --compare if the sides differ.",
    ),
]
_Policies = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="POLICY",
        help="Policy whose outputs the page shows: its folder or policy.json, or the name of a shipped one; give it "
        "twice with --compare if the sides differ.",
    ),
]
_Behavior = Annotated[
    str | None,
    typer.Option(
        metavar="BEHAVIOR",
        help="Behaviour of your own whose action probabilities the page shows in a policy's place: "
        "package.module:factory, FILE.py:factory or FILE.onnx. Its code is run.",
    ),
]
_Labels = Annotated[
    list[str] | None, typer.Option(help="Name of a side, once per side; by default the behaviour that acts.")
]
_Output = Annotated[Path | None, file_option(help="HTML file to write; by default playback.html.")]
_Plain = Annotated[bool, typer.Option("--plain", help="Do not compress the data, for browsers from before 2023.")]
_Gif = Annotated[Path | None, file_option(help="Write an animated GIF of some ticks instead of a page.")]
_First = Annotated[int | None, typer.Option("--from", min=0, help="First tick of the GIF; by default 0.")]
_Last = Annotated[int | None, typer.Option("--to", min=0, help="Last tick of the GIF; by default the first plus 60.")]


def playback(
    manifest: CaptureManifest,
    world: _Worlds = None,
    compare: _Compare = None,
    scenario: _Scenarios = None,
    policy: _Policies = None,
    behavior: _Behavior = None,
    label: _Labels = None,
    output: _Output = None,
    plain: _Plain = False,
    gif: _Gif = None,
    first: _First = None,
    last: _Last = None,
) -> None:
    """Write a page that plays a capture tick by tick.

    The page shows the town, its queues, conflicts and grudges. The recorded actions are simulated again; if any result
    differs from the capture, the command fails.
    """
    from townlet.cli.console import compiling_notice

    worlds = sorted(set(world or [0]))
    manifests = [path for path in (manifest, compare) if path is not None]
    if gif is None:
        _refuse({"--from": first is not None, "--to": last is not None}, "no --gif", "--gif with it")
    else:
        of_a_page: dict[str, object] = {"--world": len(worlds) > 1, "--compare": compare, "--policy": policy}
        of_a_page |= {"--behavior": behavior, "--label": label, "--plain": plain, "--output": output}
        _refuse(of_a_page, "it with --gif", "no --gif, which shows one side and one world")
    scenarios = _for_each_side("--scenario", scenario, len(manifests))
    policies = _for_each_side("--policy", policy, len(manifests))
    if label and len(label) != len(manifests):
        raise InputError.of("options", "--label", f"{len(label)} of them", f"{len(manifests)}, one for each side")
    for written in (output, gif):
        require_apart(written, *manifests, *(scenario or ()), *(policy or ()))
    compiling_notice()
    if gif is not None:
        _write_gif(gif, manifest, worlds[0], (first or 0, last), scenarios[0])
    else:
        sides = list(zip(manifests, scenarios, policies, strict=True))
        _write_page(output or Path("playback.html"), sides, worlds, label or (), behavior=behavior, plain=plain)
    typer.echo(gif or output or "playback.html")


def _write_gif(file: Path, manifest: Path, world: int, ticks: tuple[int, int | None], scenario: Path | None) -> None:
    from townlet.files.storage import write_atomically
    from townlet.view.playback import gif_of

    first, last = ticks
    write_atomically(file, gif_of(manifest, world, first, first + 60 if last is None else last, scenario=scenario))


def _write_page(
    file: Path,
    sides: Sequence[tuple[Path, Path | None, Path | None]],
    worlds: Sequence[int],
    labels: Sequence[str],
    *,
    behavior: str | None,
    plain: bool,
) -> None:
    """Write the page of ``sides``: manifest, scenario and policy of each."""
    from townlet.files.storage import write_atomically
    from townlet.view.playback import playback_html, resimulate

    simulated = [
        [resimulate(manifest, world, scenario=scenario, policy=policy, behavior=behavior) for world in worlds]
        for manifest, scenario, policy in sides
    ]
    write_atomically(file, playback_html(simulated, labels=labels, coding="identity" if plain else "deflate-raw"))


def _for_each_side(option: str, given: Sequence[Path] | None, sides: int) -> Sequence[Path | None]:
    """The file of each side: its own, the one given for both, or none."""
    if not given:
        return [None] * sides
    if len(given) not in (1, sides):
        raise InputError.of("options", option, f"{len(given)} of them", f"at most {sides}, one for each side")
    return list(given) * (sides // len(given))


def _refuse(options: Mapping[str, object], found: str, expected: str) -> None:
    """Raise an InputError that names the first option given, if any is."""
    for option, value in options.items():
        if value:
            raise InputError.of("options", option, found, expected)
