"""The training section of a soak, in which every cycle is like all others."""

from __future__ import annotations

import pytest

from townlet.config import load_scenario
from townlet.config.find import find_scenario
from townlet.config.training import ImitationConfig, TownsConfig
from townlet.soak.options import soak_training


@pytest.mark.parametrize("name", ["queue_conflict", "kitchen_breakfast", "town_day", "town_large"])
def test_the_first_cycles_of_a_soak_are_like_all_others(name: str) -> None:
    scenario = load_scenario(find_scenario(name))
    assert scenario.training.ppo.lr_schedule == scenario.training.ppo.entropy_schedule == "linear"
    elsewhere = {"imitation": ImitationConfig(rollouts=3), "towns": TownsConfig(count=2)}
    changed = scenario.model_copy(update={"training": scenario.training.model_copy(update=elsewhere)})
    soak = soak_training(changed, learning=True, card=None)
    assert soak.imitation == ImitationConfig() and soak.towns == TownsConfig()
    assert (soak.ppo.lr_schedule, soak.ppo.entropy_schedule) == ("constant", "constant")
    assert (soak.network, soak.ppo.gamma) == (scenario.training.network, scenario.training.ppo.gamma)
