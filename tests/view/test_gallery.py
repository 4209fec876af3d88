"""The gallery of scenarios: its pictures and its figures are those of the scenarios as they are."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image
from support.places import ROOT

from townlet.config.find import builtin_scenarios, scenario_of
from townlet.view.map_picture import drawn_content, scenario_png

PAGE = (ROOT / "docs" / "GALLERY.md").read_text()
PICTURES = ROOT / "docs" / "images" / "scenarios"
#: Events of a capture by the words of the page.
EVENTS = {
    "ghost step": "ghost_step",
    "push-in": "push_in",
    "overstay": "overstay",
    "contested arrival": "contested_arrival",
    "hand-over": "hand_over",
    "yield": "yield",
    "late arrival": "late_arrival",
    "absence": "absence",
    "avoidance": "avoidance",
    "completed use": "use_completed",
}


def section(name: str) -> str:
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", builtin_scenarios())
def test_a_picture_shows_its_scenario_as_it_is(name: str) -> None:
    assert f"(images/scenarios/{name}.png)" in section(name)
    scenario = scenario_of(name)
    with Image.open(PICTURES / f"{name}.png") as committed, Image.open(io.BytesIO(scenario_png(scenario))) as now:
        assert committed.text["Description"] == drawn_content(scenario), "`make gallery` draws it again"  # type: ignore[attr-defined]
        assert committed.size == now.size
        # Another Matplotlib may set letters otherwise by a pixel.
        one, two = (np.asarray(image.convert("RGB"), np.float64) for image in (committed, now))
        assert np.abs(one - two).mean() < 4.0


@pytest.mark.parametrize("name", builtin_scenarios())
def test_the_size_on_the_page_is_that_of_the_scenario(name: str) -> None:
    scenario, text = scenario_of(name), section(name)
    people, objects = len(scenario.people), len(scenario.objects)
    size = f"{scenario.map.width}×{scenario.map.height} tiles, {people:,} {'people' if people > 1 else 'person'}, "
    assert size + f"{objects:,} {'objects' if objects > 1 else 'object'}, " in text
    assert f"{scenario.ticks:,} ticks" in text


@pytest.mark.parametrize(
    "golden", sorted((ROOT / "tests" / "world" / "golden").glob("*.json")), ids=lambda file: file.stem
)
def test_the_events_on_the_page_are_those_of_the_script(golden: object) -> None:
    name, counted = golden.stem, _events(json.loads(golden.read_text()))  # type: ignore[attr-defined]
    text = " ".join(section(name).split())
    for words, kind in EVENTS.items():
        told = re.search(rf"\b(\d+) {words}s?\b", text)
        assert (int(told[1]) if told else 0) == counted.get(kind, 0), words


def _events(content: Mapping[str, object]) -> dict[str, int]:
    events = content["events"]
    assert isinstance(events, dict)
    return events
