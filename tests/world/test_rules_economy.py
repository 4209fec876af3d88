"""Economy: prices, stock that runs out, rent, and the eviction of those who cannot pay it."""

from __future__ import annotations

from typing import Any

import pytest
from support.towns import Stage, kinds, shower_room

from townlet.world import COUNTERS


def market(stock: int | None = None, price: float = 1.0, **rules: Any) -> Stage:
    """The shower room where a wash costs money, a day has ten ticks, and everybody starts with 3."""
    wash = {"ticks": 1, "price": price, "uses_stock": stock is not None}
    economy = {"start_wallet": 3.0, "stock_per_day": {} if stock is None else {"shower": stock}}
    economy |= rules.pop("economy", {})
    rules = {"queue": {"cooldown_ticks": 0, "ghost_step_after": 100}, **rules, "economy": economy}
    return Stage(shower_room(ticks_per_day=10, affordances={"wash": wash}, rules=rules))


def counted(stage: Stage, name: str) -> float:
    return float(stage.state.counter[0, COUNTERS.index(name)])


def test_everybody_starts_with_the_start_wallet() -> None:
    stage = market()
    assert [stage.person(name).wallet for name in stage.town.people] == [3.0] * 4


def test_a_use_is_paid_when_it_starts() -> None:
    stage = market(price=1.25)
    stage.queue_up("anna")
    assert stage.person("anna").wallet == 3.0
    stage.tick(anna="start")
    assert stage.person("anna").wallet == 1.75
    assert stage.person("ben").wallet == 3.0
    assert stage.tally("anna", "spent") == 1.25
    assert counted(stage, "purchases") == 1


def test_who_cannot_pay_cannot_start() -> None:
    stage = market(price=1.5)
    stage.queue_up("anna")
    for _ in range(2):
        assert "start" in stage.legal("anna")
        stage.tick(anna="start")
    assert stage.person("anna").wallet == 0.0
    assert "start" not in stage.legal("anna")


def test_a_use_takes_a_unit_of_stock_and_none_starts_without() -> None:
    stage = market(stock=2)
    assert stage.sees("ben", "shower_stock") == 1.0
    stage.queue_up("anna")
    stage.tick(anna="start")
    assert stage.sees("ben", "shower_stock") == 0.5
    stage.tick(anna="start")
    assert stage.sees("ben", "shower_stock") == 0.0
    assert "start" not in stage.legal("anna")


def test_shelves_are_filled_at_the_start_of_each_day() -> None:
    stage = market(stock=2)
    stage.queue_up("anna")
    stage.ticks(2, anna="start")
    stage.ticks(6)
    assert (stage.sees("ben", "shower_stock"), stage.town.tick) == (0.0, 9)
    stage.tick()
    assert stage.sees("ben", "shower_stock") == 1.0
    stage.queue_up("anna")
    assert "start" in stage.legal("anna")


def test_what_is_left_over_does_not_add_to_the_next_days_stock() -> None:
    stage = market(stock=2)
    stage.ticks(10)
    assert stage.state.objects[0, 0].stock == 2


def test_a_new_episode_starts_with_full_shelves() -> None:
    stage = market(stock=2)
    stage.queue_up("anna")
    stage.ticks(2, anna="start")
    stage.town.reset()
    assert stage.sees("ben", "shower_stock") == 1.0


def test_the_rent_is_taken_from_everybody_in_the_last_tick_of_each_day() -> None:
    stage = market(economy={"rent_per_day": 2.0})
    stage.ticks(9)
    assert stage.person("anna").wallet == 3.0
    stage.tick()
    assert [stage.person(name).wallet for name in stage.town.people] == [1.0] * 4
    stage.ticks(9)
    assert stage.person("anna").wallet == 1.0
    stage.tick()
    assert stage.person("anna").wallet == -1.0  # a wallet may fall below 0
    assert counted(stage, "rent_paid") == 16.0
    assert stage.tally("anna", "spent") == 4.0


def test_nobody_pays_rent_for_an_empty_slot() -> None:
    needs = {"decay": {"hygiene": 0.1}, "faint_after": 1, "newcomer_after": 30}
    stage = market(economy={"rent_per_day": 2.0}, needs=needs)
    for name in ("ben", "cara", "dan"):
        stage.person(name).needs[:] = 1.5
    stage.ticks(10)
    assert [stage.alive(name) for name in stage.town.people] == [False, True, True, True]
    assert counted(stage, "rent_paid") == 6.0


def in_debt(**rules: Any) -> Stage:
    """A room in which everybody owes 2 after the first day's rent, and is evicted for it."""
    lifecycle = {"eviction_debt": 2.0, "most_leaving_per_day": 8} | rules.pop("lifecycle", {})
    economy = {"start_wallet": 1.0, "rent_per_day": 3.0}
    return market(economy=economy, lifecycle=lifecycle, **rules)


def test_whoever_owes_the_eviction_debt_is_evicted_when_the_rent_is_due() -> None:
    stage = in_debt()
    stage.person("ben").wallet = 1.5
    stage.person("cara").wallet = -5.0
    assert stage.ticks(9) == []
    assert [(event.kind, event.actor) for event in stage.tick()] == [
        ("eviction", name) for name in ("anna", "cara", "dan")
    ]
    assert [stage.alive(name) for name in stage.town.people] == [False, True, False, False]
    assert stage.terminated("anna") and not stage.terminated("ben")


def test_without_an_eviction_debt_nobody_is_evicted() -> None:
    stage = market(economy={"rent_per_day": 500.0})
    assert stage.ticks(30) == []


def test_an_eviction_costs_its_weight_in_the_reward_of_that_tick() -> None:
    stage = in_debt(reward={"survival": 0.0, "need_weights": {}, "eviction": 0.75})
    stage.person("ben").wallet = 9.0
    stage.ticks(9)
    assert stage.reward("anna") == 0.0
    stage.tick()
    assert (stage.reward_part("anna", "leaving"), stage.reward("anna")) == (-0.75, -0.75)
    assert stage.reward_part("ben", "leaving") == 0.0


def test_whoever_is_evicted_gives_up_the_place_at_an_object() -> None:
    stage = in_debt()
    for name in ("ben", "cara"):
        stage.person(name).wallet = 9.0
    stage.queue_up("anna", "ben", "cara")
    stage.ticks(7)
    stage.tick()
    assert (stage.holder(), stage.queue()) == ("ben", ["cara"])


def test_no_more_than_the_most_leaving_per_day_are_evicted_and_the_rest_the_next_day() -> None:
    stage = in_debt(lifecycle={"most_leaving_per_day": 3}, needs={"decay": {}, "newcomer_after": 100})
    first = stage.ticks(10)
    assert kinds(first) == ["eviction"] * 3
    (last,) = stage.ticks(10)
    assert last.kind == "eviction"
    assert {event.actor for event in [*first, last]} == set(stage.town.people)


def test_chance_decides_who_may_stay_when_too_many_are_in_debt() -> None:
    evicted = set()
    for seed in range(12):
        stage = Stage(in_debt(lifecycle={"most_leaving_per_day": 1}).scenario, seed=seed)
        evicted |= {event.actor for event in stage.ticks(10)}
    assert len(evicted) > 1


@pytest.mark.parametrize("price", [0.0, 1.0])
def test_only_what_has_a_price_counts_as_a_purchase(price: float) -> None:
    stage = market(price=price)
    stage.queue_up("anna")
    stage.tick(anna="start")
    assert counted(stage, "purchases") == price
