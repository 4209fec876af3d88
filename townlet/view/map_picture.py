"""Picture of a scenario before anything has run: rooms, objects, and people where they start, as PNG or SVG."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from townlet.config.scenario import Scenario
from townlet.envs.image import FLOOR, OBJECTS, PEOPLE, SEAM, WALL
from townlet.view.character_plan import letters_of
from townlet.view.floor_plan import FloorPlan, floor_plan_of
from townlet.view.scenario_tables import summary_lines, use_rows
from townlet.view.style import INK, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Size of the map's longer side in inches, and the least size of a tile that has a letter.
_LONG_SIDE, _LETTERED = 7.0, 0.11
#: Most people who are listed by name, and letters of a line below the map.
_NAMED, _LINE = 12, 116
#: Size of a room's name in points.
_NAME_SIZE = 7
#: Shade of a room's floor and of a door.
_ROOM, _DOOR = (255, 255, 255), (226, 214, 196)
_DOTS = 96


def scenario_png(scenario: Scenario) -> bytes:
    """Draw a scenario as PNG, about 800 pixels wide. Its ``Description`` is :func:`drawn_content`."""
    return _saved(scenario, "png", dpi=_DOTS, metadata={"Software": None, "Description": drawn_content(scenario)})


def scenario_svg(scenario: Scenario) -> bytes:
    """Draw a scenario as SVG. Equal scenarios give equal bytes with the same Matplotlib."""
    return _saved(scenario, "svg", metadata={"Date": None, "Creator": None})


def drawn_content(scenario: Scenario) -> str:
    """All that a picture shows, as text: it tells whether a picture is up to date whatever Matplotlib drew it."""
    plan = floor_plan_of(scenario)
    walls = ["".join("#" if wall else "." for wall in row) for row in plan.walls]
    objects = [f"{item.type}@{item.at[0]},{item.at[1]}" for item in scenario.objects.values()]
    people = [f"{name}@{person.at[0]},{person.at[1]}" for name, person in scenario.people.items()]
    return "\n".join([*_lines(scenario), *plan.names, *objects, *people, *walls])


def _saved(scenario: Scenario, form: str, **options: Any) -> bytes:
    with style(scenario.name):
        buffer = io.BytesIO()
        _figure(scenario).savefig(buffer, format=form, **options)
    return buffer.getvalue()


def _tile(scenario: Scenario) -> float:
    """The size of a tile in inches, at most half an inch."""
    return min(_LONG_SIDE / max(scenario.map.width, scenario.map.height), 0.5)


def _figure(scenario: Scenario) -> Figure:
    from matplotlib.figure import Figure

    plan, lines, tile = floor_plan_of(scenario), _lines(scenario), _tile(scenario)
    height, width = plan.walls.shape
    text = 0.18 * (len(lines) + 1)
    margin = 0.15
    whole = max(tile * width, _LONG_SIDE) + 2 * margin, tile * height + text + 3 * margin
    figure = Figure(figsize=whole)
    left = (whole[0] - tile * width) / 2
    place = (left / whole[0], (text + 2 * margin) / whole[1], tile * width / whole[0], tile * height / whole[1])
    axes = figure.add_axes(place)
    _draw_ground(axes, plan, lines_between=tile >= _LETTERED)
    _draw_objects(axes, scenario, tile)
    _draw_people(axes, scenario, tile)
    if tile >= _LETTERED:
        _draw_names(axes, plan, scenario, tile)
    figure.text(
        margin / whole[0], (text + margin) / whole[1], "\n".join(lines), va="top", fontsize=8.5, linespacing=1.4
    )
    return figure


def _draw_ground(axes: Axes, plan: FloorPlan, *, lines_between: bool) -> None:
    height, width = plan.walls.shape
    ground = np.empty((height, width, 3), np.uint8)
    ground[:] = FLOOR
    ground[plan.rooms >= 0] = _ROOM
    ground[plan.doors] = _DOOR
    ground[plan.walls] = WALL
    axes.imshow(ground, interpolation="nearest", extent=(0, width, height, 0))
    axes.set_xticks(range(width + 1) if lines_between else [0, width])
    axes.set_yticks(range(height + 1) if lines_between else [0, height])
    axes.grid(color=_color(SEAM), alpha=1.0, linewidth=0.4)
    axes.tick_params(length=0, labelbottom=False, labelleft=False)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(_color(WALL))


def _draw_objects(axes: Axes, scenario: Scenario, tile: float) -> None:
    from matplotlib.patches import Rectangle

    kinds, letters = scenario.object_types, letters_of(scenario.object_types)
    for item in scenario.objects.values():
        color = _color(OBJECTS[kinds.index(item.type) % len(OBJECTS)])
        x, y = item.at
        axes.add_patch(Rectangle((x + 0.06, y + 0.06), 0.88, 0.88, facecolor=color, edgecolor=INK, linewidth=0.5))
        if tile >= _LETTERED:
            size = min(72 * tile * 0.62, 13)
            axes.text(x + 0.5, y + 0.54, letters[item.type], ha="center", va="center", fontsize=size, weight="bold")


def _draw_people(axes: Axes, scenario: Scenario, tile: float) -> None:
    from matplotlib.patches import Circle

    for index, (name, person) in enumerate(scenario.people.items()):
        x, y = person.at[0] + 0.5, person.at[1] + 0.5
        color = _color(PEOPLE[index % len(PEOPLE)])
        axes.add_patch(Circle((x, y), 0.42, facecolor=color, edgecolor="white", linewidth=0.6, zorder=3))
        if tile >= _LETTERED:
            size = min(72 * tile * 0.5, 11)
            axes.text(x, y + 0.03, name[0].upper(), ha="center", va="center", fontsize=size, color="white", zorder=4)


def _draw_names(axes: Axes, plan: FloorPlan, scenario: Scenario, tile: float) -> None:
    """Write the names of rooms that are wide enough, in the row nearest to the middle that nothing stands in."""
    stands = np.zeros(plan.walls.shape, np.bool_)
    objects, people = (each.at for each in scenario.objects.values()), (each.at for each in scenario.people.values())
    for x, y in (*objects, *people):
        stands[y, x] = True
    for room, name in enumerate(plan.names):
        tiles = plan.rooms == room
        rows, columns = np.nonzero(tiles)
        if not name or (columns.max() - columns.min() + 1) * tile < _NAME_SIZE / 72 * 0.6 * len(name):
            continue
        middle = float(rows.mean())
        free = [int(row) for row in np.unique(rows) if not (tiles[row] & stands[row]).any()]
        nearest = min(free, key=lambda row: abs(row - middle), default=middle)
        written = axes.text(
            float(columns.mean()) + 0.5, nearest + 0.5, name, ha="center", va="center", fontsize=_NAME_SIZE
        )
        written.set(style="italic", alpha=0.75, zorder=5)


def _lines(scenario: Scenario) -> list[str]:
    """The lines below the map: size, objects with their uses, and people."""
    letters = letters_of(scenario.object_types)
    placed: dict[str, list[str]] = {}
    counts: dict[str, str] = {}
    for kind, count, use, ticks, *_ in use_rows(scenario):
        placed.setdefault(kind, []).append(f"{use}, {ticks} ticks")
        counts[kind] = count
    mark = {kind: f"{letters[kind]} " if _tile(scenario) >= _LETTERED else "" for kind in placed}
    objects = "; ".join(f"{mark[kind]}{kind} ({counts[kind]}): {' / '.join(uses)}" for kind, uses in placed.items())
    said = [f"{scenario.name}: {summary_lines(scenario)[0]}", objects]
    if len(scenario.people) <= _NAMED:
        people = (f"{name} ({person.job})" if person.job else name for name, person in scenario.people.items())
        said.append(f"people, where they start: {', '.join(people)}")
    return [line for each in said for line in textwrap.wrap(each, _LINE, subsequent_indent="   ")]


def _color(color: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = (part / 255 for part in color)
    return red, green, blue
