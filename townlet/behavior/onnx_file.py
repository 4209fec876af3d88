"""Export of a policy as an ONNX file, for runtimes without Townlet and without torch.

The graph is written node by node rather than by torch's exporter: a perceptron has a dozen nodes. So the file needs no
tracing and two packages instead of four, equal policies have equal bytes, no node carries paths of the machine that
wrote it, and the batch is free by construction.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from townlet.behavior.evaluate import evaluate_rows
from townlet.behavior.network import ILLEGAL_LOGIT, ActorCritic
from townlet.behavior.own.onnx_network import NEXT_STATE, STATE, OnnxNetwork, import_onnx, open_onnx
from townlet.behavior.policy_file import PolicyCard, load_policy, read_card
from townlet.behavior.torch_rows import step_rows
from townlet.errors import InputError, RunError
from townlet.files.storage import AnyPath, canonical_json, write_atomically

if TYPE_CHECKING:
    from onnx import NodeProto

#: The key of the metadata that holds the policy's card, as JSON.
CARD_KEY = "townlet"
#: Largest difference between the file's results and the policy's, as a share of the largest number among them.
TOLERANCE = 1e-6
#: Observations on which the file is compared with the policy.
_ROWS = 4096
#: Features without finite bounds are drawn from −10 to 10.
_FAR = 10.0
#: Versions that every onnxruntime since 1.12 (2022) reads.
_OPSET, _IR = 17, 8
#: What torch's layer norm adds to the variance.
_EPSILON = 1e-5


class Difference(NamedTuple):
    """How far a file's results are from the policy's."""

    log_probs: float
    """Largest difference of a legal action's log-probability, in nats."""
    values: float
    """Largest difference of a value."""
    share: float
    """The larger of both as a share of the largest log-probability, or value, of that sample; of 1 if that is less; or
    the largest difference of a number in a next state."""
    rows: int
    """Observations that were compared."""


class Exported(NamedTuple):
    """An ONNX file that was written."""

    sha256: str
    size: int
    features: int
    actions: int
    difference: Difference


def export_onnx(policy: AnyPath, output: Path) -> Exported:
    """Write a policy as an ONNX file, after onnxruntime has run it on random observations and agreed with the policy.

    Inputs are ``observation``, float32 [B, F], and ``mask``, bool [B, N]; outputs ``log_probs``, float32 [B, N], about
    −1e30 for illegal actions, and ``value``, float32 [B]. A recurrent policy has a further input ``state``, float32
    [B, H], zeros where an episode begins, and a further output ``next_state``, float32 [B, H]. In a row without a legal
    action all are equally probable. The metadata ``townlet`` is the policy's card in JSON, which names features and
    actions.

    Raises InputError for an unusable policy or output, for a network of a user's own, and if the extra ``onnx`` is not
    installed, and RunError if the results differ; nothing is written then.
    """
    import_onnx("export onnx")
    module = read_card(policy).network.module
    if module is not None:
        expected = "a network of Townlet's own layers; torch.onnx.export writes a module of your own, loaded.network"
        raise InputError.of(policy, "network.module", module, expected)
    network, card = load_policy(policy)
    content = onnx_bytes(network, card)
    sizes = network.features, network.actions
    file = OnnxNetwork(open_onnx(output, content=content), *sizes, of="the policy", state_units=network.state_units)
    if file.batch is not None:
        raise RunError(f"{output}: found a batch of {file.batch}, expected a free number of rows")
    difference = compare(file, network, card)
    return Exported(write_atomically(output, content), len(content), network.features, network.actions, difference)


def onnx_bytes(network: ActorCritic, card: PolicyCard) -> bytes:
    """The content of an ONNX file with this network and card. Raises InputError without the extra ``onnx``."""
    onnx, _ = import_onnx("export onnx")
    helper, proto = onnx.helper, onnx.TensorProto
    weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    weights |= {"illegal": np.array(ILLEGAL_LOGIT, np.float32), "last": np.array([1])}
    inputs = [
        helper.make_tensor_value_info("observation", proto.FLOAT, ["batch", network.features]),
        helper.make_tensor_value_info("mask", proto.BOOL, ["batch", network.actions]),
    ]
    outputs = [
        helper.make_tensor_value_info("log_probs", proto.FLOAT, ["batch", network.actions]),
        helper.make_tensor_value_info("value", proto.FLOAT, ["batch"]),
    ]
    if network.state_units:
        size = ["batch", network.state_units]
        inputs.append(helper.make_tensor_value_info(STATE, proto.FLOAT, size))
        outputs.append(helper.make_tensor_value_info(NEXT_STATE, proto.FLOAT, size))
    tensors = [onnx.numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()]
    graph = helper.make_graph(list(_nodes(helper, network)), "policy", inputs, outputs, tensors)
    model = helper.make_model(
        graph, producer_name="townlet", ir_version=_IR, opset_imports=[helper.make_opsetid("", _OPSET)]
    )
    helper.set_model_props(model, {CARD_KEY: canonical_json(card.model_dump(mode="json"))})
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _nodes(helper: Any, network: ActorCritic) -> Iterator[NodeProto]:
    """The graph's nodes in order: those of :meth:`ActorCritic.forward`."""
    below, config = "observation", network.config
    # Each layer of the trunk has its sums, perhaps their normalisation, and a non-linearity.
    parts = 3 if config.layer_norm else 2
    for index in range(len(config.hidden)):
        layer = f"trunk.{parts * index}"
        yield _linear(helper, below, layer)
        if config.layer_norm:
            norm = f"trunk.{parts * index + 1}"
            given = [layer, f"{norm}.weight", f"{norm}.bias"]
            yield helper.make_node("LayerNormalization", given, [norm], axis=-1, epsilon=_EPSILON)
            layer = norm
        below = f"hidden.{index}"
        yield helper.make_node("Tanh" if config.activation == "tanh" else "Relu", [layer], [below])
    if network.state_units:
        yield from _memory(helper, below)
        yield helper.make_node("Concat", [below, NEXT_STATE], ["joined"], axis=-1)
        below = "joined"
    yield _linear(helper, below, "policy_head")
    yield helper.make_node("Where", ["mask", "policy_head", "illegal"], ["logits"])
    yield helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=-1)
    yield _linear(helper, below, "value_head")
    yield helper.make_node("Squeeze", ["value_head", "last"], ["value"])


def _memory(helper: Any, below: str) -> Iterator[NodeProto]:
    """The nodes of :func:`townlet.behavior.network.next_state`, whose names its formula explains."""
    for source, given in (("input", below), ("state", STATE)):
        part = "ih" if source == "input" else "hh"
        weights = [f"memory.weight_{part}", f"memory.bias_{part}"]
        yield helper.make_node("Gemm", [given, *weights], [f"from_{source}"], transB=1)
        yield helper.make_node("Split", [f"from_{source}"], [f"{gate}_of_{source}" for gate in "rzn"], axis=-1)
    for gate in "rz":
        yield helper.make_node("Add", [f"{gate}_of_input", f"{gate}_of_state"], [f"{gate}_sum"])
        yield helper.make_node("Sigmoid", [f"{gate}_sum"], [gate])
    yield helper.make_node("Mul", ["r", "n_of_state"], ["n_kept"])
    yield helper.make_node("Add", ["n_of_input", "n_kept"], ["n_sum"])
    yield helper.make_node("Tanh", ["n_sum"], ["n"])
    yield helper.make_node("Sub", [STATE, "n"], ["state_beyond_n"])
    yield helper.make_node("Mul", ["z", "state_beyond_n"], ["carried"])
    yield helper.make_node("Add", ["n", "carried"], [NEXT_STATE])


def _linear(helper: Any, below: str, layer: str) -> NodeProto:
    node: NodeProto = helper.make_node("Gemm", [below, f"{layer}.weight", f"{layer}.bias"], [layer], transB=1)
    return node


def compare(file: OnnxNetwork, network: ActorCritic, card: PolicyCard) -> Difference:
    """Compare a file with a policy on random observations within the bounds on its card, with random masks and states.

    Raises RunError if they differ by more than :data:`TOLERANCE`, or choose differently where the most probable action
    leads by more than that.
    """
    observation, mask = _random_rows(card)
    state = np.random.default_rng(1).uniform(-1.0, 1.0, (_ROWS, network.state_units)).astype(np.float32)
    found = file(observation, mask, state)
    rows = tuple(torch.from_numpy(array) for array in (observation, mask, state))
    log_probs, values = (tensor.numpy() for tensor in evaluate_rows(network, *rows))
    assert found.logits is not None and found.values is not None
    scale = max(1.0, float(np.abs(log_probs[mask]).max())), max(1.0, float(np.abs(values).max()))
    largest = float(np.abs(found.logits - log_probs)[mask].max()), float(np.abs(found.values - values).max())
    # A state is between −1 and 1.
    states = 0.0
    if network.state_units:
        after = step_rows(network, *rows).state.numpy()
        states = float(np.abs(found.state - after).max())
    share = max(largest[0] / scale[0], largest[1] / scale[1], states)
    difference = Difference(*largest, share, len(mask))
    if not difference.share <= TOLERANCE:
        raise RunError(f"onnxruntime: found results {difference.share:.1e} from the policy's, expected {TOLERANCE:g}")
    order = np.sort(log_probs, axis=1)
    clear = order[:, -1] - order[:, -2] > 2 * largest[0]
    if (found.logits.argmax(axis=1) != log_probs.argmax(axis=1))[clear].any() or (found.logits[~mask] > -1e29).any():
        raise RunError("onnxruntime: found other most probable actions than the policy's, expected the same")
    return difference


def _random_rows(card: PolicyCard) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Observations, float32 [B, F], and masks, bool [B, N], each with a legal action."""
    random = np.random.default_rng(0)
    bounds = [(_bound(one.get("low"), -_FAR), _bound(one.get("high"), _FAR)) for one in card.observation]
    low, high = np.array(bounds).T
    observation = random.uniform(low, high, (_ROWS, len(low))).astype(np.float32)
    mask = random.random((_ROWS, len(card.actions))) < 0.5
    mask[np.arange(_ROWS), random.integers(len(card.actions), size=_ROWS)] = True
    return observation, mask


def _bound(given: object, otherwise: float) -> float:
    """A bound on a card, if it is a finite number that can be drawn between."""
    return float(given) if isinstance(given, int | float) and abs(given) < 1e6 else otherwise
