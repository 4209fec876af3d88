"""Renderings of a town as text and as an image."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.envs.image import TownPainter
from townlet.envs.scene import Scene, scene_of
from townlet.errors import InputError, nearest_name
from townlet.world import Town

RENDER_MODES = ("human", "rgb_array", "ansi")
RENDER_FPS = 10

#: A rendering: an image uint8 [H, W, 3], a text, or nothing.
Frame = NDArray[np.uint8] | str | None

WALL, FLOOR, CROWDED = "#", "·", "@"
#: Most people who are listed by name below the map.
LISTED = 16


class TownRenderer:
    """A renderer of one world in one mode. Raises InputError for an unknown mode."""

    def __init__(self, town: Town, mode: str | None, world: int = 0) -> None:
        if mode is not None and mode not in RENDER_MODES:
            raise InputError.of("options", "render_mode", repr(mode), nearest_name(mode, RENDER_MODES))
        self._town, self._mode, self._world = town, mode, world
        self._painter: TownPainter | None = None

    def render(self) -> Frame:
        """Render the world: uint8 [H, W, 3] for ``rgb_array``, text for ``ansi``, and printed text for ``human``.

        Returns None for ``human`` and without a mode.
        """
        if self._mode is None:
            return None
        scene = scene_of(self._town, self._world)
        if self._mode == "rgb_array":
            self._painter = self._painter or TownPainter(scene)
            return self._painter.paint(scene)
        text = draw_text(scene)
        if self._mode == "ansi":
            return text
        sys.stdout.write(text + "\n")
        return None


def draw_text(scene: Scene) -> str:
    """Draw the map in characters, and below it list their meanings and the queues."""
    types = _glyphs([item.type for item in scene.objects], str.lower)
    people = _glyphs([person.name for person in scene.people], str.upper)
    canvas = np.where(scene.walls, WALL, FLOOR)
    for item in scene.objects:
        canvas[item.y, item.x] = types[item.type]
    for person in scene.people:
        canvas[person.y, person.x] = people[person.name]
    lines = [f"{scene.title}  tick {scene.tick} of {scene.ticks}", *("".join(row) for row in canvas.tolist())]
    lines.append("  ".join(f"{glyph} {name}" for name, glyph in types.items()))
    if len(scene.people) <= LISTED:
        listed = (f"{people[person.name]} {person.name} {person.role}".rstrip() for person in scene.people)
        lines.append("  ".join(listed) or "nobody is in town")
    else:
        lines.append(f"{len(scene.people)} people")
    names = {person.slot: people[person.name] for person in scene.people}
    for item in scene.objects:
        if item.holder is not None or item.queue:
            holder = "nobody" if item.holder is None else names[item.holder]
            queue = "".join(f" < {names[a]}" for a in item.queue)
            lines.append(f"{item.name}: {holder}{queue}")
    return "\n".join(lines)


def _glyphs(names: list[str], case: Any) -> dict[str, str]:
    """A character for each name: one of its own letters, else a free letter or digit, else ``@``."""
    glyphs: dict[str, str] = {}
    for name in names:
        if name not in glyphs:
            wanted = case(name + "abcdefghijklmnopqrstuvwxyz0123456789")
            free = (glyph for glyph in wanted if glyph.isalnum() and glyph not in glyphs.values())
            glyphs[name] = next(free, CROWDED)
    return glyphs
