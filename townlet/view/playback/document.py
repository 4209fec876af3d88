"""JSON document of a playback page: worlds as columns of whole numbers, delta-coded, compressed and in base64."""

from __future__ import annotations

import base64
import math
import re
import zlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.envs import image
from townlet.envs.scene import ROLES
from townlet.errors import InputError
from townlet.files.storage import AnyPath
from townlet.files.strict_json import strict
from townlet.view.event_groups import COURTESIES
from townlet.view.playback.policy_outputs import PolicyOutputs
from townlet.view.playback.resimulation import Resimulation
from townlet.world import CONFLICT_KINDS, EVENT_KINDS
from townlet.world.state.arrays import SHIFT_STATES

#: Compression of the numbers: raw DEFLATE (RFC 1951), or none.
Coding = Literal["deflate-raw", "identity"]


class Column(NamedTuple):
    """A column of the document: values × ``scale`` as whole numbers [length, series]."""

    values: NDArray[np.int64]
    scale: int


def columns_of(simulated: Resimulation) -> dict[str, Column]:
    """The columns of a resimulated world, by name: ``T`` rows for frames, one row per event for events.

    Numbers are rounded: needs, strengths, values and attributions to a thousandth, money and probabilities to a
    hundredth, rewards to a ten-thousandth.
    """
    frames, plan, events = simulated.frames, simulated.floor_plan, simulated.events
    columns = {
        "alive": _column(frames["alive"]),
        "tile": _column(frames["tile"]),
        "role": _column(frames["role"]),
        "at": _column(frames["at_object"]),
        "place": _column(frames["place"]),
        "use": _column(frames["affordance"]),
        "left": _column(frames["remaining"]),
        "waited": _column(frames["waited"]),
        "shift": _column(frames["shift_state"]),
        "generation": _column(frames["generation"]),
        "needs": _column(frames["needs"], 1000),
        "wallet": _column(frames["wallet"], 100),
        "rival": _column(frames["grudge_other"]),
        "grudge": _column(frames["grudge_strength"], 1000),
        "action": _column(frames["action"]),
        "reward": _column(frames["reward"], 10_000),
        "parts": _column(frames["reward_parts"], 10_000),
        "stock": _column(frames["stock"]),
        "closed": _column(frames["out_of_service"]),
        "conditions": _column(frames["conditions"]),
        "event_tick": _column(simulated.event_tick),
        "event_intensity": _column(events["intensity"], 1000),
        "walls": _column(plan.walls),
        "doors": _column(plan.doors),
        "rooms": _column(plan.rooms),
    }
    for name in ("kind", "object", "actor", "rival", "detail"):
        columns[f"event_{name}"] = _column(events[name])
    if simulated.policy_outputs:
        outputs = simulated.policy_outputs.frames
        columns |= {name: _column(outputs[name]) for name in ("top_actions", "top_features")}
        columns |= {name: _column(outputs[name], 100) for name in ("top_probabilities", "taken_probability")}
        columns["attributions"] = _column(outputs["attributions"], 1000)
        if "value" in outputs:
            columns["value"] = _column(outputs["value"], 1000)
    elif simulated.manifest.behavior.has_values:
        columns["value"] = _column(np.nan_to_num(frames["value"]), 1000)
    return columns


def _column(values: NDArray[Any], scale: int = 1) -> Column:
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    return Column(
        np.rint(flat.astype(np.float64) * scale).astype(np.int64) if scale > 1 else flat.astype(np.int64), scale
    )


def world_document(simulated: Resimulation, *, coding: Coding = "deflate-raw") -> dict[str, Any]:
    """One resimulated world as JSON: names of people and things, and the columns packed into ``data``.

    ``columns[name]`` is length, series, bytes per number, offset in the unpacked data, and scale. Each number is the
    difference to the row before, little-endian; a column is stored series after series.
    """
    columns, parts, offset = {}, [], 0
    for name, (values, scale) in columns_of(simulated).items():
        steps = np.diff(values, axis=0, prepend=0).T
        size = next(size for size in (1, 2, 4) if np.array_equal(steps.astype(f"<i{size}"), steps))
        packed = steps.astype(f"<i{size}").tobytes()
        columns[name] = [*values.shape, size, offset, scale]
        parts.append(packed)
        offset += len(packed)
    manifest, scenario = simulated.manifest, simulated.scenario
    town = scenario.map
    return {
        "scenario": manifest.scenario.name,
        "description": scenario.description,
        "behavior": manifest.behavior.name,
        "policy": manifest.behavior.policy_sha256,
        **_company(simulated),
        "manifest": simulated.manifest_sha256,
        "seed": manifest.seed,
        "world": simulated.world,
        "worlds": manifest.worlds,
        "ticks": manifest.ticks,
        "day": scenario.ticks_per_day,
        "width": town.width,
        "height": town.height,
        "people": manifest.people,
        "jobs": [person.job for person in scenario.people.values()],
        "objects": [[name, thing.type, *thing.at] for name, thing in scenario.objects.items()],
        "rooms": list(simulated.floor_plan.names),
        "types": list(scenario.object_types),
        "uses": [[name, use.ticks] for name, use in scenario.affordances.items()],
        "actions": manifest.actions,
        "parts": manifest.reward_parts,
        "avoid": scenario.rules.rivalry.avoid_threshold,
        "money": _has_money(simulated),
        "policy_outputs": _policy_document(simulated.policy_outputs, manifest.people),
        "columns": columns,
        "data": _pack(b"".join(parts), coding),
    }


def _policy_document(outputs: PolicyOutputs | None, people: Sequence[str]) -> dict[str, Any] | None:
    """The policy, and whether it acted: for everybody, or for each of mixed company."""
    if outputs is None:
        return None
    each = [name in outputs.acted_for for name in people]
    acted = each[0] if len(set(each)) == 1 else each
    return {"policy": outputs.policy_sha256, "acted": acted, "features": outputs.features}


def _company(simulated: Resimulation) -> dict[str, Any]:
    """Of mixed company, who acts for each person: key, behaviour, hash of weights, and whether it estimates values."""
    behavior, people = simulated.manifest.behavior, simulated.manifest.people
    members = behavior.origin.members if behavior.origin else {}
    acts = {name: [key, each.behavior, each.policy_sha256] for key, each in members.items() for name in each.people}
    estimates = (~np.isnan(simulated.frames["value"])).any(axis=0).tolist()
    return {"company": [[*acts[name], estimates[a]] for a, name in enumerate(people)]} if acts else {}


def _has_money(simulated: Resimulation) -> bool:
    return bool(simulated.frames["wallet"].any())


def playback_document(
    sides: Sequence[Sequence[Resimulation]], *, labels: Sequence[str] = (), coding: Coding = "deflate-raw"
) -> dict[str, Any]:
    """The whole document: one rollout or two side by side, each with one or more of its worlds.

    ``labels`` name the sides; by default a side is named after the behaviour that acted.
    """
    return {
        "format": "townlet-playback",
        "version": 1,
        "coding": coding,
        "kinds": list(EVENT_KINDS),
        "conflicts": list(CONFLICT_KINDS),
        "courtesies": list(COURTESIES),
        "roles": [ROLES.get(number, "") for number in range(len(ROLES) + 1)],
        "shifts": list(SHIFT_STATES),
        "labels": list(labels),
        "colors": {"people": _hex(image.PEOPLE), "objects": _hex(image.OBJECTS)},
        "sides": [[world_document(simulated, coding=coding) for simulated in side] for side in sides],
    }


def document_in(page: str, file: AnyPath) -> dict[str, Any]:
    """Read the document in a playback page. Raises InputError, naming ``file``, if there is none."""
    found = re.search(r'<script type="application/json" id="document">(.*?)</script>', page, re.DOTALL)
    try:
        document = strict(found[1].encode(), file, "a playback") if found else None
    except (InputError, UnicodeEncodeError):
        document = None
    if not isinstance(document, dict) or document.get("format") != "townlet-playback":
        raise InputError.of(file, "", "no playback in it", "a page that `townlet playback` wrote")
    return document


def _pack(data: bytes, coding: Coding) -> str:
    if coding == "deflate-raw":
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        data = packer.compress(data) + packer.flush()
    return base64.b64encode(data).decode()


def _hex(colors: Sequence[tuple[int, int, int]]) -> list[str]:
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colors]
