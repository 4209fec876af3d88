"""Checkpoints: one file with everything that the next phase of a training depends on.

The file is in safetensors format, so nothing in it is executable. It holds the arrays of network, optimizer and town,
and a JSON description: the plan of the training, its progress, and a SHA-256 over the description and all arrays. A
training that was resumed leaves the same bytes as one that was not.

Randomness needs no state of its own: every draw is a function of the seed, the town's clock and the epoch's number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, JsonValue
from safetensors.numpy import save

from townlet.config.base import Section
from townlet.config.validate import validated
from townlet.errors import Fault, InputError
from townlet.files import artefact_names
from townlet.files.storage import AnyPath, as_path, canonical_json, read_bytes, write_atomically
from townlet.files.strict_json import strict
from townlet.files.tensor_file import tensors_with_description
from townlet.training.harness import TrainingHarness
from townlet.training.loop import SavedLoop
from townlet.training.towns_loop import TownsLoop
from townlet.world import Town

CHECKPOINT_NAME = artefact_names.CHECKPOINT_NAME
FORMAT, VERSION = "townlet-checkpoint", 1

Arrays = Mapping[str, NDArray[Any]]


#: Field of a soak's plan with the fingerprint of its code; those of a training's code begin with ``code.``.
_SOAK_CODE = "soak.code_sha256"
#: What the names of a :class:`SavedLoop`'s arrays begin with.
_LOOP = "worlds."


class Progress(Section):
    """The progress of a training or a soak."""

    phases: Annotated[int, Field(ge=0)] = 0
    """Phases of a training, or cycles of a soak, that are done."""
    counters: dict[str, JsonValue] = {}
    """See :meth:`TrainingHarness.counters`."""
    log_offset: Annotated[int, Field(ge=0)] = 0
    """Lines of telemetry written; epochs that the log holds beyond them are repeated."""
    log_record_sha256: str = ""
    """See :attr:`TelemetryWriter.record_sha256`."""
    rewards: Annotated[list[float], Field(max_length=2)] = []
    """Mean reward per agent-step in the first and the last epoch on the network's own rollouts, if there was one."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as read."""

    file: str
    plan: dict[str, JsonValue]
    progress: Progress
    arrays: Arrays

    def require_plan(self, plan: Mapping[str, JsonValue]) -> None:
        """Raise InputError naming each difference unless ``plan`` is the one that the checkpoint was made under."""
        before, now = dict(_leaves(self.plan, "")), dict(_leaves(plan, ""))
        faults = [
            Fault(self.file, name, _as_json(before, name), f"{_as_json(now, name)}, {_reason(name)}")
            for name in dict.fromkeys([*before, *now])
            if _as_json(before, name) != _as_json(now, name)
        ]
        if faults:
            # One changed section may differ in hundreds of places; the first few identify it.
            raise InputError(faults[:4])

    def restore(self, harness: TrainingHarness) -> None:
        """Put a new harness of the same plan where the training was. Raises InputError if the arrays do not fit it."""
        loop = harness.loop
        own = {name: array for name, array in self.arrays.items() if name.startswith(_LOOP)}
        arrays = self.arrays
        if isinstance(loop, SavedLoop):
            arrays = {name: array for name, array in arrays.items() if name not in own}
        targets = {**_learner_arrays(harness), **_town_arrays(harness), **_memory_arrays(harness)}
        faults = [
            Fault(self.file, name, _described(arrays.get(name)), _described(targets.get(name)))
            for name in sorted({*targets, *arrays})
            if _described(arrays.get(name)) != _described(targets.get(name))
        ]
        if faults:
            raise InputError(faults[:4])
        if isinstance(loop, SavedLoop):
            loop.restore({name.removeprefix(_LOOP): array for name, array in own.items()}, self.file)
        for name, array in {**_town_arrays(harness), **_memory_arrays(harness)}.items():
            array[...] = self.arrays[name]
        with torch.no_grad():
            for name, tensor in _tensors(harness).items():
                # A copy, because safetensors' memory is read-only.
                tensor.copy_(torch.from_numpy(np.array(self.arrays[name])))
        if self.progress.counters:
            harness.set_counters(self.progress.counters)


def _reason(name: str) -> str:
    """Why a field of the plan must be as it is now, for a message."""
    if name.startswith("code.") or name == _SOAK_CODE:
        return "of the present code: other code may give other bytes, so start again without --resume"
    if name.startswith("environment.") and not name.startswith(("environment.name", "environment.options")):
        return "of the environment that is here now: it may go another way, so start again without --resume"
    return "as the options say now"


def save_checkpoint(folder: AnyPath, harness: TrainingHarness, plan: str, progress: Progress) -> None:
    """Replace the folder's checkpoint; the old one stays until the new one is complete and on the device.

    ``plan`` is the text of a JSON object: serializing a large town's plan takes longer than everything else here.
    """
    arrays = _arrays_of(harness)
    description: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "plan": plan,
        "progress": progress.model_dump(mode="json"),
    }
    description["sha256"] = _digest(description, arrays)
    # A single entry, because safetensors writes several in random order.
    metadata = {FORMAT: json.dumps(description, separators=(",", ":"), allow_nan=False)}
    write_atomically(as_path(folder) / CHECKPOINT_NAME, save(dict(arrays), metadata))


def read_checkpoint(folder: AnyPath) -> Checkpoint | None:
    """The checkpoint in a folder, or None if there is none.

    Raises InputError for a file that is torn, altered, of another kind or of another version.
    """
    path = as_path(folder) / CHECKPOINT_NAME
    if not path.exists():
        return None
    content = read_bytes(path, "a training's checkpoint")
    arrays, raw = tensors_with_description(content, FORMAT, path, _EXPECTED)
    version = raw.get("version")
    if version != VERSION:
        raise InputError.of(path, "version", repr(version), f"{VERSION}, the only one that this Townlet reads")
    given = raw.pop("sha256", None)
    if given != _digest(raw, arrays):
        raise InputError.of(path, "sha256", "content that was altered after it was written", _EXPECTED)
    description = validated(raw, _Description, path)
    plan = strict(description.plan.encode(), path, _EXPECTED)
    if not isinstance(plan, dict):
        raise InputError.of(path, "plan", f"a JSON {type(plan).__name__}", _EXPECTED)
    return Checkpoint(str(path), plan, description.progress, arrays)


class _Description(Section):
    format: Literal["townlet-checkpoint"]
    version: Literal[1]
    plan: str
    progress: Progress


_EXPECTED = "a whole checkpoint; without the file, a training starts from its beginning"


def _arrays_of(harness: TrainingHarness) -> dict[str, NDArray[Any]]:
    """All arrays of the harness by name; those of the network and the optimizer may be copies."""
    loop = harness.loop
    own = {f"{_LOOP}{name}": array for name, array in loop.saved().items()} if isinstance(loop, SavedLoop) else {}
    return {**_learner_arrays(harness), **_town_arrays(harness), **_memory_arrays(harness), **own}


def _learner_arrays(harness: TrainingHarness) -> dict[str, NDArray[Any]]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in _tensors(harness).items()}


def _tensors(harness: TrainingHarness) -> dict[str, torch.Tensor]:
    network = {f"network.{name}": tensor for name, tensor in harness.network.state_dict().items()}
    return network | {f"adam.{name}": tensor for name, tensor in harness.optimizer.tensors().items()}


def _town_arrays(harness: TrainingHarness) -> dict[str, NDArray[Any]]:
    """The town's arrays; arrays of records as bytes, uint8 [..., size of a record]."""
    town = harness.loop.town
    if isinstance(harness.loop, TownsLoop | SavedLoop):
        # Every rollout over towns begins a new day in those that its number decides.
        return {}
    if not isinstance(town, Town):
        raise ValueError(f"loop: found one over {type(town).__name__}, expected a town's: it alone can be saved")
    state = town.state._asdict()
    return {
        f"town.{name}": array
        if array.dtype.names is None
        else array.view(np.ndarray).view(np.uint8).reshape(*array.shape, array.dtype.itemsize)
        for name, array in state.items()
    }


def _memory_arrays(harness: TrainingHarness) -> dict[str, NDArray[Any]]:
    """Everybody's hidden states, of a recurrent network; none where each rollout begins new episodes."""
    if not harness.network.state_units or isinstance(harness.loop, TownsLoop):
        return {}
    return {"memory.state": harness.neural.memory.of_all(cast("Town", harness.loop.town))}


def _digest(description: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 over a description and every array's name, type, shape and bytes."""
    digest = hashlib.sha256(canonical_json(description).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"\0{name}\0{_described(array)}\0".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _described(array: NDArray[Any] | None) -> str:
    return "nothing" if array is None else f"{array.dtype} {list(array.shape)}"


def _leaves(value: JsonValue | Mapping[str, JsonValue], place: str) -> Iterator[tuple[str, JsonValue]]:
    """Every value that is not a mapping, with its dotted path. The order of keys does not count."""
    if not isinstance(value, Mapping):
        yield place, value
        return
    for key, item in value.items():
        yield from _leaves(item, f"{place}.{key}" if place else key)


def _as_json(leaves: Mapping[str, JsonValue], name: str) -> str:
    return json.dumps(leaves[name]) if name in leaves else "nothing"
