"""Spaces of environments: every feature under its name, every action in its own form, masks wherever they come from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from townlet.errors import InputError
from townlet.training.environment.spaces import Actions, Observations


def written(space: spaces.Space[Any], seen: Any) -> dict[str, float]:
    observations = Observations(space, "here")
    row = np.full(len(observations.schema), np.nan, np.float32)
    observations.write(row, seen)
    return dict(zip((feature["name"] for feature in observations.schema), row.tolist(), strict=True))


def test_each_feature_of_a_nested_space_has_its_value_under_its_name() -> None:
    parts = {
        "speed": spaces.Box(-2.0, 2.0, (1,)),
        "grid": spaces.Box(0, 9, (2, 2), np.int64),
        "light": spaces.Discrete(3, start=5),
        "doors": spaces.MultiBinary(2),
        "dials": spaces.MultiDiscrete([2, 3]),
        "pair": spaces.Tuple([spaces.Discrete(2), spaces.Box(0.0, 1.0, ())]),
    }
    seen = {"speed": [1.5], "grid": np.array([[1, 2], [3, 4]]), "light": 6, "doors": [0, 1], "dials": [1, 2]}
    seen["pair"] = (1, 0.25)
    found = written(spaces.Dict(parts), {**seen})
    assert found["speed"] == 1.5 and found["pair.1"] == 0.25
    assert [found[f"grid[{index}]"] for index in range(4)] == [1, 2, 3, 4]
    on = {name for name, value in found.items() if value == 1.0 and "grid" not in name}
    assert on == {"light = 6", "doors[1]", "dials[0] = 1", "dials[1] = 2", "pair.0 = 1"}
    assert len(found) == 1 + 4 + 3 + 2 + 5 + 3


def test_a_feature_has_the_bounds_of_its_space_if_it_has_any() -> None:
    space = spaces.Box(np.array([-1.0, -np.inf]), np.array([2.0, np.finfo(np.float32).max]), dtype=np.float64)
    first, second = Observations(space, "here").schema
    assert (first["low"], first["high"]) == (-1.0, 2.0)
    assert "low" not in second and "high" not in second


@pytest.mark.parametrize("whole", [True, False])
def test_a_mask_in_a_mapping_is_no_feature_but_the_mask(whole: bool) -> None:
    parts: dict[str, spaces.Space[Any]] = {"observation": spaces.Box(0.0, 1.0, (2,))}
    seen: dict[str, Any] = {"observation": np.array([0.5, 0.25]), "action_mask": np.array([1, 0], np.int8)}
    if whole:
        parts["more"], seen["more"] = spaces.Discrete(2), 1
    space = spaces.Dict({**parts, "action_mask": spaces.Box(0, 1, (2,), np.int8)})
    named = written(space, seen)
    assert len(named) == (4 if whole else 2) and not any("mask" in name for name in named)
    assert Observations(space, "here").mask_in(seen, {"action_mask": "not this"}).tolist() == [1, 0]


def mask_of(actions: Actions, mask: Any) -> list[bool]:
    row = np.zeros(len(actions.names), np.bool_)
    actions.write_mask(row, mask)
    return [bool(legal) for legal in row]


def test_actions_are_numbered_from_0_and_given_in_the_environments_own_form() -> None:
    some = Actions(spaces.Discrete(3, start=-1), "here")
    assert some.names == ["-1", "0", "1"] and [some.native(index) for index in range(3)] == [-1, 0, 1]
    space = spaces.MultiDiscrete([2, 3], start=[0, 5])
    combined = Actions(space, "here")
    assert combined.names == ["0,5", "0,6", "0,7", "1,5", "1,6", "1,7"]
    assert all(space.contains(combined.native(index)) for index in range(6))
    # An environment that computes with its action in place must not find it changed the next time.
    combined.native(5)[:] = 0
    assert combined.native(5).tolist() == [1, 7]


def test_masks_are_read_in_each_form_and_of_another_size_refused() -> None:
    combined = Actions(spaces.MultiDiscrete([2, 3]), "here")
    assert mask_of(combined, None) == [True] * 6
    assert mask_of(combined, (np.array([0, 1], np.int8), np.array([1, 0, 1], np.int8))) == [0, 0, 0, 1, 0, 1]
    assert mask_of(combined, np.array([0, 2, 0, 0, 0, 1])) == [0, 1, 0, 0, 0, 1]
    with pytest.raises(ValueError, match=r"action_mask: found shape \(3,\), expected \(6,\)"):
        mask_of(combined, np.ones(3))


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            spaces.Box(-1.0, 1.0, (2,)),
            r"here: action_space: found Box\(.*, expected Discrete or MultiDiscrete: a policy",
        ),
        (spaces.MultiDiscrete([100, 100]), "10,000 combinations, expected at most 4,096"),
        (spaces.MultiBinary(3), "found MultiBinary"),
    ],
)
def test_actions_without_a_small_number_are_refused(space: spaces.Space[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Actions(space, "here")


def test_observations_without_a_fixed_number_of_features_are_refused_by_place() -> None:
    space = spaces.Dict({"news": spaces.Tuple([spaces.Discrete(2), spaces.Text(8)])})
    with pytest.raises(InputError, match=r"here: observation_space.news.1: found Text\(.*, expected Box, Discrete"):
        Observations(space, "here")
