"""Turns at an object: starting, using, finishing, handing over, and keeping others waiting."""

from __future__ import annotations

import pytest
from support.towns import Stage, kinds, shower_room


def test_only_the_holder_can_start() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben")
    assert "start" in stage.legal("anna")
    assert "start" not in stage.legal("ben") | stage.legal("cara")
    stage.tick(ben="start", cara="start")
    assert [stage.role(name) for name in ("anna", "ben", "cara")] == ["holding", "waiting", "idle"]


def test_a_use_starts_only_if_its_preconditions_hold() -> None:
    stage = Stage(shower_room(affordances={"wash": {"when": "hygiene < 0.5"}}))
    stage.queue_up("anna")
    stage.person("anna").needs[1] = 0.5
    stage.tick()
    assert "start" not in stage.legal("anna")
    stage.tick(anna="start")
    assert stage.role("anna") == "holding"
    stage.person("anna").needs[1] = 0.49
    stage.tick()
    assert "start" in stage.legal("anna")
    stage.tick(anna="start")
    assert stage.role("anna") == "using"


def test_start_begins_the_first_affordance_of_the_object_whose_preconditions_hold() -> None:
    rinse = {"object": "shower", "ticks": 1, "effects": {"hygiene": 0.1}}
    stage = Stage(shower_room(affordances={"wash": {"when": "hygiene < 0.5"}, "rinse": rinse}))
    stage.person("ben").needs[1] = 0.8
    stage.queue_up("anna")
    stage.tick(anna="start")
    assert list(stage.scenario.affordances)[stage.person("anna").affordance] == "wash"
    stage.ticks(3)
    stage.queue_up("ben")
    stage.tick(ben="start")
    assert (stage.role("ben"), stage.need("ben")) == ("finished", pytest.approx(0.9))


def test_an_affordance_runs_its_full_duration_and_applies_its_effects_evenly() -> None:
    stage = Stage(shower_room(affordances={"wash": {"ticks": 6, "effects": {"hygiene": 0.6, "energy": -0.12}}}))
    stage.queue_up("anna")
    for tick in range(1, 7):
        events = stage.tick(anna="start" if tick == 1 else "wait")
        assert stage.need("anna") == pytest.approx(0.2 + 0.1 * tick)
        assert stage.need("anna", "energy") == pytest.approx(1.0 - 0.02 * tick)
        assert stage.role("anna") == ("using" if tick < 6 else "finished")
        assert kinds(events) == (["use_completed"] if tick == 6 else [])
    stage.ticks(3)
    assert stage.need("anna") == pytest.approx(0.8)
    assert stage.tally("anna", "uses_completed") == 1


def test_effects_stop_at_0_and_1() -> None:
    stage = Stage(shower_room(affordances={"wash": {"effects": {"hygiene": 1.0, "energy": -1.0}}}))
    stage.person("anna").needs[2] = 0.1
    stage.queue_up("anna")
    stage.tick(anna="start")
    stage.ticks(2)
    assert (stage.need("anna"), stage.need("anna", "energy")) == (1.0, 0.0)


def test_while_using_the_only_legal_actions_are_waiting_and_release() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben")
    stage.tick(anna="start")
    assert stage.legal("anna") == {"wait", "release"}


def test_release_ends_a_use_early_and_keeps_the_effects_so_far() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben")
    stage.tick(anna="start")
    stage.tick()
    events = stage.tick(anna="release")
    assert stage.need("anna") == pytest.approx(0.4)
    assert (stage.role("anna"), stage.holder()) == ("idle", "ben")
    assert kinds(events) == ["hand_over"]
    assert stage.tally("anna", "uses_completed") == 0
    assert "request_shower" not in stage.legal("anna")


def test_only_somebody_who_uses_can_release() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben")
    assert "release" not in stage.legal("anna") | stage.legal("ben") | stage.legal("cara")
    stage.tick(anna="start", ben="release")
    assert stage.role("anna") == "using"


def test_after_a_use_the_object_is_handed_to_the_next_politely() -> None:
    stage = Stage(shower_room(rules={"queue": {"cooldown_ticks": 5}}))
    stage.queue_up("anna", "ben", "cara")
    stage.set_rivalry("anna", ben=0.5, cara=0.5)
    stage.set_rivalry("ben", anna=0.4)
    stage.tick(anna="start")
    stage.ticks(2)
    finished = stage.town.tick
    events = stage.tick()
    assert [(event.kind, event.actor, event.rival, event.intensity) for event in events] == [
        ("hand_over", "anna", "ben", 0.0)
    ]
    assert (stage.holder(), stage.queue(), stage.role("anna")) == ("ben", ["cara"], "idle")
    assert stage.rivalry("anna", "ben") == pytest.approx(0.45)
    assert stage.rivalry("ben", "anna") == pytest.approx(0.35)
    assert stage.rivalry("anna", "cara") == 0.5
    assert stage.person("anna").caused == stage.person("ben").suffered == 0.0
    assert stage.state.cooldowns[0, 0, 0].until == finished + 5


def test_finishing_with_nobody_waiting_is_no_hand_over() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna")
    stage.tick(anna="start")
    assert kinds(stage.ticks(4)) == ["use_completed"]
    assert stage.holder() == ""


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_holding_unused_while_somebody_waits_becomes_a_ghost_step_after_the_set_ticks(patience: int) -> None:
    stage = Stage(shower_room(rules={"queue": {"ghost_step_after": patience}}))
    stage.queue_up("anna")
    assert stage.ticks(20) == []  # nobody waits, so nobody is kept waiting
    happened = [stage.tick(ben="request_shower"), *(stage.tick() for _ in range(patience - 1))]
    assert happened[:-1] == [[]] * (patience - 1)
    (event,) = happened[-1]
    assert (event.kind, event.actor, event.rival) == ("ghost_step", "anna", "ben")
    assert (stage.holder(), stage.queue()) == ("ben", ["anna"])


def test_a_ghost_goes_behind_everybody() -> None:
    stage = Stage(shower_room(rules={"queue": {"ghost_step_after": 3}}))
    stage.queue_up("anna", "ben", "cara", "dan")
    assert kinds(stage.events()) == ["ghost_step"]
    assert (stage.holder(), stage.queue()) == ("ben", ["cara", "dan", "anna"])


def test_there_is_no_ghost_step_in_the_tick_of_the_reservation() -> None:
    stage = Stage(shower_room(rules={"queue": {"ghost_step_after": 1}}))
    stage.tick(anna="request_shower", ben="request_shower")
    assert "ghost_step" not in kinds(stage.events())
    first = stage.holder()
    assert stage.town.mask[0, stage.town.people.index(first), stage.town.action_names.index("start")]
    assert kinds(stage.tick(**{first: "start"})) == []
    assert stage.role(first) == "using"


def test_whoever_is_let_in_front_has_a_tick_before_the_stall_counts() -> None:
    stage = Stage(shower_room(rules={"queue": {"ghost_step_after": 1}}))
    stage.tick(anna="request_shower", ben="request_shower")
    first, (second,) = stage.holder(), stage.queue()
    assert kinds(stage.tick(**{first: "yield"})) == ["yield"]
    assert stage.holder() == second
    assert kinds(stage.tick()) == ["ghost_step"]
    assert stage.holder() == first


def test_a_user_is_no_ghost_however_long_the_use_takes() -> None:
    wash = {"ticks": 30}
    stage = Stage(shower_room(affordances={"wash": wash}, rules={"queue": {"ghost_step_after": 1}}))
    stage.tick(anna="request_shower")
    stage.tick(anna="start", ben="request_shower")
    assert stage.ticks(28) == []


def test_starting_over_while_others_wait_is_an_overstay_every_fair_use_ticks() -> None:
    stage = Stage(shower_room(rules={"queue": {"fair_use_ticks": 4}}))
    stage.queue_up("anna", "ben", "cara")
    stage.tick(anna="start")
    assert kinds(stage.ticks(2)) == ["use_completed"]  # a first use is everybody's right
    overstays = []
    for tick in range(1, 13):
        events = stage.tick(anna="start" if stage.role("anna") == "finished" else "wait")
        overstays += [(tick, event.actor, event.rival) for event in events if event.kind == "overstay"]
    assert overstays == [(tick, "anna", "ben") for tick in (4, 8, 12)]


def test_camping_by_uses_of_one_tick_is_an_overstay_too() -> None:
    stage = Stage(shower_room(affordances={"wash": {"ticks": 1}}, rules={"queue": {"fair_use_ticks": 2}}))
    stage.queue_up("anna", "ben")
    events = stage.ticks(7, anna="start")
    assert kinds(events).count("use_completed") == 7
    assert kinds(events).count("overstay") == 3  # the six ticks after the first use


def test_somebody_who_was_yielded_to_cannot_yield() -> None:
    """Otherwise two people could yield to each other forever, keep a third waiting and wear their grudges away."""
    stage = Stage(shower_room(rules={"queue": {"ghost_step_after": 3}}))
    stage.queue_up("anna", "ben", "cara")
    assert kinds(stage.tick(anna="yield", ben="yield")) == ["yield"]
    assert (stage.holder(), stage.queue()) == ("ben", ["anna", "cara"])
    assert "yield" not in stage.legal("ben")
    happened, holders = [], set()
    for _ in range(40):
        happened += stage.tick(**{name: "yield" for name in ("anna", "ben") if "yield" in stage.legal(name)})
        holders.add(stage.holder())
    assert "ghost_step" in kinds(happened)
    assert "cara" in holders


def test_starting_over_while_nobody_waits_harms_nobody() -> None:
    stage = Stage(shower_room(rules={"queue": {"fair_use_ticks": 1}}))
    stage.queue_up("anna")
    for _ in range(20):
        assert set(kinds(stage.tick(anna="start" if "start" in stage.legal("anna") else "wait"))) <= {"use_completed"}


@pytest.mark.parametrize(("waiting", "intensity"), [(1, 1.5), (2, 1.75), (3, 2.0)])
def test_a_ghost_step_has_intensity_of_its_base_and_a_quarter_per_further_waiter(
    waiting: int, intensity: float
) -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", *["ben", "cara", "dan"][:waiting])
    events = stage.ticks(100)
    assert events[0].kind == "ghost_step"
    assert (events[0].queue_length, events[0].intensity) == (waiting, pytest.approx(intensity))


def test_a_push_in_has_the_intensity_of_a_ghost_step() -> None:
    stage = Stage(shower_room())
    stage.queue_up("anna", "ben", "cara", "dan")
    (event,) = stage.tick(cara="push_in")
    assert (event.kind, event.queue_length, event.intensity) == ("push_in", 3, pytest.approx(1.5 + 0.5))


def test_an_overstay_starts_from_1() -> None:
    stage = Stage(shower_room(rules={"queue": {"fair_use_ticks": 1}}))
    stage.queue_up("anna", "ben", "cara")
    stage.tick(anna="start")
    stage.ticks(2)
    (event,) = stage.tick(anna="start")
    assert (event.kind, event.queue_length, event.intensity) == ("overstay", 2, pytest.approx(1.0 + 0.25))


def test_a_contested_arrival_starts_from_a_half() -> None:
    stage = Stage(shower_room())
    events = stage.tick(anna="request_shower", ben="request_shower", cara="request_shower")
    assert [(event.queue_length, event.intensity) for event in events] == [(3, pytest.approx(0.5 + 0.5))] * 2


@pytest.mark.parametrize(
    ("base", "per_waiter", "intensity"), [(0.0, 0.0, 0.1), (0.05, 0.0, 0.1), (4.9, 1.0, 5.0), (900.0, 0.0, 5.0)]
)
@pytest.mark.parametrize("kind", ["ghost_step", "push_in", "overstay", "contested_arrival"])
def test_intensity_is_clamped_to_a_tenth_and_5(kind: str, base: float, per_waiter: float, intensity: float) -> None:
    rules = {"intensity": {kind: base}, "intensity_per_waiter": per_waiter, "fair_use_ticks": 1}
    stage = Stage(shower_room(rules={"queue": rules}))
    if kind == "contested_arrival":
        events = stage.tick(anna="request_shower", ben="request_shower", cara="request_shower")
    else:
        stage.queue_up("anna", "ben", "cara")
        if kind == "ghost_step":
            events = stage.ticks(100)
        elif kind == "push_in":
            events = stage.tick(cara="push_in")
        else:
            stage.tick(anna="start")
            stage.ticks(2)
            events = stage.tick(anna="start")
    assert next(event.intensity for event in events if event.kind == kind) == pytest.approx(intensity)
