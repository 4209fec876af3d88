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
from townlet.behavior.own.onnx_network import OnnxNetwork, import_onnx, open_onnx
from townlet.behavior.policy_file import PolicyCard, load_policy
from townlet.errors import RunError
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


class Difference(NamedTuple):
    """How far a file's results are from the policy's."""

    log_probs: float
    """Largest difference of a legal action's log-probability, in nats."""
    values: float
    """Largest difference of a value."""
    share: float
    """The larger of both as a share of the largest log-probability, or value, of that sample; of 1 if that is less."""
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
    −1e30 for illegal actions, and ``value``, float32 [B]. In a row without a legal action all are equally probable. The
    metadata ``townlet`` is the policy's card in JSON, which names features and actions.

    Raises InputError for an unusable policy or output, and if the extra ``onnx`` is not installed, and RunError if the
    results differ; nothing is written then.
    """
    import_onnx("export onnx")
    network, card = load_policy(policy)
    content = onnx_bytes(network, card)
    file = OnnxNetwork(open_onnx(output, content=content), network.features, network.actions, of="the policy")
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
    below = "observation"
    for index in range(len(network.config.hidden)):
        # Every other entry of the trunk is a non-linearity.
        layer = f"trunk.{2 * index}"
        yield _linear(helper, below, layer)
        below = f"hidden.{index}"
        yield helper.make_node("Tanh" if network.config.activation == "tanh" else "Relu", [layer], [below])
    yield _linear(helper, below, "policy_head")
    yield helper.make_node("Where", ["mask", "policy_head", "illegal"], ["logits"])
    yield helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=-1)
    yield _linear(helper, below, "value_head")
    yield helper.make_node("Squeeze", ["value_head", "last"], ["value"])


def _linear(helper: Any, below: str, layer: str) -> NodeProto:
    node: NodeProto = helper.make_node("Gemm", [below, f"{layer}.weight", f"{layer}.bias"], [layer], transB=1)
    return node


def compare(file: OnnxNetwork, network: ActorCritic, card: PolicyCard) -> Difference:
    """Compare a file with a policy on random observations within the bounds on its card, with random masks.

    Raises RunError if they differ by more than :data:`TOLERANCE`, or choose differently where the most probable action
    leads by more than that.
    """
    observation, mask = _random_rows(card)
    found = file(observation, mask)
    log_probs, values = (
        tensor.numpy() for tensor in evaluate_rows(network, torch.from_numpy(observation), torch.from_numpy(mask))
    )
    assert found.logits is not None and found.values is not None
    scale = max(1.0, float(np.abs(log_probs[mask]).max())), max(1.0, float(np.abs(values).max()))
    largest = float(np.abs(found.logits - log_probs)[mask].max()), float(np.abs(found.values - values).max())
    difference = Difference(*largest, max(largest[0] / scale[0], largest[1] / scale[1]), len(mask))
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
