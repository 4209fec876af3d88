"""Arrow tables of a capture: one row per agent-step, and one row per event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from townlet.capture.columns import numbers_of, numbers_or_nan, whole_column
from townlet.event_kinds import EVENT_KINDS
from townlet.rollout import REWARD_PARTS, RolloutBuffer


def steps_schema(people: Sequence[str], features: int, actions: int, state_units: int = 0) -> pa.Schema:
    """Return the schema of a step table.

    ``value`` is null if the behaviour makes no estimate. ``final_observation`` is null unless the trajectory was
    truncated; the value beyond the cut is estimated from it. Its type is a list without a fixed size, because Arrow
    before 26 can neither write nor read nulls among lists of a fixed size. ``state``, the hidden state before the
    choice, is only there if the policy remembers.
    """
    return pa.schema(
        [
            ("world", pa.int32()),
            ("tick", pa.int32()),
            ("agent", pa.dictionary(pa.int32(), pa.string())),
            ("observation", pa.list_(pa.float32(), features)),
            ("mask", pa.list_(pa.bool_(), actions)),
            ("action", pa.int32()),
            *((("state", pa.list_(pa.float32(), state_units)),) if state_units else ()),
            ("log_prob", pa.float32()),
            ("value", pa.float32()),
            ("reward", pa.float32()),
            *((f"reward_{part}", pa.float32()) for part in REWARD_PARTS),
            ("clipped", pa.bool_()),
            ("terminated", pa.bool_()),
            ("truncated", pa.bool_()),
            ("final_observation", pa.list_(pa.float32())),
        ]
    )


def steps_table(buffer: RolloutBuffer, people: Sequence[str], first_world: int) -> pa.Table:
    """Make a table of the agent-steps in a buffer with one truncated episode, ordered by world, tick and agent."""
    world, tick, agent = np.nonzero(buffer.alive.transpose(1, 0, 2))
    at = (tick, world, agent)
    truncated = buffer.truncated[at]
    final = buffer.cut_observation[-1][world[truncated], agent[truncated]]
    value = buffer.value[at]
    schema = steps_schema(people, buffer.features, buffer.actions, buffer.state_units)
    columns = {
        "world": pa.array((world + first_world).astype(np.int32)),
        "tick": pa.array(tick.astype(np.int32)),
        "agent": pa.DictionaryArray.from_arrays(agent.astype(np.int32), pa.array(people, pa.string())),
        "observation": _vectors(buffer.observation[at]),
        "mask": _vectors(buffer.mask[at]),
        "action": pa.array(buffer.action[at]),
        **({"state": _vectors(buffer.state[at])} if buffer.state_units else {}),
        "log_prob": pa.array(buffer.log_prob[at]),
        "value": pa.array(value, mask=np.isnan(value)),
        "reward": pa.array(buffer.reward[at]),
        **{f"reward_{part}": pa.array(buffer.reward_parts[at][:, i]) for i, part in enumerate(REWARD_PARTS)},
        "clipped": pa.array(buffer.clipped[at]),
        "terminated": pa.array(buffer.terminated[at]),
        "truncated": pa.array(truncated),
        "final_observation": _vectors_where(truncated, final),
    }
    return pa.table(columns, schema=schema)


def fill_buffer(buffer: RolloutBuffer, table: pa.Table, people: Sequence[str]) -> None:
    """Fill a buffer with the agent-steps of a step table whose worlds count from 0."""
    numbers = {name: index for index, name in enumerate(people)}
    names = whole_column(table["agent"])
    lookup = np.array([numbers[name.as_py()] for name in names.dictionary], np.int64)
    at = (
        numbers_of(table["tick"]),
        numbers_of(table["world"]),
        lookup[numbers_of(names.indices)],
    )
    buffer.alive[at] = True
    buffer.observation[at] = _matrix(table["observation"], buffer.features)
    buffer.mask[at] = _matrix(table["mask"], buffer.actions)
    if buffer.state_units:
        buffer.state[at] = _matrix(table["state"], buffer.state_units)
    for name in ("action", "log_prob", "reward", "clipped", "terminated", "truncated"):
        getattr(buffer, name)[at] = numbers_of(table[name])
    buffer.value[at] = numbers_or_nan(table["value"])
    for i, part in enumerate(REWARD_PARTS):
        buffer.reward_parts[(*at, i)] = numbers_of(table[f"reward_{part}"])
    truncated = numbers_of(table["truncated"])
    final = np.zeros(buffer.observation.shape[1:], np.float32)
    cut = table["final_observation"].filter(table["truncated"])
    final[at[1][truncated], at[2][truncated]] = _matrix(cut, buffer.features)
    buffer.cut_ticks = [buffer.ticks - 1]
    buffer.cut_observation = [final]


EVENTS_SCHEMA = pa.schema(
    [
        ("world", pa.int32()),
        ("tick", pa.int32()),
        ("kind", pa.dictionary(pa.int32(), pa.string())),
        ("object", pa.dictionary(pa.int32(), pa.string())),
        ("actor", pa.dictionary(pa.int32(), pa.string())),
        ("rival", pa.dictionary(pa.int32(), pa.string())),
        ("queue_length", pa.int32()),
        ("intensity", pa.float64()),
        ("detail", pa.int32()),
    ]
)


def events_table(
    world: NDArray[Any], tick: NDArray[Any], events: NDArray[Any], people: Sequence[str], objects: Sequence[str]
) -> pa.Table:
    """Make a table with one row per event, ordered by world, tick and occurrence.

    ``object``, ``actor``, ``rival`` and ``detail`` are null where they do not apply.
    """
    order = np.lexsort((np.arange(len(world)), tick, world))
    sorted_events = events[order]

    def names(field: str, values: Sequence[str]) -> pa.Array:
        number = sorted_events[field].astype(np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(number, mask=number < 0), pa.array(list(values), pa.string()))

    detail = sorted_events["detail"].astype(np.int32)
    return pa.table(
        {
            "world": pa.array(world[order].astype(np.int32)),
            "tick": pa.array(tick[order].astype(np.int32)),
            "kind": names("kind", EVENT_KINDS),
            "object": names("object", objects),
            "actor": names("actor", people),
            "rival": names("rival", people),
            "queue_length": pa.array(sorted_events["queue_length"].astype(np.int32)),
            "intensity": pa.array(sorted_events["intensity"]),
            "detail": pa.array(detail, mask=detail < 0),
        },
        schema=EVENTS_SCHEMA,
    )


def to_parquet(table: pa.Table) -> bytes:
    """Encode a table as Parquet. Under one version of Arrow, equal tables in equal chunks give equal bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def _vectors(matrix: NDArray[Any]) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(matrix).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1])


def _vectors_where(present: NDArray[np.bool_], matrix: NDArray[Any]) -> pa.Array:
    """A list array: the next row of the matrix where one is present, and null elsewhere."""
    ends = np.cumsum(np.where(present, matrix.shape[1], 0))
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    values = pa.array(np.ascontiguousarray(matrix).ravel())
    return pa.ListArray.from_arrays(offsets, values, mask=pa.array(~present))


def _matrix(column: pa.ChunkedArray, width: int) -> NDArray[Any]:
    array = whole_column(column)
    return numbers_of(array.flatten()).reshape(len(array), width)
