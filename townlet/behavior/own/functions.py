"""Behaviours made from a function of observations and masks, in five lines of a user's own code.

def factory():
    model = PPO.load("model.zip", device="cpu")
    def logits(observation, mask):
        return model.policy.get_distribution(torch.from_numpy(observation)).distribution.logits
    return from_logits(logits, name="sb3", files=["model.zip"])
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from townlet.behavior.own.draws import draw_actions, weights_of
from townlet.behavior.own.rows import RowsBehavior
from townlet.config.town import NAME_PATTERN
from townlet.errors import InputError, RunError
from townlet.files.storage import AnyPath, as_path, read_bytes, sha256
from townlet.host.user_modules import raised_by_user, source_sha256
from townlet.policies.origin import Origin
from townlet.world.rules.actions import WAIT

#: A function of observations, float32 [B, F], and masks of legal actions, bool [B, N].
Function = Callable[[NDArray[np.float32], NDArray[np.bool_]], Any]

#: Names that stand for Townlet's own behaviours in manifests.
BUILT_IN = ("scripted", "random", "heuristic", "neural", "mixed")


class BehaviorFailed(RunError):  # noqa: N818 (as with environments, a failure is no error of ours)
    """A function of a user's own raised an exception; its traceback is part of the message."""


class FunctionBehavior(RowsBehavior):
    """A base for behaviours made from a function; it calls the function for everybody in all worlds at once.

    Attributes: ``name``, ``deterministic``, ``origin`` and ``has_values``, which is known after the first call.
    """

    #: Whether recorded log-probabilities are those of the behaviour.
    has_log_probs = True

    def __init__(
        self,
        function: Function,
        *,
        name: str,
        deterministic: bool,
        files: Iterable[AnyPath] = (),
        commitment_ticks: int = 0,
    ) -> None:
        if commitment_ticks < 0:
            raise InputError.of(f"behavior {name}", "commitment_ticks", str(commitment_ticks), "at least 0")
        self.name, self.deterministic, self.commitment_ticks = checked_name(name), deterministic, commitment_ticks
        self.has_values = False
        self.origin = Origin(code_sha256=source_sha256(function), files=hashes_of(files))
        self._function = function

    def outputs(self, observation: NDArray[np.float32], mask: NDArray[np.bool_]) -> tuple[Any, ...]:
        """What the function returns for observations [B, F] and masks [B, N], always as a tuple."""
        try:
            returned = self._function(observation, mask)
        except InputError:
            raise
        except Exception as error:
            raised = raised_by_user(error, Path(__file__).parent)
            raise BehaviorFailed(f"behavior {self.name}: its function raised {raised}") from error
        return returned if isinstance(returned, tuple) else (returned,)

    def _array(self, what: str, returned: Any, shape: tuple[int, ...], kinds: str, expected: str) -> NDArray[Any]:
        """What the function returned, as an array. Raises InputError for another shape, type, or NaN."""
        array = self._read(what, returned)
        if array.shape != shape or array.dtype.kind not in kinds:
            found = f"{array.dtype} {list(array.shape)}"
            raise InputError.of(f"behavior {self.name}", what, found, f"{expected} {list(shape)}")
        if array.dtype.kind == "f" and what != "values" and np.isnan(array).any():
            raise InputError.of(f"behavior {self.name}", what, "NaN", "numbers")
        return array

    def _read(self, what: str, returned: Any) -> NDArray[Any]:
        """An array of what the function returned. Raises InputError for what is none, such as rows of other lengths."""
        try:
            return _as_array(returned)
        except (TypeError, ValueError, RuntimeError):
            found = f"{type(returned).__name__} that is no array"
            raise InputError.of(f"behavior {self.name}", what, found, "an array or a tensor") from None

    def _values(self, outputs: tuple[Any, ...], index: int, rows: int) -> NDArray[Any]:
        """The values among the outputs, [B]; NaN if there are none."""
        if len(outputs) > index + 1:
            found = f"{len(outputs)} results"
            raise InputError.of(f"behavior {self.name}", "", found, f"at most {index + 1} from the function")
        if len(outputs) <= index:
            return np.full(rows, math.nan)
        self.has_values = True
        given = self._read("values", outputs[index])
        flat = given[:, 0] if given.shape == (rows, 1) else given
        values = self._array("values", flat, (rows,), "f", "floats")
        if np.isinf(values).any():
            raise InputError.of(f"behavior {self.name}", "values", "infinity", "finite numbers, or NaN for no estimate")
        return values


class LogitsBehavior(FunctionBehavior):
    """Draws from the distribution over legal actions that a function gives as logits, or takes the most probable.

    Draws come from the town's policy stream: equal seeds give equal actions, whatever a library's own generator does.
    """

    def choose(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_], draws: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Choose for each row; see :meth:`RowsBehavior.choose`."""
        outputs = self.outputs(observation, mask.copy())
        weights = weights_of(self._logits(outputs, mask.shape), mask)
        values = self._values(outputs, 1, len(mask))
        if self.deterministic:
            return weights.argmax(axis=1), np.zeros(len(mask)), values
        return *draw_actions(weights, draws), values

    def evaluate(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32] | None]:
        """Probabilities of actions, float64 [B, N], 0 for illegal ones, and values, float32 [B], if it has any.

        ``observation`` is float32 [B, F], ``mask`` bool [B, N].
        """
        outputs = self.outputs(observation.copy(), mask.copy())
        weights = weights_of(self._logits(outputs, mask.shape), mask)
        values = self._values(outputs, 1, len(mask)).astype(np.float32)
        return weights / weights.sum(axis=-1, keepdims=True), values if len(outputs) > 1 else None

    def _logits(self, outputs: tuple[Any, ...], shape: tuple[int, ...]) -> NDArray[np.float64]:
        logits = self._array("logits", outputs[0], shape, "f", "floats").astype(np.float64)
        # +inf would make NaN of a probability; −inf is how many libraries write an illegal action.
        if np.isposinf(logits).any():
            raise InputError.of(f"behavior {self.name}", "logits", "inf", "numbers below infinity")
        return logits


class ActionsBehavior(FunctionBehavior):
    """Takes the actions that a function chooses; what is illegal for a person becomes waiting, as in the rules."""

    @property
    def has_log_probs(self) -> bool:  # type: ignore[override]
        """Whether the function has given all log-probabilities so far; a deterministic behaviour needs none."""
        return self.deterministic or (self._gave_log_probs and not self._owes_log_probs)

    def __init__(self, function: Function, **options: Any) -> None:
        super().__init__(function, **options)
        self._gave_log_probs = self._owes_log_probs = False

    def choose(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_], draws: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Choose for each row; see :meth:`RowsBehavior.choose`."""
        outputs = self.outputs(observation, mask.copy())
        rows, actions = mask.shape
        chosen = self._array("actions", outputs[0], (rows,), "iu", "integers").astype(np.int64)
        if chosen.min() < 0 or chosen.max() >= actions:
            wrong = chosen[(chosen < 0) | (chosen >= actions)][0]
            raise InputError.of(f"behavior {self.name}", "actions", str(wrong), f"0 to {actions - 1}")
        legal = np.take_along_axis(mask, chosen[:, None], 1)[:, 0]
        gave, log_probs = self._log_probs(outputs, rows)
        if gave and not legal.all():
            expected = "actions that the mask allows, since the log-probability given would be that of another"
            raise InputError.of(f"behavior {self.name}", "actions", str(chosen[~legal][0]), expected)
        return np.where(legal, chosen, WAIT), log_probs, self._values(outputs, 2, rows)

    def _log_probs(self, outputs: tuple[Any, ...], rows: int) -> tuple[bool, NDArray[Any]]:
        """Whether the function gave them, and the log-probabilities to record, [B]."""
        if self.deterministic or len(outputs) < 2 or outputs[1] is None:
            self._owes_log_probs = True
            return False, np.zeros(rows)
        found = self._array("log_probs", outputs[1], (rows,), "f", "floats")
        if not np.isfinite(found).all() or found.max() > _ROUNDED_ABOVE_0:
            wrong = found[~np.isfinite(found) | (found > _ROUNDED_ABOVE_0)][0]
            raise InputError.of(f"behavior {self.name}", "log_probs", str(wrong), "finite numbers of at most 0")
        self._gave_log_probs = True
        at_most_0: NDArray[Any] = np.minimum(found, 0.0)
        return True, at_most_0


def from_logits(
    function: Function,
    *,
    name: str,
    deterministic: bool = False,
    files: Iterable[AnyPath] = (),
    commitment_ticks: int = 0,
) -> LogitsBehavior:
    """A behaviour from a function that returns logits or log-probabilities of all actions.

    Townlet leaves out illegal actions, draws, and records the log-probability of each action, so that a training can
    weight the recorded data by importance.

    Args:
        function: called once per tick with observations float32 [B, F] and masks bool [B, N] of everybody in all
            worlds, also for empty places, whose observations are zeros. Returns floats [B, N], as an array or a
            tensor, or a tuple of these and values, floats [B].
        name: for manifests: lower case letters, digits and underscores, none of Townlet's own.
        deterministic: whether to take the most probable action instead of drawing one.
        files: files with weights, whose SHA-256 are recorded.
        commitment_ticks: those of the environment in which it was trained; above 0, only the rows of people who decide
            are given.

    Raises InputError for an unusable name or file; and, once it acts, for unusable results.
    """
    return LogitsBehavior(
        function, name=name, deterministic=deterministic, files=files, commitment_ticks=commitment_ticks
    )


def from_actions(
    function: Function, *, name: str, deterministic: bool, files: Iterable[AnyPath] = (), commitment_ticks: int = 0
) -> ActionsBehavior:
    """A behaviour from a function that returns actions.

    Args:
        function: called as in :func:`from_logits`. Returns integers [B]; or a tuple of these and their
            log-probabilities, floats [B] or None; or of these and values, floats [B]. Without log-probabilities,
            those of a stochastic behaviour are recorded as unknown, and trainings can only clone its actions.
        name: see :func:`from_logits`.
        deterministic: whether the function always chooses the same action for the same observation and mask.
        files: files with weights, whose SHA-256 are recorded.
        commitment_ticks: see :func:`from_logits`.

    Raises InputError for an unusable name or file; and, once it acts, for unusable results.
    """
    return ActionsBehavior(
        function, name=name, deterministic=deterministic, files=files, commitment_ticks=commitment_ticks
    )


def checked_name(name: str) -> str:
    """The name of a behaviour. Raises InputError for one that manifests cannot hold, or that Townlet's own has."""
    if not re.fullmatch(NAME_PATTERN, str(name)) or name in BUILT_IN:
        expected = f"lower case letters, digits and underscores, and none of {', '.join(BUILT_IN)}"
        raise InputError.of("behavior", "name", repr(name), expected)
    return name


def hashes_of(files: Iterable[AnyPath]) -> dict[str, str]:
    """SHA-256 of each file by its path as given. Raises InputError for a file that cannot be read."""
    return {str(file): sha256(read_bytes(as_path(file), "weights of a behaviour")) for file in files}


def _as_array(returned: ArrayLike) -> NDArray[Any]:
    """An array of what a function returned: an array, a list, or a tensor with or without gradients."""
    detach = getattr(returned, "detach", None)
    if detach is None:
        return np.asarray(returned)
    tensor = detach().cpu()
    # NumPy has no bfloat16, which is what autocast may give; float32 holds all of its numbers.
    return np.asarray(tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor)


#: Log-probabilities just above 0 are rounding.
_ROUNDED_ABOVE_0 = 1e-5
