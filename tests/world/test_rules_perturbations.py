"""What befalls the town: outages, price spikes and closures, when they come and what they do to people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.towns import Happening, Stage, kinds, merge, shower_room

from townlet.capture.tables import events_table
from townlet.config import Scenario
from townlet.world import EVENT_KINDS, Town
from townlet.world.state.arrays import FINISHED, HOLDING, USING, WAITING

PERTURBATIONS = ("power_outage", "water_outage", "price_spike", "closure")
DAY = 40

#: Two showers that need water, a stove that needs power, and a counter that sells a cold snack and a hot meal.
KITCHEN: dict[str, Any] = {
    "ticks_per_day": DAY,
    "ticks": 2000,
    "objects": {
        "shower_2": {"type": "shower", "at": [6, 6]},
        "stove_1": {"type": "stove", "at": [0, 0]},
        "counter_1": {"type": "counter", "at": [0, 6]},
    },
    "affordances": {
        "wash": {"ticks": 20, "utility": "water"},
        "cook": {"object": "stove", "ticks": 5, "effects": {"hunger": 0.3}, "utility": "power"},
        "heat": {
            "object": "counter",
            "ticks": 5,
            "effects": {"hunger": 0.5},
            "utility": "power",
            "price": 2.0,
            "when": "hunger < 0.9",
        },
        "snack": {"object": "counter", "ticks": 5, "effects": {"hunger": 0.1}, "price": 1.0},
    },
}


def kitchen(**rules: Any) -> Scenario:
    economy = {"start_wallet": 5.0}
    return shower_room(**KITCHEN, rules={"economy": economy, "queue": {"cooldown_ticks": 6}, **rules})


def befallen(*, seed: int = 0, per_day: float = 1.0, ticks: int = 7, **rules: Any) -> Stage:
    """A town in which every kind of perturbation has the same probability and duration; spikes triple the prices."""
    fate: dict[str, Any] = {kind: {"per_day": per_day, "ticks": ticks} for kind in PERTURBATIONS}
    fate["price_spike"]["factor"] = 3.0
    return Stage(kitchen(perturbations=fate, **rules), seed=seed)


def quiet(**rules: Any) -> Stage:
    """A town that nothing befalls but what a test calls for; everything lasts 7 ticks."""
    return befallen(per_day=0.0, **rules)


def strike(stage: Stage, kind: str, **actions: str) -> list[Happening]:
    """One tick, at the end of which something befalls the town."""
    now = stage.state.worlds[0]
    now.next_change = now.tick + 1
    now.perturbation_at[PERTURBATIONS.index(kind)] = now.tick + 1
    return stage.tick(**actions)


def walk_to(stage: Stage, name: str, thing: str) -> None:
    """Let somebody request a thing until it has a place there."""
    for _ in range(30):
        if stage.role(name) != "idle":
            return
        stage.tick(**{name: f"request_{thing}"})
    raise AssertionError(f"{name} does not reach the {thing}")


def whens(stage: Stage, days: int) -> dict[str, list[int]]:
    """The ticks in which each kind of perturbation is recorded."""
    ticks: dict[str, list[int]] = {kind: [] for kind in PERTURBATIONS}
    for tick in range(days * DAY):
        for event in stage.tick():
            if event.kind in ticks:
                ticks[event.kind].append(tick)
    return ticks


def test_with_a_probability_of_1_each_kind_comes_once_a_day_at_a_drawn_tick_of_it() -> None:
    ticks = whens(befallen(), days=12)
    for kind in PERTURBATIONS:
        assert [tick // DAY for tick in ticks[kind]] == list(range(12)), kind
        assert len({tick % DAY for tick in ticks[kind]}) > 4
    assert ticks["power_outage"] != ticks["water_outage"]


def test_with_a_probability_of_0_nothing_ever_comes() -> None:
    assert not any(whens(befallen(per_day=0.0), days=5).values())


def test_the_probability_is_that_of_a_day() -> None:
    scenario = befallen(per_day=0.3).scenario.model_copy(update={"ticks_per_day": 2})
    worlds, days = 50, 10
    town = Town(scenario, worlds=worlds, seed=1)
    for _ in range(2 * days):
        town.step(np.zeros((worlds, len(town.people)), np.int32))
    for kind in PERTURBATIONS:
        came = town.state.counter[:, EVENT_KINDS.index(kind)]
        assert 0.2 < came.sum() / (worlds * days) < 0.4, kind
        assert 1 < came.std() ** 2 < 3, kind


def test_what_befalls_the_town_depends_on_seed_and_episode_and_not_on_what_people_do() -> None:
    busy, idle = befallen(seed=4), befallen(seed=4)
    for tick in range(3 * DAY):
        busy.tick(anna="request_shower" if tick % 2 else "start", ben="move_west")
        idle.tick()
        seen = [[event for event in stage.events() if event.kind in PERTURBATIONS] for stage in (busy, idle)]
        assert seen[0] == seen[1]
    first = whens(befallen(seed=4), days=3)
    assert first != whens(befallen(seed=5), days=3)
    again = befallen(seed=4)
    again.ticks(17)
    again.town.reset()
    assert whens(again, days=3) != first


def test_an_event_says_how_long_it_lasts_and_has_no_actor() -> None:
    stage = quiet()
    for kind in PERTURBATIONS:
        (event,) = strike(stage, kind)
        assert (event.kind, event.actor, event.rival, event.detail, event.intensity) == (kind, "", "", 7, 0.0)
        assert bool(event.thing) == (kind == "closure")
        rows = stage.state.events[0, :1]
        table = events_table(np.array([0]), np.array([3]), rows, stage.town.people, stage.town.objects)
        (row,) = table.to_pylist()
        assert (row["kind"], row["actor"], row["rival"], row["detail"]) == (kind, None, None, 7)


@pytest.mark.parametrize(
    ("kind", "feature"), [("power_outage", "power_off"), ("water_outage", "water_off"), ("price_spike", "price_spike")]
)
def test_everybody_sees_an_outage_and_a_price_spike_for_as_long_as_they_last(kind: str, feature: str) -> None:
    stage = quiet()
    assert stage.sees("anna", feature) == 0.0
    strike(stage, kind)
    for _ in range(7):
        assert stage.sees("anna", feature) == stage.sees("dan", feature) == 1.0
        stage.tick()
    assert stage.sees("anna", feature) == 0.0


@pytest.mark.parametrize(
    ("kind", "out", "other"), [("water_outage", "shower", "stove"), ("power_outage", "stove", "shower")]
)
def test_an_object_whose_every_use_needs_the_utility_is_out_of_service_for_as_long(
    kind: str, out: str, other: str
) -> None:
    stage = quiet()
    strike(stage, kind)
    for _ in range(7):
        assert not stage.legal("anna") & {f"request_{out}"}
        assert stage.legal("anna") >= {f"request_{other}", "request_counter"}
        assert (stage.sees("anna", f"{out}_reachable"), stage.sees("anna", f"{other}_reachable")) == (0.0, 1.0)
        stage.tick(anna=f"request_{out}")
    assert f"request_{out}" in stage.legal("anna")
    assert stage.sees("anna", f"{out}_reachable") == 1.0


def test_an_outage_interrupts_the_use_and_what_it_did_so_far_stays() -> None:
    stage = quiet()
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
    stage = quiet()
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
    stage = quiet()
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
    stage = quiet()
    walk_to(stage, "anna", "counter")
    stage.tick(anna="start")
    assert kinds(strike(stage, "power_outage")) == ["power_outage"]
    assert kinds(stage.ticks(3)) == ["use_completed"]


def test_a_price_spike_multiplies_prices_by_its_factor_for_as_long_as_it_lasts() -> None:
    stage = quiet()
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
        stage = Stage(quiet().scenario, seed=seed)
        (event,) = strike(stage, "closure")
        closed.add(event.thing)
        other = {"shower_1": "shower_2", "shower_2": "shower_1"}[event.thing]
        walk_to(stage, "anna", "shower")
        assert stage.holder(other) == "anna"
        assert stage.holder(event.thing) == ""
    assert closed == {"shower_1", "shower_2"}


def test_a_closed_object_opens_again_after_its_time() -> None:
    stage = quiet()
    (event,) = strike(stage, "closure")
    record = stage.state.objects[0, stage.town.objects.index(event.thing)]
    for _ in range(7):
        assert record.out_of_service
        stage.tick()
    assert not record.out_of_service


def test_an_outage_beyond_midnight_goes_on_and_a_second_one_prolongs_it() -> None:
    stage = befallen(ticks=2 * DAY)
    stage.ticks(DAY)
    for _ in range(3 * DAY):
        assert stage.sees("anna", "power_off") == 1.0
        stage.tick()


def test_a_new_episode_begins_with_nothing_out_of_order() -> None:
    stage = quiet()
    for kind in PERTURBATIONS:
        strike(stage, kind)
    assert "request_shower" not in stage.legal("anna")
    stage.town.reset()
    assert stage.legal("anna") >= {"request_shower", "request_stove", "request_counter"}
    assert stage.sees("anna", "power_off") == stage.sees("anna", "water_off") == stage.sees("anna", "price_spike") == 0
    stage.ticks(20)
    assert stage.legal("anna") >= {"request_shower", "request_stove"}


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31 - 1), ticks=st.integers(1, 2 * DAY), per_day=st.sampled_from([0.5, 1.0]))
def test_nobody_is_ever_stuck_at_an_object_out_of_service_whatever_people_do(
    seed: int, ticks: int, per_day: float
) -> None:
    scenario = befallen(per_day=per_day, ticks=ticks, needs={"decay": {"hunger": 0.05}, "faint_after": 10}).scenario
    town = Town(scenario, worlds=2, seed=seed)
    rng = np.random.default_rng(seed)
    people, objects, worlds = town.state.people, town.state.objects, town.state.worlds
    starts = town.action_names.index("start")
    for _ in range(3 * DAY):
        action = (rng.random(town.mask.shape) * town.mask).argmax(-1).astype(np.int32)
        town.step(action)
        out = objects["out_of_service"]
        assert (objects["holder"][out] == -1).all() and (objects["queue_length"][out] == 0).all()
        role, at = people["role"], people["at_object"]
        w, a = np.nonzero(role != 0)
        assert not out[w, at[w, a]].any()
        assert ((objects["holder"] >= 0).sum(1) == np.isin(role, (HOLDING, USING, FINISHED)).sum(1)).all()
        assert (objects["queue_length"].sum(1) == (role == WAITING).sum(1)).all()
        w, a = np.nonzero(role == USING)
        utility = town.rules.affordance_utility[people["affordance"][w, a]]
        off = np.stack(
            [np.zeros(2, bool), worlds["tick"] < worlds["power_off_until"], worlds["tick"] < worlds["water_off_until"]]
        )
        assert not off[utility, w].any()
        w, a = np.nonzero(town.mask[..., starts])
        assert np.isin(role[w, a], (HOLDING, FINISHED)).all()
        w, a, kind = np.nonzero(town.state.target >= 0)
        assert not (out[w, town.state.target[w, a, kind]] & town.alive[w, a]).any()
