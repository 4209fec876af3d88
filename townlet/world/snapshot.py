"""Snapshots: a batch of worlds in one file, from which a run continues bit for bit."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from safetensors.numpy import save

from townlet.config.base import Section
from townlet.config.scenario import Scenario
from townlet.config.validate import validated
from townlet.errors import InputError
from townlet.files.storage import AnyPath, read_bytes, write_atomically
from townlet.files.tensor_file import tensors_with_description
from townlet.seeds import SEEDS
from townlet.sources import sources_sha256
from townlet.world.town import Town

FORMAT, VERSION = "townlet-snapshot", 1


def rules_sha256() -> str:
    """SHA-256 over the sources that determine how a town continues from a state."""
    return sources_sha256("townlet.world.town", "townlet.world.step")


def save_snapshot(town: Town, path: AnyPath) -> str:
    """Write every array of a batch, its seed and its scenario to a safetensors file; returns the file's SHA-256.

    Records are stored as bytes, uint8 [..., size of the record]. The file replaces an earlier one atomically.
    """
    description = {
        "format": FORMAT,
        "version": VERSION,
        "rules_sha256": rules_sha256(),
        "worlds": town.worlds,
        "seed": town.seed,
        "first_world": town.first_world,
        "scenario": town.scenario.model_dump(mode="json"),
    }
    # One entry, because the writer puts several in random order.
    metadata = {FORMAT: json.dumps(description, separators=(",", ":"))}
    content = save({name: _as_numbers(array) for name, array in town.state._asdict().items()}, metadata)
    return write_atomically(path, content)


def load_snapshot(path: AnyPath) -> Town:
    """The batch of worlds in a file; it continues exactly as the saved one would have.

    Raises InputError for a file that is incomplete or not a snapshot, or that was taken under other rules.
    """
    content = read_bytes(path, "a snapshot of worlds")
    description, arrays = _read(path, content)
    town = Town(
        description.scenario,
        worlds=description.worlds,
        seed=description.seed,
        first_world=description.first_world,
    )
    for name, array in town.state._asdict().items():
        target = _as_numbers(array)
        source = arrays.get(name)
        if source is None or source.shape != target.shape or source.dtype != target.dtype:
            raise InputError.of(path, name, _describe(source), _describe(target))
        target[...] = source
    return town


class _Description(Section):
    format: Literal["townlet-snapshot"]
    version: Literal[1]
    rules_sha256: str
    worlds: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0, lt=SEEDS)]
    """The folded seed, with which rules draw."""
    first_world: Annotated[int, Field(ge=0)]
    scenario: Scenario


def _read(path: AnyPath, content: bytes) -> tuple[_Description, dict[str, NDArray[Any]]]:
    """The description and the arrays in a file that is complete and was taken under these rules."""
    arrays, raw = tensors_with_description(content, FORMAT, path, "a snapshot of worlds in safetensors form")
    description = validated(raw, _Description, path)
    if description.rules_sha256 != rules_sha256():
        expected = f"{rules_sha256()}, the present rules: they have changed since; make the snapshot again"
        raise InputError.of(path, "rules_sha256", description.rules_sha256, expected)
    if description.worlds > len(content):
        # Checked before memory is allocated that the file could not fill.
        raise InputError.of(path, "worlds", str(description.worlds), f"no more than {len(content)} bytes hold")
    return description, arrays


def _as_numbers(array: NDArray[Any]) -> NDArray[Any]:
    """The same memory as plain numbers."""
    if array.dtype.names is None:
        return array
    return array.view(np.ndarray).view(np.uint8).reshape(*array.shape, array.dtype.itemsize)


def _describe(array: NDArray[Any] | None) -> str:
    return "nothing" if array is None else f"{array.dtype} {list(array.shape)}"
