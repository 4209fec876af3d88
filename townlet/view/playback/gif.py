"""A stretch of a captured rollout as an animated picture, painted like ``render_mode="rgb_array"``."""

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
from townlet.view.playback.film import film_of
from townlet.world import CONFLICT_KINDS, EVENT_KINDS, Town

if TYPE_CHECKING:
    from PIL import Image

#: Milliseconds that a tick is shown, and one with a conflict.
TICK_MS, CONFLICT_MS = 220, 900
#: Most ticks of one picture; a longer stretch is what the page is for.
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
    """Ticks ``first`` to ``last``, both included, of one world of a capture as a GIF that repeats.

    Each picture shows the town after its tick, with names, and under it the tick and its conflicts; those stay
    longer. Equal captures give equal bytes. Raises InputError as :func:`townlet.view.playback.film_of` does, and for a
    stretch that the capture does not have or that is longer than 500 ticks.
    """
    ticks = parse_manifest(manifest).ticks
    last = min(last, ticks - 1)
    if first > last:
        raise InputError.of("options", "--from, --to", f"{first} to {last}", f"a stretch of ticks 0 to {ticks - 1}")
    if last - first >= MOST_TICKS:
        raise InputError.of("options", "--from, --to", f"{last - first + 1} ticks", f"at most {MOST_TICKS}")
    pictures: list[Image.Image] = []
    shown: list[int] = []
    painter: TownPainter | None = None

    def watch(town: Town, tick: int) -> None:
        nonlocal painter
        if first <= tick <= last:
            scene = scene_of(town)
            painter = painter or TownPainter(scene)
            conflicts = _conflicts(town)
            pictures.append(_picture(painter, scene, tick, conflicts))
            shown.append(CONFLICT_MS if conflicts else TICK_MS)

    film_of(manifest, world, scenario=scenario, watch=watch)
    content = io.BytesIO()
    pictures[0].save(content, "GIF", save_all=True, append_images=pictures[1:], duration=shown, loop=0, optimize=True)
    return content.getvalue()


def _conflicts(town: Town) -> list[str]:
    """The conflicts of the last tick in a few words each."""
    told = []
    for event in town.state.events[0, : town.state.worlds[0].event_count]:
        kind = EVENT_KINDS[int(event["kind"])]
        if kind in CONFLICT_KINDS:
            actor, rival = (town.people[int(event[side])].capitalize() for side in ("actor", "rival"))
            told.append(f"{actor}: {kind.replace('_', ' ')}, against {rival}")
    return told


def _picture(painter: TownPainter, scene: Scene, tick: int, conflicts: list[str]) -> Image.Image:
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
            place = ((person.x + 0.5) * tile, (person.y + 1) * tile + 1)
            pen.text(place, person.name.capitalize(), INK, small, "mm", stroke_width=2, stroke_fill=PAPER)
    middle = height + _CAPTION // 2
    pen.text((8, middle), f"tick {tick}", INK, small, "lm")
    if conflicts:
        more = f" (+{len(conflicts) - 1})" if len(conflicts) > 1 else ""
        pen.text((width - 8, middle), conflicts[0] + more, _RED, small, "rm")
    return image.quantize(64, dither=Image.Dither.NONE)
