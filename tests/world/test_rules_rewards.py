"""Rewards: their parts, the sum of the parts, and its clip."""

from __future__ import annotations

from typing import Any

import pytest
from support.towns import Stage, kinds, shower_room

from townlet.rollout import REWARD_PARTS

QUIET = {
    "survival": 0.0,
    "need_weights": {},
    "conflict_actor": 0.0,
    "conflict_suffered": 0.0,
    "rivalry": 0.0,
}


def rewarded(**reward: Any) -> Stage:
    """A room in which only the named parts of the reward have a weight."""
    return Stage(shower_room(rules={"reward": {**QUIET, **reward}}))


def part(stage: Stage, name: str, which: str) -> float:
    return stage.reward_part(name, which)


def test_survival_is_paid_every_tick() -> None:
    stage = rewarded(survival=0.1)
    stage.tick()
    assert stage.reward("anna") == pytest.approx(0.1)


def test_lacking_costs_the_weighted_square_of_what_is_lacking() -> None:
    stage = rewarded(need_weights={"hygiene": 0.5, "hunger": 2.0})
    stage.person("anna").needs[:] = (0.75, 0.2, 0.0)
    stage.tick()
    assert part(stage, "anna", "needs") == pytest.approx(-(0.5 * 0.8**2 + 2.0 * 0.25**2))
    assert stage.reward("anna") == pytest.approx(part(stage, "anna", "needs"))


def test_a_conflict_costs_the_actor_and_the_wronged_side_by_their_weights() -> None:
    stage = rewarded(conflict_actor=0.1, conflict_suffered=0.03)
    stage.queue_up("anna", "ben", "cara", "dan")
    (event, _) = stage.tick(dan="push_in")
    assert part(stage, "dan", "conflict_actor") == pytest.approx(-0.1 * 2 * event.intensity)
    for wronged in ("ben", "cara"):
        assert part(stage, wronged, "conflict_suffered") == pytest.approx(-0.03 * event.intensity)
        assert part(stage, wronged, "conflict_actor") == 0.0
    assert part(stage, "anna", "conflict_suffered") == 0.0
    stage.tick()
    assert part(stage, "dan", "conflict_actor") == 0.0


def test_all_rivalry_held_costs_every_tick() -> None:
    stage = rewarded(rivalry=0.5)
    stage.set_rivalry("anna", ben=0.3, cara=0.6)
    stage.tick()
    assert stage.reward("anna") == pytest.approx(-0.5 * 0.9)
    assert stage.reward("ben") == 0.0


def test_a_weight_of_0_takes_the_conflict_terms_out() -> None:
    stage = rewarded(survival=0.25)
    stage.queue_up("anna", "ben", "cara")
    stage.tick(cara="push_in")
    assert stage.rivalry("ben", "cara") > 0
    assert [stage.reward(name) for name in ("anna", "ben", "cara")] == [0.25] * 3


def test_the_reward_is_the_sum_of_its_parts() -> None:
    stage = Stage(shower_room(rules={"needs": {"decay": {"hunger": 0.01}}, "reward": {"clip": 100.0}}))
    stage.queue_up("anna", "ben", "cara", "dan")
    for tick in range(60):
        actions = {"dan": "push_in"} if tick % 7 == 0 else {"anna": "start"}
        stage.tick(**actions)
        for name in stage.town.people:
            parts = sum(stage.reward_part(name, which) for which in REWARD_PARTS)
            assert stage.reward(name) == pytest.approx(parts, abs=1e-6)
    for name in stage.town.people:
        parts = sum(stage.tally(name, f"reward_{which}") for which in REWARD_PARTS)
        assert stage.tally(name, "reward") == pytest.approx(parts, abs=1e-4)


@pytest.mark.parametrize(("survival", "reward", "clipped"), [(0.4, 0.4, 0), (0.5, 0.5, 1), (3.0, 0.5, 1)])
def test_the_sum_is_clipped_and_a_clipped_reward_is_counted(survival: float, reward: float, clipped: int) -> None:
    stage = rewarded(survival=survival, clip=0.5)
    stage.ticks(3)
    assert stage.reward("anna") == pytest.approx(reward)
    assert stage.state.clipped[0, 0] == bool(clipped)
    assert stage.tally("anna", "clipped_rewards") == 3 * clipped
    assert part(stage, "anna", "survival") == pytest.approx(survival)  # parts are what they were before the clip


def test_the_clip_bounds_losses_too() -> None:
    stage = rewarded(need_weights={"hygiene": 900.0}, clip=2.0)
    stage.tick()
    assert stage.reward("anna") == -2.0
    assert stage.state.clipped[0, 0]


def test_a_chat_is_rewarded_by_its_quality_and_the_social_weight() -> None:
    stage = Stage(shower_room(rules={"reward": {**QUIET, "social": 0.4}, "relationships": {"max_ties": 2}}))
    while "chat_success" not in kinds(stage.tick(anna="chat")):
        pass
    partner = stage.events()[0].rival
    assert part(stage, "anna", "social") == pytest.approx(0.4 * stage.person("anna").social) != 0.0
    assert part(stage, partner, "social") == pytest.approx(part(stage, "anna", "social"))


def test_fainting_costs_once_in_the_tick_in_which_it_ends_the_episode() -> None:
    needs = {"decay": {"hygiene": 0.1}, "faint_after": 2}
    stage = Stage(shower_room(rules={"reward": {**QUIET, "faint": 1.5}, "needs": needs}))
    costs = []
    while not stage.terminated("anna"):
        stage.tick()
        costs.append(part(stage, "anna", "leaving"))
    assert costs[-1] == -1.5 == stage.reward("anna") and not any(costs[:-1])
