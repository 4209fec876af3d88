"""Blueprints that cannot be built are refused with the place, what was found and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError
from support.villages import VILLAGE, village

from townlet.config import Scenario, load_scenario
from townlet.errors import InputError


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        (
            "objects: {stone: 2}",
            "objcts: {stone: 2}",
            [
                "blueprint.buildings.mill.objcts (line 17): found unknown key 'objcts', "
                "expected one of count, door_width, doors, objects, size; did you mean 'objects'?"
            ],
        ),
        (
            "map: {width: 24, height: 24}",
            "map: {width: 20, height: 8}",
            [
                "blueprint.buildings (line 9): found a mapping with home, mill, "
                "expected buildings that fit on the 20×8 map; with streets 1 wide these need 27×9 tiles"
            ],
        ),
        (
            "map: {width: 24, height: 24}",
            "map: {width: 24, heigth: 24}",
            [
                "map.height (line 5): found nothing, expected a value",
                "map.heigth (line 5): found unknown key 'heigth', "
                "expected one of height, walls, width; did you mean 'height'?",
            ],
        ),
        (
            "objects: {bed: 3}",
            "objects: {bed: 30}",
            ["blueprint.buildings.home.objects (line 13): found a mapping with bed, expected at most "],
        ),
        (
            "doors: 2",
            "door_width: 6",
            [
                "blueprint.buildings.mill.door_width (line 16): found 6, "
                "expected at most 5, the width inside at the narrow side"
            ],
        ),
        (
            "objects: {bed: 3}",
            "objects: {bet: 3}",
            [
                "blueprint.buildings.home.objects.bet (line 13): found 'bet', "
                "expected a type with an affordance, one of bed, stone; did you mean 'bed'?"
            ],
        ),
        (
            "    count: 6",
            "    count: 7",
            ["blueprint.people.count (line 19): found 7, expected at most 6, with 3 in each home"],
        ),
        (
            "    home: home",
            "    home: hame",
            ["blueprint.people.home (line 20): found 'hame', expected one of home, mill; did you mean 'home'?"],
        ),
        (
            "building: mill",
            "building: mil",
            ["blueprint.jobs.miller.building (line 26): found 'mil', expected one of home, mill; did you mean 'mill'?"],
        ),
        (
            "object: stone\n      share",
            "object: bed\n      share",
            ["blueprint.jobs.miller.object (line 27): found 'bed', expected an object of mill, one of stone"],
        ),
        (
            ", work: true",
            ", effects: {energy: -0.1}",
            [
                "blueprint.jobs.miller.object (line 27): found 'stone', "
                "expected a type with an affordance that has work: true"
            ],
        ),
        (
            "share: 0.5",
            "share: 0.01",
            ["blueprint.jobs.miller.share (line 28): found 0.01, expected at least one of 6 people"],
        ),
        (
            "[15, 30]]",
            "[15, 60]]",
            ["blueprint.jobs.miller.shifts.1.1 (line 29): found 60, expected at most ticks_per_day, 50"],
        ),
        (
            "[15, 30]]",
            "[30, 15]]",
            [
                "blueprint.jobs.miller.shifts.1 (line 29): found [30, 15], "
                "expected a first tick and, after it, the tick at which the shift is over"
            ],
        ),
        (
            "patience: [0.0, 0.2]",
            "patience: [0.2, 0.0]",
            ["blueprint.people.personality.patience (line 23): found [0.2, 0.0], expected the lower bound first"],
        ),
        (
            "schedule:",
            "people:\n  zoe: {at: [0, 0]}\nschedule:",
            ["people (line 34): found a mapping with zoe, expected nothing, because the blueprint makes the people"],
        ),
        (
            "  anna: [{at",
            "  ana: [{at",
            [
                "schedule.ana (line 35): found 'ana', "
                "expected one of anna, ben, cara, dan, erin, finn; did you mean 'anna'?"
            ],
        ),
        (
            "wage: 0.1",
            "wage: much\nseed: -1",
            [
                "seed (line 31): found -1, expected greater than or equal to 0",
                "blueprint.jobs.miller.wage (line 30): found 'much', expected a number",
            ],
        ),
    ],
)
def test_what_cannot_be_built_is_refused_at_the_field_to_change(
    tmp_path: Path, old: str, new: str, messages: list[str]
) -> None:
    assert VILLAGE.count(old) == 1, old
    file = tmp_path / "village.yaml"
    file.write_text(VILLAGE.replace(old, new))
    with pytest.raises(InputError) as caught:
        load_scenario(file)
    lines = [line.removeprefix(f"{file}: ") for line in str(caught.value).splitlines()]
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert line.startswith(message)


def test_shares_of_more_than_everybody_are_refused() -> None:
    job = yaml.safe_load(VILLAGE)["blueprint"]["jobs"]["miller"] | {"share": 0.75}
    with pytest.raises(ValidationError, match=r"shares that add up to at most 1, not 1\.5"):
        village(jobs={"miller": job, "other": job})


def test_two_objects_never_get_the_same_name() -> None:
    buildings = yaml.safe_load(VILLAGE)["blueprint"]["buildings"]
    content = yaml.safe_load(VILLAGE)
    content["blueprint"]["buildings"] = buildings | {
        "old_mill": {"size": [7, 7], "objects": {"stone": 1}},
        "mill": {"size": [7, 7], "objects": {"stone_old": 1, "stone": 2}},
    }
    content["affordances"]["look"] = {"object": "stone_old", "ticks": 1, "effects": {"energy": 0.1}}
    with pytest.raises(ValidationError, match="another name: there would be two objects stone_old_mill_1"):
        Scenario.model_validate(content)
