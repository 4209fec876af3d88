"""Resimulation of a captured world: its recorded actions run again, every result compared with the capture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from townlet.behavior import Behavior
from townlet.capture import Capture, Manifest, read_capture, read_events
from townlet.capture.tables import events_table
from townlet.config import Scenario
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.rollout import RolloutBuffer
from townlet.view.captured_scenario import captured_scenario
from townlet.view.floor_plan import FloorPlan, floor_plan_of
from townlet.view.playback.policy_outputs import PolicyOutputs, policy_outputs_of
from townlet.view.policy_outputs import outputs_of
from townlet.world import Town
from townlet.world.state.arrays import WAITING

#: Fields of people and objects that are stored after every tick.
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

#: Fields of the world's record that hold the first tick after an outage or a price spike.
CONDITIONS = ("power_off_until", "water_off_until", "price_spike_until")


@dataclass(frozen=True)
class Resimulation:
    """The state of one captured world after each of its ``T`` ticks.

    ``frames`` holds, for ``A`` people and ``O`` objects:

    ===================  =======================  ===================================================================
    fields of a person   [T, A], needs [T, A, 3]  as in :data:`townlet.world.state.arrays.PERSON`
    ``alive``            bool [T, A]              whether the slot is occupied; if not, all else is meaningless
    ``place``            int32 [T, A]             place in the queue, 0 at its front; −1 if not waiting
    ``grudge_other``     int32 [T, A, G]          whom each entry of the ledger is against, or −1
    ``grudge_strength``  float64 [T, A, G]        its strength, 0 to 1
    ``action``           int32 [T, A]             the action taken
    ``reward_parts``     float32 [T, A, 9]        components of the reward, before clipping
    ``reward``           float32 [T, A]           reward, after clipping
    ``value``            float32 [T, A]           the acting policy's value estimate before the tick; NaN without one
    fields of an object  [T, O]                   as in :data:`townlet.world.state.arrays.OBJECT`
    ``conditions``       bool [T, 3]              power outage, water outage, price spike
    ===================  =======================  ===================================================================

    ``events`` are EVENT records; ``event_tick`` holds the tick of each.
    """

    manifest: Manifest
    manifest_sha256: str
    scenario: Scenario
    world: int
    floor_plan: FloorPlan
    frames: dict[str, NDArray[Any]]
    events: NDArray[Any]
    event_tick: NDArray[np.int64]
    policy_outputs: PolicyOutputs | None = None
    """Outputs of the policy that was given, if any."""


def resimulate(
    manifest: AnyPath,
    world: int = 0,
    *,
    scenario: Scenario | AnyPath | None = None,
    policy: AnyPath | None = None,
    behavior: str | Behavior | None = None,
    after_tick: Callable[[Town, int], None] | None = None,
) -> Resimulation:
    """Simulate world ``world`` of a capture again from its recorded actions.

    Args:
        manifest: the capture's manifest.
        world: index of the world.
        scenario: the captured scenario; by default the built-in scenario of the recorded name.
        policy: folder or ``policy.json`` of a policy to evaluate at every agent-step, whoever acted.
        behavior: a behaviour to evaluate in a policy's place; see :func:`townlet.view.policy_outputs.outputs_of`.
        after_tick: called after every tick with the town, which has one world, and the tick's index.

    Raises InputError if the capture does not match its manifest, the world was not captured, the scenario is not the
    captured one, or the policy fits another town; and if observations, action masks, rewards or events differ from the
    capture in any bit, usually because the rules have changed since the capture. Where a committed policy went on with
    what it had begun, the mask need only allow that.
    """
    capture = read_capture(manifest)
    return resimulate_capture(
        capture, manifest, world, scenario=scenario, policy=policy, behavior=behavior, after_tick=after_tick
    )


def resimulate_capture(
    capture: Capture,
    manifest: AnyPath,
    world: int,
    *,
    scenario: Scenario | AnyPath | None = None,
    policy: AnyPath | None = None,
    behavior: str | Behavior | None = None,
    after_tick: Callable[[Town, int], None] | None = None,
) -> Resimulation:
    """Resimulate a world of a capture that has been read from ``manifest``; see :func:`resimulate`."""
    recorded = capture.manifest
    if not 0 <= world < recorded.worlds:
        raise InputError.of("options", "--world", str(world), f"below {recorded.worlds}, the worlds captured")
    captured = captured_scenario(recorded, manifest, scenario)
    asked = policy is not None or behavior is not None
    outputs = policy_outputs_of(outputs_of(capture, policy, behavior, captured), capture, world) if asked else None
    town = Town(captured, worlds=1, seed=recorded.seed, first_world=world)
    frames = _empty_frames(town, recorded.ticks)
    events: list[NDArray[Any]] = []
    for tick in range(recorded.ticks):
        _compare(capture, manifest, town, world, tick, _BEFORE)
        town.step(np.ascontiguousarray(capture.buffer.action[tick, world][None]))
        _compare(capture, manifest, town, world, tick, _AFTER)
        _store(frames, town, capture.buffer, world, tick)
        events.append(np.asarray(town.state.events[0, : town.state.worlds[0].event_count]).copy())
        if after_tick:
            after_tick(town, tick)
    event_tick = np.repeat(np.arange(recorded.ticks), [len(each) for each in events])
    happened = np.concatenate(events)
    _compare_events(manifest, town, world, event_tick, happened)
    return Resimulation(
        recorded,
        capture.manifest_sha256,
        captured,
        world,
        floor_plan_of(town.scenario),
        frames,
        happened,
        event_tick,
        outputs,
    )


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


def _store(frames: dict[str, NDArray[Any]], town: Town, buffer: RolloutBuffer, world: int, tick: int) -> None:
    """Store the state of the town after a tick."""
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
    """Each person's place in the queue, int32 [A]; −1 if not waiting."""
    objects, people = town.state.objects[0], town.state.people[0]
    places = np.full(len(people), -1, np.int32)
    queued = np.arange(objects["queue"].shape[1]) < objects["queue_length"][:, None]
    places[objects["queue"][queued]] = np.nonzero(queued)[1]
    places[people["role"] != WAITING] = -1
    return places


#: Arrays to compare before and after each tick, by their names in the capture.
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
    arrays: dict[str, Callable[[Town], NDArray[Any]]],
) -> None:
    """Raise InputError if an array of one tick differs from the capture in any bit.

    A policy that commits itself chose among some of the legal actions, and only these are recorded.
    """
    alive = capture.buffer.alive[tick, world]
    for name, of in arrays.items():
        recorded, simulated = getattr(capture.buffer, name)[tick, world], of(town)[0]
        if name == "mask" and capture.manifest.behavior.name not in ("scripted", "random", "heuristic"):
            simulated = simulated & recorded
        equal = (recorded == simulated).reshape(len(alive), -1).all(axis=1)
        if name == "mask":
            equal |= _continues(capture.buffer, tick, world, simulated)
        different = ~equal & (alive | (name == "alive"))
        if different.any():
            person = town.people[int(np.flatnonzero(different)[0])]
            raise _difference(manifest, f"world {world}, tick {tick}, {person}: {name}")


def _continues(buffer: RolloutBuffer, tick: int, world: int, legal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether people did what they had begun, bool [A]: a committed policy records the one legal action that does so.

    ``legal``, bool [A, N], are the actions that the town allows.
    """
    everybody, action = np.arange(len(legal)), buffer.action[tick, world]
    only = np.zeros_like(legal)
    only[everybody, action] = legal[everybody, action]
    certain: NDArray[np.bool_] = buffer.log_prob[tick, world] == 0.0
    continues: NDArray[np.bool_] = certain & (buffer.mask[tick, world] == only).all(axis=1)
    return continues


def _compare_events(manifest: AnyPath, town: Town, world: int, tick: NDArray[np.int64], events: NDArray[Any]) -> None:
    recorded = [row for row in read_events(manifest).to_pylist() if row["world"] == world]
    simulated = events_table(np.full(len(tick), world), tick, events, town.people, town.objects).to_pylist()
    if recorded != simulated:
        pairs = zip(recorded, simulated, strict=False)
        shorter = min(len(recorded), len(simulated))
        first = next((index for index, (one, other) in enumerate(pairs) if one != other), shorter)
        row = (recorded[first:] or simulated[first:])[0]
        raise _difference(manifest, f"world {world}, tick {row['tick']}: event {row['kind']}")


def _difference(manifest: AnyPath, where: str) -> InputError:
    return InputError.of(
        manifest,
        where,
        "another one when its actions are simulated again",
        "the recorded one; the rules have probably changed since: capture it again",
    )
