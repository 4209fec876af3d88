"""Outages, price spikes and closures: what they do to objects and to the people there."""

from __future__ import annotations

import pytest
from support.kitchen import KITCHEN, strike, undisturbed, walk_to
from support.towns import Stage, kinds, merge, shower_room


@pytest.mark.parametrize(
    ("kind", "out", "other"), [("water_outage", "shower", "stove"), ("power_outage", "stove", "shower")]
)
def test_an_object_whose_every_use_needs_the_utility_is_out_of_service_for_as_long(
    kind: str, out: str, other: str
) -> None:
    stage = undisturbed()
    strike(stage, kind)
    for _ in range(7):
        assert not stage.legal("anna") & {f"request_{out}"}
        assert stage.legal("anna") >= {f"request_{other}", "request_counter"}
        assert (stage.sees("anna", f"{out}_reachable"), stage.sees("anna", f"{other}_reachable")) == (0.0, 1.0)
        stage.tick(anna=f"request_{out}")
    assert f"request_{out}" in stage.legal("anna")
    assert stage.sees("anna", f"{out}_reachable") == 1.0


def test_an_outage_interrupts_the_use_and_what_it_did_so_far_stays() -> None:
    stage = undisturbed()
    stage.queue_up("anna")
    stage.ticks(3, anna="start")
    events = strike(stage, "water_outage")
    assert [(event.kind, event.thing, event.actor) for event in events] == [
        ("water_outage", "", ""),
        ("use_interrupted", "shower_1", "anna"),
    ]
    assert stage.need("anna") == pytest.approx(0.2 + 4 * 0.3 / 20)
    assert (stage.role("anna"), stage.holder()) == ("idle", "")
    assert stage.tally("anna", "uses_completed") == 0
    stage.tick()
    assert stage.need("anna") == pytest.approx(0.2 + 4 * 0.3 / 20)


def test_whoever_was_interrupted_need_not_cool_down() -> None:
    stage = undisturbed()
    stage.queue_up("anna")
    stage.ticks(3, anna="start")
    strike(stage, "water_outage")
    stage.ticks(7)
    walk_to(stage, "anna", "shower")
    assert (stage.town.tick, stage.holder()) == (13, "anna")


@pytest.mark.parametrize("kind", ["water_outage", "closure"])
def test_holder_and_queue_are_dismissed_without_conflict_or_grudge(kind: str) -> None:
    stage = Stage(shower_room(**merge(KITCHEN, {"objects": {"shower_2": None}})))
    stage.queue_up("anna", "ben", "cara")
    stage.set_rivalry("ben", anna=0.5)
    assert kinds(strike(stage, kind)) == [kind]
    assert (stage.holder(), stage.queue()) == ("", [])
    assert [stage.role(name) for name in ("anna", "ben", "cara")] == ["idle"] * 3
    assert stage.rivalry("ben", "anna") == 0.5
    assert stage.rivalry("anna", "ben") == stage.rivalry("cara", "anna") == 0.0
    assert stage.tally("anna", "conflicts_caused") == stage.tally("ben", "conflicts_suffered") == 0
    assert (stage.sees("dan", "shower_held"), stage.sees("dan", "shower_queue")) == (0.0, 0.0)


def test_a_use_that_needs_the_utility_is_interrupted_where_others_go_on() -> None:
    stage = undisturbed()
    for name in ("anna", "ben"):
        walk_to(stage, name, "counter")
    stage.person("anna").needs[0] = 0.5
    stage.tick()
    stage.tick(anna="start")
    events = strike(stage, "power_outage")
    assert kinds(events) == ["power_outage", "use_interrupted"]
    assert stage.role("anna") == "idle"
    assert (stage.holder("counter_1"), stage.queue("counter_1")) == ("ben", [])
    stage.person("ben").needs[0] = 0.5
    stage.tick(ben="start")
    assert stage.person("ben").wallet == 4.0  # the snack, since the hot meal needs power
    assert "request_counter" in stage.legal("anna")


def test_a_use_that_needs_no_utility_runs_through_an_outage() -> None:
    stage = undisturbed()
    walk_to(stage, "anna", "counter")
    stage.tick(anna="start")
    assert kinds(strike(stage, "power_outage")) == ["power_outage"]
    assert kinds(stage.ticks(3)) == ["use_completed"]


def test_a_price_spike_multiplies_prices_by_its_factor_for_as_long_as_it_lasts() -> None:
    stage = undisturbed()
    walk_to(stage, "anna", "counter")
    stage.person("anna").wallet = 2.9
    strike(stage, "price_spike")
    for _ in range(7):
        assert "start" not in stage.legal("anna")
        stage.tick()
    assert "start" in stage.legal("anna")
    strike(stage, "price_spike")
    stage.person("anna").wallet = 3.5
    stage.tick()
    stage.tick(anna="start")
    assert (stage.tally("anna", "spent"), stage.person("anna").wallet) == (3.0, 0.5)


def test_a_closure_closes_one_object_of_its_type_and_people_go_to_another() -> None:
    closed = set()
    for seed in range(8):
        stage = Stage(undisturbed().scenario, seed=seed)
        (event,) = strike(stage, "closure")
        closed.add(event.thing)
        other = {"shower_1": "shower_2", "shower_2": "shower_1"}[event.thing]
        walk_to(stage, "anna", "shower")
        assert stage.holder(other) == "anna"
        assert stage.holder(event.thing) == ""
    assert closed == {"shower_1", "shower_2"}


def test_a_closed_object_opens_again_after_its_time() -> None:
    stage = undisturbed()
    (event,) = strike(stage, "closure")
    record = stage.state.objects[0, stage.town.objects.index(event.thing)]
    for _ in range(7):
        assert record.out_of_service
        stage.tick()
    assert not record.out_of_service
