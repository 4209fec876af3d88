"""Networks in ONNX files, run by onnxruntime: what they take and give, found out from their shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from townlet.errors import InputError
from townlet.files.storage import read_bytes

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto
    from onnxruntime import InferenceSession, NodeArg

_FLOATS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16}
_WHOLE = {f"tensor({name})": np.dtype(name) for name in ("bool", "int8", "uint8", "int32", "int64")}
_MASK_NAMES = ("mask", "action_mask", "action_masks")
#: The hidden state before a choice and after it, of policies that Townlet exported.
STATE, NEXT_STATE = "state", "next_state"
_LOGITS_NAMES = ("log_probs", "logits")
_RANDOM = ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli")
#: Rows of the trial that shows what the outputs are; at least two, to tell [B] from [1].
_TRIAL = 2


class Outputs(NamedTuple):
    """What a network says about a batch; None for what it does not say."""

    actions: NDArray[np.int64] | None
    """int64 [B]."""
    logits: NDArray[np.float32] | None
    """float32 [B, N]."""
    values: NDArray[np.float32] | None
    """float32 [B]."""
    state: NDArray[np.float32] | None = None
    """float32 [B, H], after these choices."""


class OnnxFile(NamedTuple):
    """An ONNX file that onnxruntime has opened."""

    path: Path
    session: InferenceSession
    metadata: dict[str, str]
    random: bool
    """Whether a node draws random numbers."""
    files: tuple[Path, ...]
    """The file itself and those beside it that hold its weights."""


class OnnxNetwork:
    """A network for batches of any size, whatever the batch of its file is.

    Its file has one float input, [B, F] or a single [F], and perhaps one for the mask of legal actions, which is named
    ``mask`` or ``action_mask``. Outputs are told apart by type and shape: a float [B, N] holds logits or
    log-probabilities, an integer [B] actions, a float [B, 1] or else the only float [B] values. Several threads may
    call it at once; every call uses one.

    With ``state_units`` it remembers: its file has a further input ``state`` and a further output ``next_state``.
    """

    def __init__(self, file: OnnxFile, features: int, actions: int, *, of: str, state_units: int = 0) -> None:
        """Find out what the network takes and gives.

        ``of`` says in errors whose features and actions these are; ``state_units`` is H. Raises InputError for a file
        whose inputs or outputs are others.
        """
        self.file, self.features, self.actions, self._of = file, features, actions, of
        self.state_units = state_units
        self._observation, self._mask = self._inputs(file.session.get_inputs())
        shape = self._observation.shape
        self._single = len(shape) == 1
        self._rows = 1 if self._single else shape[0] if isinstance(shape[0], int) else 0
        known = _FLOATS | _WHOLE
        self._names = [output.name for output in file.session.get_outputs() if output.type in known]
        self._roles: dict[str, str] = {}
        self._roles = self._find_roles()

    @property
    def batch(self) -> int | None:
        """The number of rows that the file is made for; None if it takes any."""
        return self._rows or None

    @property
    def gives_logits(self) -> bool:
        """Whether it gives logits; otherwise it gives actions."""
        return "logits" in self._roles

    @property
    def gives_values(self) -> bool:
        """Whether it gives values."""
        return "values" in self._roles

    def __call__(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_], state: NDArray[np.float32] | None = None
    ) -> Outputs:
        """Run a batch of at least one row: ``observation`` is float32 [B, F], ``mask`` bool [B, N].

        ``state`` is float32 [B, H], of a network that remembers; None begins an episode.

        Raises InputError for what onnxruntime cannot run, and for results that are NaN or no actions.
        """
        found = self._run(observation, mask, state)
        rows = len(mask)
        actions, logits, values = (found.get(self._roles.get(role, "")) for role in ("actions", "logits", "values"))
        if actions is not None:
            actions = actions.reshape(rows).astype(np.int64)
            if not ((actions >= 0) & (actions < self.actions)).all():
                wrong = actions[(actions < 0) | (actions >= self.actions)][0]
                raise self._fault(f"outputs.{self._roles['actions']}", str(wrong), f"0 to {self.actions - 1}")
        if logits is not None:
            logits = logits.astype(np.float32)
            if np.isnan(logits).any():
                raise self._fault(f"outputs.{self._roles['logits']}", "NaN", "numbers")
        values = None if values is None else values.reshape(rows).astype(np.float32)
        return Outputs(actions, logits, values, found.get(NEXT_STATE) if self.state_units else None)

    def _run(
        self, observation: NDArray[np.float32], mask: NDArray[np.bool_], state: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[Any]]:
        feeds = {self._observation.name: observation.astype(_FLOATS[self._observation.type], copy=False)}
        if self._mask is not None:
            feeds[self._mask.name] = mask.astype((_FLOATS | _WHOLE)[self._mask.type], copy=False)
        if self.state_units:
            feeds[STATE] = np.zeros((len(mask), self.state_units), np.float32) if state is None else state
        try:
            if self._rows == 0:
                results = self.file.session.run(self._names, feeds)
            else:
                parts = list(self._in_parts(feeds, len(mask)))
                results = [np.concatenate(pieces) for pieces in zip(*parts, strict=True)]
        except Exception as error:
            # onnxruntime's errors have no common class of their own.
            raise self._fault("", _first_line(error), f"a network that runs on {len(mask)} rows") from None
        return dict(zip(self._names, results, strict=True))

    def _in_parts(self, feeds: Mapping[str, NDArray[Any]], rows: int) -> Iterator[list[NDArray[Any]]]:
        """The outputs for each part of a batch, as many rows at once as the file is made for."""
        for start in range(0, rows, self._rows):
            part = {name: array[start : start + self._rows] for name, array in feeds.items()}
            count = len(part[self._observation.name])
            if count < self._rows:
                # The last part is filled up with copies of its last row.
                part = {name: np.pad(a, ((0, self._rows - count), (0, 0)), "edge") for name, a in part.items()}
            if self._single:
                results = self.file.session.run(self._names, {name: array[0] for name, array in part.items()})
                yield [np.asarray(result)[None] for result in results]
            else:
                yield [result[:count] for result in self.file.session.run(self._names, part)]

    def _inputs(self, inputs: Sequence[NodeArg]) -> tuple[NodeArg, NodeArg | None]:
        """The inputs for observations and for masks, if there is one."""
        masks = [one for one in inputs if one.name in _MASK_NAMES and one.type in _FLOATS | _WHOLE]
        states = [one for one in inputs if self.state_units and one.name == STATE]
        others = [one for one in inputs if one not in masks and one not in states]
        expected = f"one float input [rows, {self.features}]: the features of {self._of}"
        fitting = [("tensor(float)", [self.state_units])] if self.state_units else []
        if [(one.type, one.shape[1:]) for one in states] != fitting:
            found = ", ".join(f"{one.name} {one.type} {_shape(one.shape)}" for one in inputs)
            raise self._fault("inputs", found, f"{STATE}, float32 [rows, {self.state_units}], for what it remembers")
        if len(others) != 1 or len(masks) > 1 or others[0].type not in _FLOATS:
            found = ", ".join(f"{one.name} {one.type}" for one in inputs) or "none"
            raise self._fault("inputs", found, f"{expected}; and at most one named {' or '.join(_MASK_NAMES[:2])}")
        for one, width, what in (
            (others[0], self.features, "features"),
            *((m, self.actions, "actions") for m in masks),
        ):
            fits = len(one.shape) in (1, 2) and (one.shape[-1] == width or not isinstance(one.shape[-1], int))
            if not fits or len(one.shape) != len(others[0].shape):
                raise self._fault(f"inputs.{one.name}", _shape(one.shape), f"[rows, {width}]: the {what} of {self._of}")
        return others[0], masks[0] if masks else None

    def _find_roles(self) -> dict[str, str]:
        """Which output holds actions, logits and values, by a trial."""
        rows = self._rows or _TRIAL
        mask = np.ones((rows, self.actions), np.bool_)
        found = self._run(np.zeros((rows, self.features), np.float32), mask)
        after = found.pop(NEXT_STATE, None) if self.state_units else None
        if self.state_units and (after is None or after.shape != (rows, self.state_units)):
            raise self._fault("outputs", ", ".join(found), f"{NEXT_STATE}, float32 [rows, {self.state_units}], too")
        whole = [name for name, a in found.items() if a.dtype.kind in "iu" and a.shape in ((rows,), (rows, 1))]
        floats = {name: a.shape for name, a in found.items() if a.dtype.kind == "f"}
        wide = [name for name, shape in floats.items() if shape == (rows, self.actions)]
        named = [name for name in wide if name in _LOGITS_NAMES]
        roles = {}
        if len(wide) == 1 or named:
            roles["logits"] = (named or wide)[0]
            self._require_logits(roles["logits"], found[roles["logits"]])
        elif len(whole) == 1 and not wide:
            roles["actions"] = whole[0]
        else:
            shown = ", ".join(f"{name} {array.dtype} {_shape(array.shape)}" for name, array in found.items()) or "none"
            expected = (
                f"float [rows, {self.actions}] of logits, the actions of {self._of}, or integer [rows] of actions"
            )
            raise self._fault("outputs", shown, expected)
        columns = [name for name, shape in floats.items() if shape == (rows, 1) and name not in roles.values()]
        flat = [name for name, shape in floats.items() if shape == (rows,) and "log_prob" not in name]
        values = columns or flat
        return roles | ({"values": values[0]} if len(values) == 1 else {})

    def _require_logits(self, name: str, array: NDArray[Any]) -> None:
        """Raise InputError for probabilities, which as logits would be nearly the same for every action."""
        if (array >= 0.0).all() and np.allclose(array.sum(axis=1), 1.0, atol=1e-3):
            raise self._fault(f"outputs.{name}", "probabilities, which sum to 1", "logits or log-probabilities")

    def _fault(self, where: str, found: str, expected: str) -> InputError:
        return InputError.of(self.file.path, where, found, expected)


def open_onnx(path: Path, *, content: bytes | None = None) -> OnnxFile:
    """Open an ONNX file with onnxruntime, for one thread per call; with ``content``, a file that is yet to be written.

    Raises InputError if it is no ONNX file, if onnxruntime cannot run it, and if the extra ``onnx`` is not installed.
    """
    onnx, onnxruntime = import_onnx(path)
    data = content or read_bytes(path, "an ONNX file")
    try:
        model: ModelProto = onnx.load_model_from_string(data)
    except Exception as error:
        raise InputError.of(path, "", _first_line(error), "an ONNX file") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Errors are raised; what it would print besides is for its makers.
    options.log_severity_level = 4
    try:
        # By its path, because weights may lie in files beside it.
        given = str(path) if content is None else content
        session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InputError.of(path, "", _first_line(error), "an ONNX file that onnxruntime can run") from None
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    random = any(node.op_type in _RANDOM for node in _nodes(model))
    beside = sorted({path.parent / name for tensor in _tensors(model) for name in _outside(tensor)})
    return OnnxFile(path, session, metadata, random, (path, *beside))


def import_onnx(source: object) -> tuple[Any, Any]:
    """The modules ``onnx`` and ``onnxruntime``. Raises InputError, about ``source``, if one is not installed."""
    try:
        import onnx
        import onnxruntime
    except ImportError:
        raise InputError.of(source, "", "no ONNX", "onnx and onnxruntime: pip install 'townlet[onnx]'") from None
    return onnx, onnxruntime


def _graphs(model: ModelProto) -> Iterator[GraphProto | Any]:
    """The graph, those in its nodes, and the functions."""
    waiting: list[GraphProto | Any] = [model.graph, *model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            waiting += [attribute.g for attribute in node.attribute if attribute.HasField("g")]
            waiting += [inner for attribute in node.attribute for inner in attribute.graphs]


def _nodes(model: ModelProto) -> Iterator[NodeProto]:
    """All nodes, those of subgraphs and functions included."""
    for graph in _graphs(model):
        yield from graph.node


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """All constants, which may lie in files beside the model's: initial values, and attributes of nodes."""
    for graph in _graphs(model):
        # Functions have none.
        yield from getattr(graph, "initializer", ())
    for node in _nodes(model):
        yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


def _outside(tensor: TensorProto) -> list[str]:
    """The name of the file that holds a tensor's numbers, if it is another."""
    return [entry.value for entry in tensor.external_data if entry.key == "location"]


def _shape(shape: Sequence[object]) -> str:
    return f"[{', '.join(str(size) for size in shape)}]"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
