"""Animated GIF of some ticks of a captured world, painted like ``render_mode="rgb_array"``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from townlet.capture import parse_manifest
from townlet.config import Scenario
from townlet.envs.image import INK, PAPER, TownPainter
from townlet.envs.scene import Scene, scene_of
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.view.playback.resimulation import resimulate
from townlet.world import CONFLICT_KINDS, EVENT_KINDS, Town

if TYPE_CHECKING:
    from PIL import Image

#: Milliseconds for which a tick is shown: without and with a conflict.
TICK_MS, CONFLICT_MS = 220, 900
#: Most ticks in one GIF; the page plays longer stretches.
MOST_TICKS = 500

_CAPTION, _SMALL = 34, 13
_RED = (200, 16, 46)


def gif_of(
    manifest: AnyPath,
    world: int,
    first: int,
    last: int,
    *,
    scenario: Scenario | AnyPath | None = None,
) -> bytes:
    """Draw ticks ``first`` to ``last``, both included, of one world of a capture as a looping GIF.

    Each frame shows the town after a tick, with people's names, and below it the tick and its conflicts. Ticks with a
    conflict stay longer. Equal captures give equal bytes. Raises InputError as
    :func:`townlet.view.playback.resimulate` does, and if the capture does not have these ticks or they are more than
    500.
    """
    ticks = parse_manifest(manifest).ticks
    last = min(last, ticks - 1)
    if first > last:
        raise InputError.of("options", "--from, --to", f"{first} to {last}", f"a range within ticks 0 to {ticks - 1}")
    if last - first >= MOST_TICKS:
        raise InputError.of("options", "--from, --to", f"{last - first + 1} ticks", f"at most {MOST_TICKS}")
    images: list[Image.Image] = []
    durations: list[int] = []
    painter: TownPainter | None = None

    def add_image(town: Town, tick: int) -> None:
        nonlocal painter
        if first <= tick <= last:
            scene = scene_of(town)
            painter = painter or TownPainter(scene)
            conflicts = _conflicts(town)
            images.append(_image(painter, scene, tick, conflicts))
            durations.append(CONFLICT_MS if conflicts else TICK_MS)

    resimulate(manifest, world, scenario=scenario, after_tick=add_image)
    content = io.BytesIO()
    images[0].save(content, "GIF", save_all=True, append_images=images[1:], duration=durations, loop=0, optimize=True)
    return content.getvalue()


def _conflicts(town: Town) -> list[str]:
    """Short descriptions of the conflicts of the last tick."""
    descriptions = []
    for event in town.state.events[0, : town.state.worlds[0].event_count]:
        kind = EVENT_KINDS[int(event["kind"])]
        if kind in CONFLICT_KINDS:
            actor, rival = (town.people[int(event[side])].capitalize() for side in ("actor", "rival"))
            descriptions.append(f"{actor}: {kind.replace('_', ' ')}, against {rival}")
    return descriptions


def _image(painter: TownPainter, scene: Scene, tick: int, conflicts: list[str]) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    town = painter.paint(scene)
    height, width, _ = town.shape
    image = Image.new("RGB", (width, height + _CAPTION), PAPER)
    image.paste(Image.fromarray(np.ascontiguousarray(town)))
    pen = ImageDraw.Draw(image)
    tile = height // scene.walls.shape[0]
    small = ImageFont.load_default(_SMALL)
    if tile >= _SMALL:
        for person in scene.people:
            position = ((person.x + 0.5) * tile, (person.y + 1) * tile + 1)
            pen.text(position, person.name.capitalize(), INK, small, "mm", stroke_width=2, stroke_fill=PAPER)
    middle = height + _CAPTION // 2
    pen.text((8, middle), f"tick {tick}", INK, small, "lm")
    if conflicts:
        more = f" (+{len(conflicts) - 1})" if len(conflicts) > 1 else ""
        pen.text((width - 8, middle), conflicts[0] + more, _RED, small, "rm")
    return image.quantize(64, dither=Image.Dither.NONE)
