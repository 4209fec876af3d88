"""Renderings of the town as text and image."""

from __future__ import annotations

import numpy as np
import pytest
from support.towns import Stage, shower_room

from townlet.envs.image import FLOOR, PEOPLE, WALL, TownPainter
from townlet.envs.render import TownRenderer, draw_text
from townlet.envs.scene import scene_of

WALLED = {"map": {"walls": [{"corner": [0, 0], "opposite": [6, 0]}]}}


@pytest.fixture
def queue() -> Stage:
    stage = Stage(shower_room(**WALLED))
    stage.queue_up("anna", "ben", "cara")
    return stage


def test_the_text_shows_walls_objects_people_and_who_queues_in_which_order(queue: Stage) -> None:
    assert draw_text(scene_of(queue.town)).split("\n") == [
        "shower_room  tick 3 of 200",
        "#######",
        "·······",
        "···C···",
        "··AsB··",
        "···D···",
        "·······",
        "·······",
        "s shower",
        "A anna holds  B ben waits  C cara waits  D dan",
        "shower_1: A < B < C",
    ]


def test_names_that_begin_alike_get_different_characters() -> None:
    town = Stage(
        shower_room(people={"anna": None, "ada": {"at": [0, 0]}, "dan": None, "cara": None, "adam": {"at": [1, 0]}})
    )
    text = draw_text(scene_of(town.town))
    assert "B ben  A ada  D adam" in text
    assert "AD·····" in text


def test_the_image_has_whole_tiles_and_shows_floor_walls_and_people_in_their_colours(queue: Stage) -> None:
    image = TownRenderer(queue.town, "rgb_array").render()
    assert isinstance(image, np.ndarray) and image.dtype == np.uint8
    tile = image.shape[0] // 7
    assert image.shape == (7 * tile, 7 * tile, 3)
    middle = image[tile // 2 :: tile, tile // 2 :: tile]
    assert (middle[0] == WALL).all()
    assert (middle[6] == FLOOR).all()
    assert tuple(middle[4, 3]) == PEOPLE[3]


def test_a_queue_is_a_line_from_person_to_person(queue: Stage) -> None:
    painter = TownPainter(scene_of(queue.town))
    before = painter.paint(scene_of(queue.town)).astype(int)
    queue.tick(cara="leave_queue")
    after = painter.paint(scene_of(queue.town)).astype(int)
    tile = before.shape[0] // 7
    between = slice(int(2.95 * tile), int(3.15 * tile)), slice(int(3.85 * tile), int(4.05 * tile))
    assert (after[between].sum() - before[between].sum()) > 1000


def test_a_picture_is_the_same_for_the_same_moment_and_a_new_array_each_time(queue: Stage) -> None:
    renderer = TownRenderer(queue.town, "rgb_array")
    first, second = renderer.render(), renderer.render()
    np.testing.assert_array_equal(first, second)
    assert not np.shares_memory(first, second)


def test_large_towns_get_small_tiles() -> None:
    stage = Stage(shower_room(map={"width": 200, "height": 100}))
    image = TownRenderer(stage.town, "rgb_array").render()
    assert isinstance(image, np.ndarray)
    assert image.shape == (600, 1200, 3)


def test_human_mode_prints_the_text(queue: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert TownRenderer(queue.town, "human").render() is None
    assert capsys.readouterr().out == draw_text(scene_of(queue.town)) + "\n"


def test_a_grudge_is_a_line_that_thickens(queue: Stage) -> None:
    calm = TownPainter(scene_of(queue.town)).paint(scene_of(queue.town)).astype(int)

    def with_grudge(strength: float) -> np.ndarray:
        queue.town.state.grudges[0, 3, 0]["other"] = 0
        queue.town.state.grudges[0, 3, 0]["strength"] = strength
        scene = scene_of(queue.town)
        assert [(grudge.holder, grudge.against) for grudge in scene.grudges] == [(3, 0)]
        return TownPainter(scene).paint(scene).astype(int)

    weak, strong = ((with_grudge(strength) != calm).any(axis=-1).sum() for strength in (0.1, 0.9))
    assert 0 < weak < strong
