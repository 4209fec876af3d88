"""Numbers of every size in every field of a scenario give a model that makes a town, or an InputError."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from support.broken_scenarios import BAKERY
from support.villages import VILLAGE

from townlet.config import Scenario
from townlet.config.blueprint import Blueprint
from townlet.config.document import parse_document
from townlet.config.dump import scenario_yaml
from townlet.config.soak import SoakSizes
from townlet.config.training import ImitationConfig, NetworkConfig, TownsConfig
from townlet.config.validate_scenario import validated_scenario
from townlet.errors import InputError
from townlet.world.state.constants import build_rules
from townlet.world.state.layout import build_layout

Path = tuple[str | int, ...]


def complete(text: str) -> dict[str, Any]:
    """A scenario with all defaults written out, so that every field can be changed."""
    content: dict[str, Any] = parse_document("s.yaml", text.encode()).value
    whole = Scenario.model_validate(content).model_dump(mode="json")
    # Dumps leave this section out where it is empty.
    whole["soak"] = dict.fromkeys(SoakSizes.model_fields)
    # Nor do they name these options where they are not used.
    whole["rules"]["reward"]["absence"] = 0.0
    whole["training"] |= {"imitation": ImitationConfig().model_dump(), "towns": TownsConfig().model_dump()}
    whole["training"]["network"] |= vars(NetworkConfig()) | {"hidden": whole["training"]["network"]["hidden"]}
    if "blueprint" in content:
        whole = {key: whole[key] for key in whole if key not in ("objects", "jobs", "people", "schedule")}
        whole["blueprint"] = Blueprint.model_validate(content["blueprint"]).model_dump(mode="json")
        whole["map"] = content["map"]
    return whole


SCENARIOS = [complete(BAKERY), complete(VILLAGE)]

EDGES = [
    *(
        sign * (2**bits + step)
        for bits in (7, 8, 15, 16, 31, 32, 53, 63, 64)
        for step in (-1, 0, 1)
        for sign in (1, -1)
    ),
    *(0, 1, -1, 9_999, 10_000_000, 10**9, 10**9 + 1, 10**40, 10**400, 10**3000, -(10**400)),
    *(0.0, -0.0, 0.5, 1.0, 1.5, 1e-300, 5e-324, 1e12, 1e38, 1e39, 1e308, -1e308, -5e-324),
    *(math.inf, -math.inf, math.nan, True, False, None, "1e-3", "8:00", "", "٣", [], {}),
]
ANY_NUMBER = st.one_of(st.sampled_from(EDGES), st.integers(), st.integers(-(2**70), 2**70), st.floats())


def _use(number: int) -> dict[str, Any]:
    return {"object": f"thing_{number}", "ticks": 1, "effects": {"hunger": 0.1}}


def numeric_places(annotation: Any, where: Path) -> Iterator[Path]:
    """The paths of all numeric fields; ``*`` is any entry of a mapping or a list."""
    if get_origin(annotation) is Annotated:
        yield from numeric_places(get_args(annotation)[0], where)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            yield from numeric_places(field.annotation, (*where, name))
    elif annotation in (int, float):
        yield where
    elif get_origin(annotation) in (tuple, list, dict):
        inner = [argument for argument in get_args(annotation) if argument is not Ellipsis]
        yield from numeric_places(inner[-1], (*where, "*"))
    else:
        for argument in get_args(annotation):
            yield from numeric_places(argument, where)


PLACES = sorted(set(numeric_places(Scenario, ())), key=str)
#: The key of the entry that an empty mapping gets.
KEYS = {"stock_per_day": "oven", "needs": "hunger"}


def put(content: dict[str, Any], place: Path, value: Any) -> bool:
    """Set the value at a place, ``*`` meaning the first entry; return False if the scenario has no such section."""
    part: Any = content
    before: str | int = ""
    for key, following in zip(place, (*place[1:], None), strict=True):
        if key == "*" and isinstance(part, list):
            key = 0
            if not part:
                part.append(0)
        elif key == "*":
            key = next(iter(part), KEYS.get(str(before)))
        elif isinstance(part, dict) and key not in part:
            return False
        if following is None:
            part[key] = value
            return True
        part, before = part[key], key
    return False


def require_a_town_or_a_refusal(content: dict[str, Any]) -> bool:
    """Whether a scenario is valid; if so, check that it gives rules, a layout, digests and YAML."""
    try:
        scenario = validated_scenario(content, "numbers")
    except InputError as error:
        assert str(error) and max(map(len, str(error).splitlines())) < 1500
        return False
    rules = build_rules(scenario)
    assert all(np.isfinite(rules[name]).all() for name in rules.dtype.names)
    if scenario.map.width * scenario.map.height <= 10_000:
        build_layout(scenario)
    assert len(scenario.digest) == len(scenario.town_digest) == 64
    return True


def test_every_section_has_numbers_that_are_tried() -> None:
    sections = {place[0] for place in PLACES}
    assert {"rules", "training", "map", "people", "jobs", "objects", "affordances", "schedule"} <= sections
    assert {"blueprint", "capture", "observations", "telemetry", "seed", "ticks", "ticks_per_day"} <= sections
    assert len(PLACES) > 120


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_the_edges_of_every_size_are_a_town_or_a_refusal(place: Path) -> None:
    tried = 0
    for base in SCENARIOS:
        for value in EDGES if not tried else ():
            content = copy.deepcopy(base)
            if put(content, place, value):
                require_a_town_or_a_refusal(content)
                tried += 1
    assert tried == len(EDGES)


@settings(deadline=None)
@given(st.sampled_from(SCENARIOS), st.dictionaries(st.sampled_from(PLACES), ANY_NUMBER, min_size=1, max_size=6))
def test_any_numbers_anywhere_are_a_town_or_a_refusal(base: dict[str, Any], values: dict[Path, Any]) -> None:
    content = copy.deepcopy(base)
    for place, value in values.items():
        try:
            put(content, place, value)
        except (TypeError, KeyError, IndexError, AttributeError):
            continue  # An earlier value replaced this one's section.
    if require_a_town_or_a_refusal(content):
        scenario = validated_scenario(content, "numbers")
        again = parse_document("again.yaml", scenario_yaml(scenario).encode())
        assert validated_scenario(again.value, "again").digest == scenario.digest


@pytest.mark.parametrize("seed", [2**31, 2**63 - 1, 2**63, 10**400])
def test_any_whole_number_from_0_on_is_a_seed(seed: int) -> None:
    content = copy.deepcopy(SCENARIOS[0]) | {"seed": seed, "training": {"seed": seed}}
    scenario = validated_scenario(content, "numbers")
    assert (scenario.seed, scenario.training.seed) == (seed, seed)
    assert require_a_town_or_a_refusal(content)


def test_text_that_looks_like_a_number_stays_text_in_a_written_scenario() -> None:
    for text in ("1e-3", "0o10", "010", "8:00", "no", "~", "<<", "two\nlines", ".inf", "1.", "-.5", "=", "2001-01-01"):
        scenario = validated_scenario(SCENARIOS[0] | {"description": text}, "text")
        assert parse_document("text.yaml", scenario_yaml(scenario).encode()).value["description"] == text


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"training": {"ppo": {"learning_rate": "1e-3"}, "epochs": "3"}}, None),
        ({"seed": "1e3"}, "seed: found '1e3', expected a whole number"),
        ({"seed": "010"}, "seed: found '010', expected a whole number without leading zeros"),
    ],
)
def test_numbers_that_the_launchpad_hands_over_as_text_are_numbers(change: dict[str, Any], fault: str | None) -> None:
    content = copy.deepcopy(SCENARIOS[0]) | change
    if fault is None:
        training = validated_scenario(content, "experiment", numbers_as_text=True).training
        assert type(training.epochs) is int and training.ppo.learning_rate == 0.001
        with pytest.raises(InputError, match="expected a"):
            validated_scenario(content | {"seed": "3"}, "experiment")
    else:
        with pytest.raises(InputError, match=re.escape(fault)):
            validated_scenario(content, "experiment", numbers_as_text=True)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            {"map": {"width": 1024, "height": 1024}, "affordances": {f"use_{n}": _use(n) for n in range(60)}},
            "map: found 1024×1024 tiles, 60 types of object and 0 workplaces, expected route tables of at most 1 GiB",
        ),
        (
            {"map": {"width": 64, "height": 64, "walls": [{"corner": [0, 0], "opposite": [63, 63]}] * 40}},
            "map.walls: found 163,840 tiles of wall, expected at most 16 times the map's 4,096",
        ),
    ],
)
def test_a_town_that_would_take_too_long_to_make_is_refused(change: dict[str, Any], fault: str) -> None:
    content = {"name": "huge", "description": "Large.", "ticks": 5, "people": {"ann": {"at": [1, 1]}}} | change
    with pytest.raises(InputError, match=re.escape(fault)):
        validated_scenario(content, "huge")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"home": {"count": 1000, "size": [5, 5], "objects": {"bed": 31}}}, "at most 30,000 objects in all buildings"),
        ({f"hut_{n}": {"count": 1000, "size": [3, 3]} for n in range(10)}, "at most 10,000 buildings"),
    ],
)
def test_an_oversized_blueprint_is_refused_before_anything_is_placed(change: dict[str, Any], fault: str) -> None:
    content = copy.deepcopy(SCENARIOS[1])
    content["blueprint"]["buildings"] |= change
    with pytest.raises(InputError, match=fault):
        validated_scenario(content, "huge")
