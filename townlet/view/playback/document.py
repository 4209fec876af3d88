"""A film as a compact document: columns of small whole numbers, delta-coded over time, compressed and in base64."""

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
from townlet.view.playback.film import Film
from townlet.view.playback.mind import Mind
from townlet.world import CONFLICT_KINDS, EVENT_KINDS
from townlet.world.state.arrays import SHIFT_STATES

#: How the numbers are packed: raw DEFLATE (RFC 1951), or not at all.
Coding = Literal["deflate-raw", "identity"]

#: Courtesies, which are drawn like conflicts but calmly.
COURTESIES = ("hand_over", "yield", "avoidance")


class Column(NamedTuple):
    """A column of the document: whole numbers [length, series], each the value times ``scale``."""

    values: NDArray[np.int64]
    scale: int


def columns_of(film: Film) -> dict[str, Column]:
    """The columns of a film, by name. Columns of frames have ``T`` rows, those of events one per event.

    Quantities are rounded: needs, strengths, values and influences to a thousandth, money and probabilities to a
    hundredth, rewards to a ten-thousandth.
    """
    frames, plan, events = film.frames, film.plan, film.events
    # A slot without anybody stays as it was, which costs nothing.
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
        "event_tick": _column(film.event_tick),
        "event_intensity": _column(events["intensity"], 1000),
        "walls": _column(plan.walls),
        "doors": _column(plan.doors),
        "rooms": _column(plan.rooms),
    }
    for name in ("kind", "object", "actor", "rival", "detail"):
        columns[f"event_{name}"] = _column(events[name])
    if film.mind:
        mind = film.mind.frames
        columns |= {name: _column(mind[name]) for name in ("likely", "moved")}
        columns |= {name: _column(mind[name], 100) for name in ("chance", "taken")}
        columns |= {"share": _column(mind["share"], 1000), "value": _column(mind["opinion"], 1000)}
    elif film.manifest.behavior.has_values:
        columns["value"] = _column(np.nan_to_num(frames["value"]), 1000)
    return columns


def _column(values: NDArray[Any], scale: int = 1) -> Column:
    flat = values.reshape(len(values), math.prod(values.shape[1:]))
    return Column(
        np.rint(flat.astype(np.float64) * scale).astype(np.int64) if scale > 1 else flat.astype(np.int64), scale
    )


def film_document(film: Film, *, coding: Coding = "deflate-raw") -> dict[str, Any]:
    """One film as JSON: who and what there is in words, and the columns packed into ``data``.

    ``columns[name]`` is length, series, bytes per number, offset in the unpacked data, and scale. A column's numbers
    are differences to the row before, series after series, little-endian.
    """
    table, parts, offset = {}, [], 0
    for name, (values, scale) in columns_of(film).items():
        steps = np.diff(values, axis=0, prepend=0).T
        size = next(size for size in (1, 2, 4) if np.array_equal(steps.astype(f"<i{size}"), steps))
        packed = steps.astype(f"<i{size}").tobytes()
        table[name] = [*values.shape, size, offset, scale]
        parts.append(packed)
        offset += len(packed)
    manifest, scenario = film.manifest, film.scenario
    town = scenario.map
    return {
        "scenario": manifest.scenario.name,
        "description": scenario.description,
        "behavior": manifest.behavior.name,
        "policy": manifest.behavior.policy_sha256,
        "manifest": film.manifest_sha256,
        "seed": manifest.seed,
        "world": film.world,
        "worlds": manifest.worlds,
        "ticks": manifest.ticks,
        "day": scenario.ticks_per_day,
        "width": town.width,
        "height": town.height,
        "people": manifest.people,
        "jobs": [person.job for person in scenario.people.values()],
        "objects": [[name, thing.type, *thing.at] for name, thing in scenario.objects.items()],
        "rooms": list(film.plan.names),
        "types": list(scenario.object_types),
        "uses": [[name, use.ticks] for name, use in scenario.affordances.items()],
        "actions": manifest.actions,
        "parts": manifest.reward_parts,
        "avoid": scenario.rules.rivalry.avoid_threshold,
        "money": _has_money(film),
        "mind": _mind_document(film.mind),
        "columns": table,
        "data": _pack(b"".join(parts), coding),
    }


def _mind_document(mind: Mind | None) -> dict[str, Any] | None:
    return mind and {"policy": mind.policy_sha256, "acted": mind.acted, "features": mind.features}


def _has_money(film: Film) -> bool:
    return bool(film.frames["wallet"].any())


def playback_document(
    sides: Sequence[Sequence[Film]], *, labels: Sequence[str] = (), coding: Coding = "deflate-raw"
) -> dict[str, Any]:
    """All that a page shows: one or two rollouts side by side, each with one or more of its worlds.

    ``labels`` say what to call each side; without them, each is called by who acts in it.
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
        "sides": [[film_document(film, coding=coding) for film in films] for films in sides],
    }


def document_in(page: str, file: AnyPath) -> dict[str, Any]:
    """The document inside a playback page. Raises InputError, naming ``file``, if the page holds none."""
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
