"""Digests of shipped scenarios: an option that a scenario does not use leaves its hash, and so its artefacts, alone."""

from __future__ import annotations

from typing import Any

import pytest
from support.places import SCENARIOS

from townlet.config import Scenario, load_scenario
from townlet.config.training import NetworkConfig

#: The first digits of ``town_digest`` and ``digest``, as captures, baselines and policies of these drills name them.
DIGESTS = {
    "employment_punctuality": ("b3ce3225a4c23026", "454a1cd46d30f2ec"),
    "kitchen_breakfast": ("cc5dc8917fff61fd", "8174ce809b4b4b3f"),
    "observation_baseline": ("294b3813e744eb3f", "9138d704e96bd28b"),
    "queue_conflict": ("e752fcdb43017320", "68936b05fe5cb67b"),
    "rivalry_decay": ("98a185f32b9c783c", "180bfce578b1e62e"),
}

#: Options that are left out of hashes while they are not used, each with the digests that it changes.
OPTIONS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "offers": ({"observations": {"offers": True}}, {"town_digest", "digest"}),
    "absence": ({"rules": {"reward": {"absence": 0.5}}}, {"town_digest", "digest"}),
    "commitment": ({"training": {"network": {"commitment_ticks": 4}}}, {"digest"}),
    "imitation": ({"training": {"imitation": {"rollouts": 1}}}, {"digest"}),
    "towns": ({"training": {"towns": {"count": 1}}}, {"digest"}),
}


def with_changes(scenario: Scenario, changes: dict[str, Any]) -> Scenario:
    def merged(base: Any, new: Any) -> Any:
        if not isinstance(new, dict):
            return new
        return base | {key: merged(base.get(key, {}), value) for key, value in new.items()}

    return Scenario.model_validate(merged(scenario.model_dump(mode="json"), changes))


@pytest.mark.parametrize("name", DIGESTS)
def test_a_drills_digests_are_what_its_artefacts_say(name: str) -> None:
    scenario = load_scenario(SCENARIOS / f"{name}.yaml")
    assert (scenario.town_digest[:16], scenario.digest[:16]) == DIGESTS[name]


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_counts_in_the_digests_once_it_is_used(option: str) -> None:
    scenario = load_scenario(SCENARIOS / "queue_conflict.yaml")
    changes, changed = OPTIONS[option]
    used = with_changes(scenario, changes)
    assert {name for name in ("town_digest", "digest") if getattr(used, name) != getattr(scenario, name)} == changed
    assert Scenario.model_validate_json(used.model_dump_json()) == used


def test_a_network_names_its_commitment_only_if_it_has_one() -> None:
    assert "commitment_ticks" not in NetworkConfig().model_dump()
    assert NetworkConfig(commitment_ticks=3).model_dump()["commitment_ticks"] == 3
