"""Perturbations: when they come, how they are recorded, and how long they last."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kitchen import DAY, PERTURBATIONS, perturbed, strike, undisturbed
from support.towns import Stage

from townlet.capture.tables import events_table
from townlet.world import EVENT_KINDS, Town
from townlet.world.state.arrays import FINISHED, HOLDING, USING, WAITING


def perturbation_ticks(stage: Stage, days: int) -> dict[str, list[int]]:
    """The ticks in which each kind of perturbation is recorded."""
    ticks: dict[str, list[int]] = {kind: [] for kind in PERTURBATIONS}
    for tick in range(days * DAY):
        for event in stage.tick():
            if event.kind in ticks:
                ticks[event.kind].append(tick)
    return ticks


def test_with_a_probability_of_1_each_kind_comes_once_a_day_at_a_drawn_tick_of_it() -> None:
    ticks = perturbation_ticks(perturbed(), days=12)
    for kind in PERTURBATIONS:
        assert [tick // DAY for tick in ticks[kind]] == list(range(12)), kind
        assert len({tick % DAY for tick in ticks[kind]}) > 4
    assert ticks["power_outage"] != ticks["water_outage"]


def test_with_a_probability_of_0_nothing_ever_comes() -> None:
    assert not any(perturbation_ticks(perturbed(per_day=0.0), days=5).values())


def test_the_probability_is_that_of_a_day() -> None:
    scenario = perturbed(per_day=0.3).scenario.model_copy(update={"ticks_per_day": 2})
    worlds, days = 50, 10
    town = Town(scenario, worlds=worlds, seed=1)
    for _ in range(2 * days):
        town.step(np.zeros((worlds, len(town.people)), np.int32))
    for kind in PERTURBATIONS:
        came = town.state.counter[:, EVENT_KINDS.index(kind)]
        assert 0.2 < came.sum() / (worlds * days) < 0.4, kind
        assert 1 < came.std() ** 2 < 3, kind


def test_perturbations_depend_on_seed_and_episode_and_not_on_what_people_do() -> None:
    busy, idle = perturbed(seed=4), perturbed(seed=4)
    for tick in range(3 * DAY):
        busy.tick(anna="request_shower" if tick % 2 else "start", ben="move_west")
        idle.tick()
        seen = [[event for event in stage.events() if event.kind in PERTURBATIONS] for stage in (busy, idle)]
        assert seen[0] == seen[1]
    first = perturbation_ticks(perturbed(seed=4), days=3)
    assert first != perturbation_ticks(perturbed(seed=5), days=3)
    again = perturbed(seed=4)
    again.ticks(17)
    again.town.reset()
    assert perturbation_ticks(again, days=3) != first


def test_an_event_says_how_long_it_lasts_and_has_no_actor() -> None:
    stage = undisturbed()
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
    stage = undisturbed()
    assert stage.sees("anna", feature) == 0.0
    strike(stage, kind)
    for _ in range(7):
        assert stage.sees("anna", feature) == stage.sees("dan", feature) == 1.0
        stage.tick()
    assert stage.sees("anna", feature) == 0.0


def test_an_outage_beyond_midnight_goes_on_and_a_second_one_prolongs_it() -> None:
    stage = perturbed(ticks=2 * DAY)
    stage.ticks(DAY)
    for _ in range(3 * DAY):
        assert stage.sees("anna", "power_off") == 1.0
        stage.tick()


def test_a_new_episode_begins_with_nothing_out_of_order() -> None:
    stage = undisturbed()
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
    scenario = perturbed(per_day=per_day, ticks=ticks, needs={"decay": {"hunger": 0.05}, "faint_after": 10}).scenario
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
