"""Divergence of a training, with a diagnosis that finds the cause without training again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from townlet.errors import RunError

if TYPE_CHECKING:
    from torch import nn

    from townlet.training.batch import Batch

#: Inputs of learning, by their names in :class:`Batch`, in the order in which one spoils the next.
INPUTS = ("observation", "state", "reward", "old_log_prob", "weight", "advantage", "value_target")

# Enough to see how the last steps led to the divergence, few enough to read.
_LAST_RECORDS = 8


class TrainingDiverged(RunError):  # noqa: N818 (the field's word for it is not an error's name)
    """A term of the loss or a gradient was NaN, infinite or absurdly large.

    The step was not taken, so the weights are still finite. ``diagnosis``, strict JSON, comes from :func:`diagnose`.
    """

    epoch, minibatch, term, value, cause = 0, 0, "", math.nan, ""
    diagnosis: Mapping[str, Any] = {}

    @classmethod
    def at(
        cls,
        epoch: int,
        minibatch: int,
        term: str,
        value: float,
        cause: str,
        diagnosis: Mapping[str, Any] | None = None,
    ) -> TrainingDiverged:
        """The error for one term in one minibatch."""
        suffix = f"; {cause}" if cause else ""
        error = cls(f"epoch {epoch}, minibatch {minibatch}: {term} is {value:.6g}{suffix}")
        error.epoch, error.minibatch, error.term, error.value, error.cause = epoch, minibatch, term, value, cause
        error.diagnosis = dict(diagnosis or {})
        return error

    def report(self) -> dict[str, Any]:
        """The place of the divergence and its diagnosis, as strict JSON."""
        place = {"epoch": self.epoch, "minibatch": self.minibatch, "term": self.term, "value": jsonable(self.value)}
        return {"message": str(self), **place, "cause": self.cause, **self.diagnosis}

    def with_note(self, note: str) -> TrainingDiverged:
        """The same error with a note at the end of its message."""
        noted = TrainingDiverged.at(self.epoch, self.minibatch, self.term, self.value, self.cause, self.diagnosis)
        noted.args = (f"{self}; {note}",)
        return noted


def first_fault(terms: Mapping[str, float], bound: float) -> tuple[str, float] | None:
    """The first term that is not finite, or larger in magnitude than ``bound``, with its value."""
    for name, value in terms.items():
        if not abs(value) <= bound:
            return name, value
    return None


def cause_in(batch: Batch) -> str:
    """A phrase that names the first input of the whole batch that is not finite; empty if all are finite."""
    rows = torch.from_numpy(batch.rows)
    for name, values in _inputs(batch, rows):
        bad = int((~torch.isfinite(values)).any(dim=1).sum())
        if bad:
            return f"{name} is not finite in {bad} of {len(rows)} agent-steps"
    return ""


def diagnose(network: nn.Module, batch: Batch, rows: Tensor, records: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Diagnose the minibatch ``rows``, int64 [B], whose gradients, not yet clipped, are in the network.

    Returns strict JSON in which NaN and infinities are text. ``gradient_norms`` and ``weight_norms`` hold one Euclidean
    norm per parameter tensor. ``inputs`` holds statistics of each input, and the agent-steps (rows of the flattened
    buffer, T·W·A) in which it is not finite. ``minibatches`` holds the last of ``records``, this minibatch at the end.
    """
    named = [(name, tensor.detach()) for name, tensor in network.named_parameters()]
    gradients = [(name, tensor.grad) for name, tensor in network.named_parameters() if tensor.grad is not None]
    return {
        "gradient_norms": {name: jsonable(float(gradient.double().norm())) for name, gradient in gradients},
        "weight_norms": {name: jsonable(float(tensor.double().norm())) for name, tensor in named},
        "agent_steps": len(rows),
        "inputs": {name: _statistics(values, rows) for name, values in _inputs(batch, rows)},
        "minibatches": [jsonable(dict(record)) for record in records[-_LAST_RECORDS:]],
    }


def jsonable(value: Any) -> Any:
    """The value with NaN and infinities, which strict JSON does not have, as text."""
    if isinstance(value, Mapping):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _inputs(batch: Batch, rows: Tensor) -> Iterable[tuple[str, Tensor]]:
    """Each input of the batch by name, as [B, columns]."""
    for name in INPUTS:
        values: Tensor | None = getattr(batch, name)
        if values is not None:
            yield name, values[rows.to(values.device)].reshape(len(rows), -1)


def _statistics(values: Tensor, rows: Tensor) -> dict[str, Any]:
    finite = torch.isfinite(values)
    bad = rows[~finite.all(dim=1).cpu()]
    summary: dict[str, Any] = {"not_finite": len(bad), "not_finite_agent_steps": bad[:_LAST_RECORDS].tolist()}
    sound = values[finite].double()
    if len(sound):
        summary |= {
            "min": float(sound.min()),
            "max": float(sound.max()),
            "mean": float(sound.mean()),
            "std": float(sound.std(correction=0)),
        }
    return summary
