"""One world of a capture as a film: simulated again from the recorded actions, and compared with the recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.capture import Capture, Manifest, read_capture, read_events
from townlet.capture.tables import events_table
from townlet.config import Scenario
from townlet.config.find import scenario_of
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.rollout import RolloutBuffer
from townlet.view.playback.mind import Mind, mind_of
from townlet.view.playback.rooms import Plan, plan_of
from townlet.world import Town
from townlet.world.state.arrays import WAITING

#: Fields of people and objects that are kept as they are after every tick.
_OF_PEOPLE = (
    "needs",
    "wallet",
    "tile",
    "role",
    "at_object",
    "affordance",
    "remaining",
    "waited",
    "shift_state",
    "generation",
)
_OF_OBJECTS = ("stock", "out_of_service")

#: Conditions of the whole town: fields of the world's record with the first tick at which all is well again.
CONDITIONS = ("power_off_until", "water_off_until", "price_spike_until")


@dataclass(frozen=True)
class Film:
    """What there was to see in one world after each of its ``T`` ticks.

    ``frames`` holds, of ``A`` people and ``O`` objects:

    ===================  =====================  =============================================================
    fields of a person   [T, A], needs [T, A, 3]  as in :data:`townlet.world.state.arrays.PERSON`
    ``alive``            bool [T, A]            somebody is in the slot; all else is meaningless where not
    ``place``            int32 [T, A]           place in the queue, 0 at its front, −1 for who does not wait
    ``grudge_other``     int32 [T, A, G]        person that each entry of the ledger is against, or −1
    ``grudge_strength``  float64 [T, A, G]      its strength, 0 to 1
    ``action``           int32 [T, A]           what was chosen
    ``reward_parts``     float32 [T, A, 9]      what the tick gave, before clipping
    ``reward``           float32 [T, A]         after clipping
    ``value``            float32 [T, A]         the acting policy's estimate before the tick; NaN without one
    fields of an object  [T, O]                 as in :data:`townlet.world.state.arrays.OBJECT`
    ``conditions``       bool [T, 3]            no power, no water, raised prices
    ===================  =====================  =============================================================

    ``events`` are EVENT records, and ``event_tick`` the tick of each.
    """

    manifest: Manifest
    manifest_sha256: str
    scenario: Scenario
    world: int
    plan: Plan
    frames: dict[str, NDArray[Any]]
    events: NDArray[Any]
    event_tick: NDArray[np.int64]
    mind: Mind | None = None
    """What a policy thought, if one was asked."""


def film_of(
    manifest: AnyPath,
    world: int = 0,
    *,
    scenario: Scenario | AnyPath | None = None,
    policy: AnyPath | None = None,
    watch: Callable[[Town, int], None] | None = None,
) -> Film:
    """Film world ``world`` of a verified capture.

    Args:
        scenario: the scenario that was captured; without one, the built-in scenario of the recorded name.
        policy: folder or ``policy.json`` of a policy to be asked about every agent-step, whoever acted.
        watch: called with the town, of one world, after every tick, and the tick's index.

    Raises InputError for a capture that is not as its manifest says, for a world that was not captured, for another
    scenario than the captured one, for a policy of another town, and when the simulation differs from the recording in
    any bit of what people see, may do or get, or in any event: then the rules are no longer those under which it was
    made.
    """
    capture = read_capture(manifest)
    return film_capture(capture, manifest, world, scenario=scenario, policy=policy, watch=watch)


def film_capture(
    capture: Capture,
    manifest: AnyPath,
    world: int,
    *,
    scenario: Scenario | AnyPath | None = None,
    policy: AnyPath | None = None,
    watch: Callable[[Town, int], None] | None = None,
) -> Film:
    """The same for a capture that has been read; ``manifest`` is where from."""
    recorded = capture.manifest
    if not 0 <= world < recorded.worlds:
        raise InputError.of("options", "--world", str(world), f"below {recorded.worlds}, the worlds captured")
    place = _captured_scenario(recorded, manifest, scenario)
    mind = mind_of(policy, capture, world) if policy is not None else None
    town = Town(place, worlds=1, seed=recorded.seed, first_world=world)
    frames = _empty_frames(town, recorded.ticks)
    events: list[NDArray[Any]] = []
    for tick in range(recorded.ticks):
        _compare(capture, manifest, town, world, tick, _BEFORE)
        town.step(np.ascontiguousarray(capture.buffer.action[tick, world][None]))
        _compare(capture, manifest, town, world, tick, _AFTER)
        _keep(frames, town, capture.buffer, world, tick)
        events.append(np.asarray(town.state.events[0, : town.state.worlds[0].event_count]).copy())
        if watch:
            watch(town, tick)
    when = np.repeat(np.arange(recorded.ticks), [len(each) for each in events])
    happened = np.concatenate(events)
    _compare_events(manifest, town, world, when, happened)
    return Film(
        recorded,
        capture.manifest_sha256,
        place,
        world,
        plan_of(town),
        frames,
        happened,
        when,
        mind,
    )


def _captured_scenario(recorded: Manifest, manifest: AnyPath, given: Scenario | AnyPath | None) -> Scenario:
    """The scenario of a capture, recognised by the hash of its place, people and rules."""
    scenario = scenario_of(recorded.scenario.name if given is None else given)
    if scenario.town_digest != recorded.scenario.town_sha256:
        expected = "the scenario that was captured, to be named with --scenario"
        found = f"another town than {recorded.scenario.name} is in its file now" if given is None else "another town"
        raise InputError.of(manifest, "scenario.town_sha256", found, expected)
    return scenario


def _empty_frames(town: Town, ticks: int) -> dict[str, NDArray[Any]]:
    state, people = town.state, len(town.people)
    frames = {}
    for records, names in ((state.people, _OF_PEOPLE), (state.objects, _OF_OBJECTS)):
        for name in names:
            field = records[name][0]
            frames[name] = np.zeros((ticks, *field.shape), field.dtype)
    entries = state.grudges.shape[2]
    shapes: dict[str, tuple[tuple[int, ...], Any]] = {
        "alive": ((people,), np.bool_),
        "place": ((people,), np.int32),
        "grudge_other": ((people, entries), np.int32),
        "grudge_strength": ((people, entries), np.float64),
        "action": ((people,), np.int32),
        "reward_parts": ((people, state.reward_parts.shape[2]), np.float32),
        "reward": ((people,), np.float32),
        "value": ((people,), np.float32),
        "conditions": ((len(CONDITIONS),), np.bool_),
    }
    return frames | {name: np.zeros((ticks, *shape), kind) for name, (shape, kind) in shapes.items()}


def _keep(frames: dict[str, NDArray[Any]], town: Town, buffer: RolloutBuffer, world: int, tick: int) -> None:
    """Note a town as it stands after a tick."""
    state = town.state
    for records, names in ((state.people, _OF_PEOPLE), (state.objects, _OF_OBJECTS)):
        for name in names:
            frames[name][tick] = records[name][0]
    frames["alive"][tick] = state.alive[0]
    frames["place"][tick] = _places(town)
    frames["grudge_other"][tick] = state.grudges["other"][0]
    frames["grudge_strength"][tick] = state.grudges["strength"][0]
    frames["reward_parts"][tick] = state.reward_parts[0]
    frames["reward"][tick] = state.reward[0]
    frames["action"][tick] = buffer.action[tick, world]
    frames["value"][tick] = buffer.value[tick, world]
    frames["conditions"][tick] = [town.tick < state.worlds[0][name] for name in CONDITIONS]


def _places(town: Town) -> NDArray[np.int32]:
    """int32 [A]: place in the queue of whoever waits, else −1."""
    things, people = town.state.objects[0], town.state.people[0]
    places = np.full(len(people), -1, np.int32)
    queued = np.arange(things["queue"].shape[1]) < things["queue_length"][:, None]
    places[things["queue"][queued]] = np.nonzero(queued)[1]
    places[people["role"] != WAITING] = -1
    return places


#: What is compared, by name in the recording, before and after the actions of a tick.
_BEFORE: dict[str, Callable[[Town], NDArray[Any]]] = {
    "alive": lambda town: town.alive,
    "observation": lambda town: town.observation,
    "mask": lambda town: town.mask,
}
_AFTER: dict[str, Callable[[Town], NDArray[Any]]] = {
    "reward": lambda town: town.reward,
    "reward_parts": lambda town: town.state.reward_parts,
    "clipped": lambda town: town.state.clipped,
    "terminated": lambda town: town.terminated,
}


def _compare(
    capture: Capture,
    manifest: AnyPath,
    town: Town,
    world: int,
    tick: int,
    what: dict[str, Callable[[Town], NDArray[Any]]],
) -> None:
    """Refuse a simulation that differs from the recording in a bit of what the rows of a tick hold."""
    alive = capture.buffer.alive[tick, world]
    for name, of in what.items():
        recorded, simulated = getattr(capture.buffer, name)[tick, world], of(town)[0]
        everybody = name == "alive"
        same = recorded == simulated
        off = ~same.reshape(len(alive), -1).all(axis=1) & (everybody | alive)
        if off.any():
            person = town.people[int(np.flatnonzero(off)[0])]
            raise _differs(manifest, f"world {world}, tick {tick}, {person}: {name}")


def _compare_events(manifest: AnyPath, town: Town, world: int, tick: NDArray[np.int64], events: NDArray[Any]) -> None:
    recorded = [row for row in read_events(manifest).to_pylist() if row["world"] == world]
    simulated = events_table(np.full(len(tick), world), tick, events, town.people, town.objects).to_pylist()
    if recorded != simulated:
        pairs = zip(recorded, simulated, strict=False)
        shorter = min(len(recorded), len(simulated))
        first = next((index for index, (one, other) in enumerate(pairs) if one != other), shorter)
        row = (recorded[first:] or simulated[first:])[0]
        raise _differs(manifest, f"world {world}, tick {row['tick']}: event {row['kind']}")


def _differs(manifest: AnyPath, where: str) -> InputError:
    return InputError.of(
        manifest,
        where,
        "another one when its actions are simulated again",
        "what was recorded; the rules have changed since: capture it anew",
    )
